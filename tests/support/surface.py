"""The names and formats that users depend on, and what a change to them breaks.

``make surface`` records them in ``tests/surface.json`` at each release.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final, get_type_hints

from flask import Flask

import canvas_sync_instrumentation
from canvas_sync_core.schema.log_records import LOG_EVENTS, Record
from canvas_sync_core.schema.metrics import METRICS
from canvas_sync_core.schema.run_fields import RUN_FIELDS
from canvas_sync_core.settings import Settings, describe
from canvas_sync_core.version import VERSION
from canvas_sync_exporter import query, ui, web
from canvas_sync_exporter.command_line import make_parser
from canvas_sync_exporter.settings import ExporterSettings
from canvas_sync_instrumentation import testing

from .command_line import each_command
from .log_schema import documented_type, own_fields
from .markdown import DOCS, ROOT, table

__all__ = ["RECORDED", "Surface", "breaks", "recorded_surface", "surface"]

Surface = dict[str, dict[str, str]]
"""Kind of name -> name -> what can be relied on. Parts of a name follow it in brackets."""

RECORDED: Final = ROOT / "tests" / "surface.json"
_REQUIRED: Final = "required"
_KEYS: Final = (
    "a sync type",
    "a pause",
    "the heartbeat",
    "the links",
    "the messages",
    "the reports",
)
_KEYS_OF_DESTINATIONS: Final = ("every destination", "Slack", "e-mail", "a webhook", "Apprise")


def surface() -> Surface:
    """What users of this checkout can depend on."""
    return {
        "command": dict(_commands()),
        "setting": {
            each.env: f"default {each.default or 'none'}"
            for each in (*describe(Settings), *describe(ExporterSettings))
        },
        "key of the configuration file": dict(_keys()),
        "metric": {
            name: f"{spec.type} by {', '.join(spec.label_names) or 'no label'}"
            for name, spec in METRICS.items()
        },
        "log field": dict(_log_fields()),
        "column": {
            field.column: f"{field.type.name.lower()}{' or null' if field.is_nullable else ''}"
            for field in RUN_FIELDS
        },
        "REST name": dict(_rest_names()),
        "Python name": dict(_python_names()),
    }


def recorded_surface() -> tuple[str, Surface]:
    """The version of the last release, and what its users depend on."""
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    return recorded["version"], recorded["surface"]


def breaks(before: Surface, now: Surface) -> Iterator[str]:
    """Say what no longer works: names that are gone, mean something else, or require more."""
    for kind, names in before.items():
        present = now.get(kind, {})
        for name, meaning in names.items():
            if name not in present:
                yield f"The {kind} {name} is gone"
            elif present[name] != meaning:
                yield f"The {kind} {name} was: {meaning}; it is now: {present[name]}"
        for name in present.keys() - names.keys():
            whole = name.partition("(")[0]
            if present[name].startswith(_REQUIRED) and whole in names:
                yield f"The {kind} {name} is new and required"


def _commands() -> Iterator[tuple[str, str]]:
    for command, parser in each_command(make_parser()):
        yield command, "a command"
        for action in parser._actions:
            takes = "takes nothing" if action.nargs == 0 else "takes a value"
            for option in action.option_strings:
                required = f"{_REQUIRED}, " if action.required else ""
                yield f"{command}({option})", f"{required}{takes}"
            if not action.option_strings:
                optional = action.nargs in {"?", "*"} or action.default is not None
                yield f"{command}({action.dest})", "optional" if optional else _REQUIRED


def _keys() -> Iterator[tuple[str, str]]:
    page = DOCS / "reference" / "configuration-file.md"
    for owner in (*_KEYS, *_KEYS_OF_DESTINATIONS):
        for key in table(page, f"key of {owner}"):
            yield f"{key} of {owner}", "a key"


def _log_fields() -> Iterator[tuple[str, str]]:
    common = {name: documented_type(hint) for name, hint in get_type_hints(Record).items()}
    for name, kind in common.items():
        yield f"{name} of every line", kind
    for event, declared in LOG_EVENTS.items():
        yield f"event {event}", f"in {declared.log}"
        for name, hint in own_fields(declared.record).items():
            yield f"{name} of {event}", documented_type(hint)


def _rest_names() -> Iterator[tuple[str, str]]:
    app = Flask(__name__)
    web.register_canvas_metrics_api(app)
    document = app.test_client().get("/api/canvas/openapi.json").json
    assert document is not None
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            name = f"{method.upper()} {path}"
            media, answer = next(iter(operation["responses"]["200"]["content"].items()))
            yield name, f"answers {_json_type(answer['schema'])} as {media}"
            for parameter in operation["parameters"]:
                required = _REQUIRED if parameter.get("required") else "optional"
                kind = _json_type(parameter["schema"])
                yield f"{name}({parameter['name']})", f"{required} {kind}"
    for answer, schema in document["components"]["schemas"].items():
        for field, kind in schema.get("properties", {}).items():
            yield f"{answer}.{field}", _json_type(kind)


def _json_type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(sorted(map(_json_type, schema["anyOf"])))
    if schema.get("type") == "array":
        return f"list of {_json_type(schema.get('items', {}))}"
    return str(schema.get("format") or schema.get("type", "any value"))


def _python_names() -> Iterator[tuple[str, str]]:
    for module in (canvas_sync_instrumentation, testing, query, web, ui):
        for name in module.__all__:
            if name not in {"create_app", "ui_blueprint"}:  # of the exporter alone
                yield from _python_name(f"{module.__name__}.{name}", getattr(module, name))


def _python_name(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if not inspect.isclass(value):
        yield name, "callable" if callable(value) else "a value"
        yield from _parameters(name, value)
        return
    yield name, "a class"
    if not issubclass(value, Exception | Enum):
        yield from _parameters(name, value)
    for member, attribute in _members(value):
        if isinstance(attribute, property):
            yield f"{name}.{member}", "a property"
        elif isinstance(attribute, Enum):
            yield f"{name}.{member}", repr(attribute.value)
        elif callable(attribute):
            yield f"{name}.{member}", "callable"
            yield from _parameters(f"{name}.{member}", attribute)


def _members(kind: type) -> Iterator[tuple[str, Any]]:
    """The public members of a class that are not inherited from another project's."""
    for base in kind.__mro__:
        if base.__module__.startswith("canvas_sync_"):
            for member in vars(base):
                if not member.startswith("_"):
                    yield member, inspect.getattr_static(kind, member)


def _parameters(name: str, function: Callable[..., Any]) -> Iterator[tuple[str, str]]:
    try:
        parameters: Iterable[inspect.Parameter] = inspect.signature(function).parameters.values()
    except ValueError:  # of a class in C
        return
    for place, parameter in enumerate(parameters):
        if parameter.name == "self":
            continue
        is_listed = parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}
        is_required = parameter.default is parameter.empty and not is_listed
        by_place = parameter.kind is not parameter.KEYWORD_ONLY and not is_listed
        by_place &= not is_dataclass(function)  # their fields are given by name
        required = _REQUIRED if is_required else "optional"
        where = f"argument {place}" if by_place else "by keyword"
        yield f"{name}({parameter.name})", f"{required}, {where}"


if __name__ == "__main__":
    text = json.dumps({"version": VERSION, "surface": surface()}, indent=1, sort_keys=True)
    Path(RECORDED).write_text(f"{text}\n", encoding="utf-8")
