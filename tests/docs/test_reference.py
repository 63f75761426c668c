"""The reference pages name what there is, all of it and nothing else."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable
from pathlib import Path
from typing import get_type_hints

import opentelemetry.sdk.environment_variables as otel_names
import pytest

import canvas_sync_instrumentation
from canvas_sync_core import errors
from canvas_sync_core.names import LOGS, Log, MessageState, RunStatus
from canvas_sync_core.schema.log_records import COMMON_FIELDS, LOG_EVENTS, Record, events_of
from canvas_sync_core.schema.run_fields import RUN_FIELDS, FieldType
from canvas_sync_core.settings import SettingHelp, Settings, describe
from canvas_sync_core.store.incidents.tables import incidents_table, judges_table
from canvas_sync_core.store.messages.tables import messages_table
from canvas_sync_core.store.model import metrics_table
from canvas_sync_core.store.schema_version import SCHEMA_VERSION, VERSION_TABLE
from canvas_sync_exporter import query
from canvas_sync_exporter.settings import ExporterSettings
from canvas_sync_exporter.web.auth import Scope
from canvas_sync_instrumentation import CanvasSyncMetricsTracker, testing
from support.log_schema import documented_type, own_fields
from support.markdown import DOCS, ROOT, plain_text, table

REFERENCE = DOCS / "reference"
_MEGABYTE = 1024 * 1024
_COLUMN_TYPES = {
    FieldType.INTEGER: "integer",
    FieldType.DOUBLE: "double",
    FieldType.NAME: "text",
    FieldType.TEXT: "text",
    FieldType.LINES: "text",
    FieldType.STATUS: "text",
    FieldType.TIME: "time",
    FieldType.START: "time",
    FieldType.BOOLEAN: "boolean",
    FieldType.JSON: "JSON",
}


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _sources(*roots: str) -> Iterable[str]:
    for root in roots:
        for file in (ROOT / root).rglob("*.py"):
            yield file.read_text(encoding="utf-8")


def test_each_setting_is_documented_with_its_default_and_secrecy() -> None:
    rows = table(REFERENCE / "settings.md", "variable")
    known: list[SettingHelp] = [*describe(Settings), *describe(ExporterSettings)]

    assert {name: cells[:2] for name, cells in rows.items()} == {
        setting.env: [_code(setting.default), "yes" if setting.secret else "no"]
        for setting in known
    }


def test_each_opentelemetry_variable_that_is_read_is_documented() -> None:
    documented = set(table(REFERENCE / "settings.md", "standard variable"))
    read = {
        name
        for source in _sources("core", "instrumentation", "exporter")
        for name in re.findall(r'"(OTEL_[A-Z_]+)"', source)
    }

    assert read <= documented
    assert documented - read <= {name for name in vars(otel_names) if name.startswith("OTEL_")}


def test_no_other_variable_is_read() -> None:
    documented = set(table(REFERENCE / "settings.md", "variable"))
    named = {
        name
        for source in _sources("core", "instrumentation", "exporter")
        for name in re.findall(r"CANVAS_SYNC_[A-Z]+(?:_[A-Z]+)*", source)
    }

    assert named - {"CANVAS_SYNC_DATABASE_URL_FILE"} <= documented


def test_each_log_is_documented_with_its_limits() -> None:
    rows = table(REFERENCE / "logs.md", "log")

    assert {name: cells[:3] for name, cells in rows.items()} == {
        log: [f"`{log}.log`", f"{size // _MEGABYTE} MB", str(backups)]
        for log, (size, backups) in LOGS.items()
    }


def test_the_fields_of_every_line_are_documented_in_their_order() -> None:
    assert tuple(table(REFERENCE / "logs.md", "field")) == COMMON_FIELDS


@pytest.mark.parametrize("log", Log)
def test_each_further_field_of_a_log_is_documented_with_its_events_and_type(log: Log) -> None:
    rows = table(REFERENCE / "logs.md", f"field in `{log}`")
    known: dict[str, tuple[set[str], str]] = {}
    for event in events_of(log):
        for name, hint in own_fields(LOG_EVENTS[event].record).items():
            known.setdefault(name, (set(), documented_type(hint)))[0].add(event)

    assert {
        name: (set(re.findall(r"`(\w+)`", cells[0])), cells[1]) for name, cells in rows.items()
    } == known


def test_the_types_of_the_fields_of_every_line_are_documented() -> None:
    rows = table(REFERENCE / "logs.md", "field")

    assert {name: cells[0].removesuffix(" or null") for name, cells in rows.items()} == {
        name: documented_type(hint) for name, hint in get_type_hints(Record).items()
    }


def test_each_event_of_a_log_is_documented() -> None:
    rows = table(REFERENCE / "logs.md", "event")

    assert {name: cells[0] for name, cells in rows.items()} == {
        name: f"`{event.log}`" for name, event in LOG_EVENTS.items()
    }


def test_each_column_of_the_table_is_documented_with_type_and_meaning() -> None:
    rows = table(REFERENCE / "table.md", "column")

    assert {name: cells[:2] for name, cells in rows.items()} == {
        field.column: [_COLUMN_TYPES[field.type], "yes" if field.is_nullable else "no"]
        for field in RUN_FIELDS
    }
    assert {
        field.column: field.doc
        for field in RUN_FIELDS
        if not plain_text(rows[field.column][2]).startswith(field.doc.removesuffix("."))
    } == {}


def test_the_other_places_that_show_a_fact_of_a_run_are_documented() -> None:
    assert table(REFERENCE / "table.md", "fact") == {
        field.column: [_code(field.log), _code(field.span), _code(field.metric or "")]
        for field in RUN_FIELDS
        if (field.log or field.span or field.metric) and not field.source.startswith("items.")
    }


def test_the_attributes_of_a_runs_span_are_documented() -> None:
    assert set(table(REFERENCE / "spans.md", "attribute of `canvas.sync`")) == {
        field.span for field in RUN_FIELDS if field.span
    }


def test_each_index_of_the_table_is_documented() -> None:
    rows = table(REFERENCE / "table.md", "index")
    documented = {name: re.findall(r"`(\w+)`", cells[0]) for name, cells in rows.items()}
    unique = {"uq_canvas_sync_metrics_sync_task_id": ["sync_task_id"]}

    assert documented == unique | {
        str(index.name): [column.name for column in index.columns]
        for index in metrics_table.indexes
    }


def test_each_column_of_the_incidents_is_documented() -> None:
    rows = table(REFERENCE / "table.md", "incident column")

    assert list(rows) == [column.name for column in incidents_table.columns]
    text = (REFERENCE / "table.md").read_text(encoding="utf-8")
    assert all(f"`{column.name}`" in text for column in judges_table.columns)


def test_each_column_of_the_messages_is_documented() -> None:
    rows = table(REFERENCE / "table.md", "message column")
    text = (REFERENCE / "table.md").read_text(encoding="utf-8")

    assert list(rows) == [column.name for column in messages_table.columns]
    assert all(f"`{state}`" in text for state in MessageState)


def test_the_newest_version_of_the_table_is_documented() -> None:
    text = (REFERENCE / "table.md").read_text(encoding="utf-8")

    assert f"`{SCHEMA_VERSION}`" in text
    assert f"`{VERSION_TABLE}`" in text


def test_each_status_is_documented() -> None:
    assert set(table(REFERENCE / "table.md", "status")) == set(RunStatus)


def test_each_public_name_is_documented() -> None:
    documented = set(table(REFERENCE / "python.md", "name"))

    assert documented == set(canvas_sync_instrumentation.__all__)
    assert set(errors.__all__) <= documented


def test_each_member_of_the_tracker_is_documented() -> None:
    documented = {name.partition("(")[0] for name in table(REFERENCE / "python.md", "member")}
    members = {name for name in vars(CanvasSyncMetricsTracker) if not name.startswith("_")}

    assert documented == members


def test_each_argument_of_the_tracker_is_documented() -> None:
    documented = tuple(table(REFERENCE / "python.md", "argument"))

    assert documented == tuple(inspect.signature(CanvasSyncMetricsTracker).parameters)


def test_each_hook_is_documented() -> None:
    documented = {name.partition("(")[0] for name in table(REFERENCE / "python.md", "hook")}
    hooks = {name for name in canvas_sync_instrumentation.__all__ if name.startswith("instrument_")}

    assert documented == hooks | {"init_app"}


def test_each_hook_of_a_client_is_on_the_page_of_clients() -> None:
    text = (REFERENCE / "clients.md").read_text(encoding="utf-8")
    others = {"instrument_apscheduler", "instrument_celery", "instrument_sqlalchemy"}
    hooks = {name for name in canvas_sync_instrumentation.__all__ if name.startswith("instrument_")}

    assert set(re.findall(r"`(instrument_\w+)\(", text)) == hooks - others


def test_each_helper_for_tests_is_documented() -> None:
    documented = {name.partition("(")[0] for name in table(REFERENCE / "python.md", "in `testing`")}

    assert documented == set(testing.__all__)


def test_each_query_is_documented_with_its_arguments() -> None:
    shared = {"since", "until", "tz", "engine"}
    documented = {}
    for call in table(REFERENCE / "python.md", "query"):
        (function,) = ast.parse(f"def {call}: ...").body
        assert isinstance(function, ast.FunctionDef)
        names = {node.arg for node in ast.walk(function.args) if isinstance(node, ast.arg)}
        documented[function.name] = names

    assert set(documented) == set(query.__all__)
    for name, names in documented.items():
        assert names == set(inspect.signature(getattr(query, name)).parameters) - shared, name


def test_each_scope_is_documented() -> None:
    assert set(table(REFERENCE / "rest.md", "scope")) == set(Scope)


def test_each_exported_module_name_exists() -> None:
    """Dotted names of ours in prose lead somewhere."""
    for page in DOCS.rglob("*.md"):
        text = page.read_text(encoding="utf-8")
        for name in re.findall(
            r"`(canvas_sync_(?:core|instrumentation|exporter|demo)(?:\.\w+)+)", text
        ):
            assert _exists(name), f"{page.name}: {name}"


def _exists(name: str) -> bool:
    roots = {
        "canvas_sync_core": "core",
        "canvas_sync_instrumentation": "instrumentation",
        "canvas_sync_exporter": "exporter",
        "canvas_sync_demo": "demo",
    }
    parts = name.split(".")
    path = ROOT / roots[parts[0]] / parts[0]
    for index, part in enumerate(parts[1:], start=1):
        if (path / part).is_dir() or (path / f"{part}.py").is_file():
            path /= part
            continue
        module = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        return index == len(parts) - 1 and part in _top_names(module)
    return True


def _top_names(module: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.parse(module.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
        elif isinstance(node, ast.ImportFrom):
            names.update(alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.If):  # exported, and imported when it is first used
            imports = [each for each in node.body if isinstance(each, ast.ImportFrom)]
            aliases = [alias for each in imports for alias in each.names]
            names.update(alias.name for alias in aliases if alias.asname == alias.name)
    return names
