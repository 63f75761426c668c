"""Parameters of a path or a query: how they are read, and how OpenAPI describes them."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from werkzeug.datastructures import MultiDict

from canvas_sync_core.settings import time_zone
from canvas_sync_exporter.schedules.durations import parse_duration

from .problems import FieldError, ProblemError

__all__ = [
    "Parameter",
    "choice",
    "duration",
    "flag",
    "list_limit",
    "read_parameters",
    "repeatable",
    "require_proper_encoding",
    "text",
    "whole_number",
    "zone",
]


_NO_PLACES: Final = frozenset({"localtime", "posixrules", "Factory"})
"""Names that a machine's copy of the database may have, and that mean another zone on each."""

_MOST_REPEATED: Final = 50
_TOO_OFTEN: Final = {
    False: "given more than once",
    True: f"given more than {_MOST_REPEATED} times",
}
_SECONDS: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_SAY_UTF8: Final = "use UTF-8, percent-encoded"
_BAD_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an endpoint.

    Attributes:
        in_path: Whether it stands in the path rather than in the query.
        parse: Turns the text into a value, or raises ValueError with the reason.
        schema: JSON Schema of the value.
        default: Value of a query parameter that was not given.
        argument: Name of the handler's argument, if it is not that of the parameter.
        is_repeatable: Whether it may be given several times; the value is a tuple.
        is_required: Whether a query parameter must be given.
        former_name: A deprecated name that a query may still use instead.
    """

    name: str
    in_path: bool
    description: str
    parse: Callable[[str], Any]
    schema: Mapping[str, Any]
    default: Any = None
    argument: str = ""
    is_repeatable: bool = False
    is_required: bool = False
    former_name: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The names that a request may use for it, the right one first."""
        return (self.name, self.former_name) if self.former_name else (self.name,)


def whole_number(  # one line of a table of endpoints each
    name: str,
    description: str,
    low: int,
    high: int,
    *,
    default: int | None = None,
    in_path: bool | None = None,
) -> Parameter:
    """A whole number from ``low`` to ``high``; unless given, in the path if it has no default."""

    def parse(raw: str) -> int:
        if not (raw.isascii() and raw.isdigit() and len(raw) <= 19 and low <= int(raw) <= high):
            raise ValueError(f"use a whole number from {low} to {high}")
        return int(raw)

    schema: dict[str, Any] = {"type": "integer", "minimum": low, "maximum": high}
    if default is not None:
        schema["default"] = default
    return Parameter(
        name=name,
        in_path=default is None if in_path is None else in_path,
        description=description,
        parse=parse,
        schema=schema,
        default=default,
    )


def list_limit(things: str) -> Parameter:
    """The maximum length of a list."""
    return whole_number("limit", f"Maximum number of {things}.", 1, 500, default=50)


def text(name: str, description: str, max_length: int, *, in_path: bool = False) -> Parameter:
    """A text of 1 to ``max_length`` characters."""

    def parse(raw: str) -> str:
        if not 0 < len(raw) <= max_length or "\0" in raw:
            raise ValueError(f"use 1 to {max_length} characters, none of them NUL")
        return raw

    schema = {"type": "string", "minLength": 1, "maxLength": max_length}
    return Parameter(name, in_path, description, parse, schema)


def flag(name: str, description: str) -> Parameter:
    """``true`` or ``false``; false when it was not given."""

    def parse(raw: str) -> bool:
        if raw not in ("true", "false"):
            raise ValueError("use true or false")
        return raw == "true"

    schema = {"type": "boolean", "default": False}
    return Parameter(name, False, description, parse, schema, default=False)


def choice(name: str, description: str, values: type[StrEnum]) -> Parameter:
    """One of the values of an enumeration; None when it was not given."""
    known = [each.value for each in values]

    def parse(raw: str) -> StrEnum:
        if raw not in known:
            raise ValueError(f"use one of {', '.join(known)}")
        return values(raw)

    schema = {"type": "string", "enum": known}
    return Parameter(name, False, description, parse, schema)


def repeatable(parameter: Parameter) -> Parameter:
    """The same query parameter, which may be given several times; empty when it was not given."""
    schema = {"type": "array", "items": dict(parameter.schema)}
    return replace(parameter, schema=schema, default=(), is_repeatable=True)


def duration(name: str, description: str) -> Parameter:
    """A duration: a number of seconds, or a text such as ``5m`` or ``1h30m``."""

    def parse(raw: str) -> float:
        if _SECONDS.fullmatch(raw):
            return float(raw)
        return parse_duration(raw).total_seconds()

    return Parameter(name, False, description, parse, {"type": "string"})


def zone(name: str, description: str) -> Parameter:
    """A time zone by its name in the IANA database; UTC when it was not given."""

    def parse(raw: str) -> dt.tzinfo:
        if "\0" in raw or raw in _NO_PLACES or raw.startswith(("right/", "posix/")):
            raise ValueError("use a time zone such as UTC or Europe/Berlin")
        return time_zone(raw)

    schema = {"type": "string", "minLength": 1, "default": "UTC"}
    return Parameter(name, False, description, parse, schema, default=dt.UTC)


def require_proper_encoding(path: str, query: bytes) -> None:
    """Refuse a request that is wrongly encoded: decoded, it would mean another text.

    Args:
        path: The decoded path, as WSGI has it: each byte a character.
        query: The query as it was sent.

    Raises:
        ProblemError: 404 for the path, which then leads to nothing; 422 with every parameter that
            is wrong.
    """
    if not _is_utf8(path.encode("latin-1")):
        raise ProblemError(404, f"There is no such path: {_SAY_UTF8}.")
    errors = []
    for pair in query.split(b"&"):
        name = unquote_to_bytes(pair.partition(b"=")[0]).decode(errors="backslashreplace")
        if not _is_utf8(unquote_to_bytes(pair)):
            errors.append(FieldError(name, _SAY_UTF8))
        elif _BAD_ESCAPE.search(pair):
            errors.append(FieldError(name, "write % percent-encoded, as %25"))
    _refuse(errors)


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def read_parameters(
    parameters: Sequence[Parameter], path: Mapping[str, str], query: MultiDict[str, str]
) -> dict[str, Any]:
    """Read the parameters of a request.

    Raises:
        ProblemError: 422, with every parameter that is wrong, unknown or given twice.
    """
    values: dict[str, Any] = {}
    errors: list[FieldError] = []
    known = {name for each in parameters if not each.in_path for name in each.names}
    hint = f"known are {', '.join(sorted(known))}" if known else "there are none here"
    errors += [FieldError(n, f"unknown parameter; {hint}") for n in query if n not in known]
    for parameter in parameters:
        name, given = _given(parameter, path, query)
        if len(given) > (_MOST_REPEATED if parameter.is_repeatable else 1):
            errors.append(FieldError(name, _TOO_OFTEN[parameter.is_repeatable]))
            continue
        try:
            values[parameter.argument or parameter.name] = _parse(parameter, given)
        except ValueError as error:
            errors.append(FieldError(name, str(error)))
    _refuse(errors)
    return values


def _given(
    parameter: Parameter, path: Mapping[str, str], query: MultiDict[str, str]
) -> tuple[str, list[str]]:
    """Return the values of a parameter, and the last of its names that the request uses."""
    if parameter.in_path:
        return parameter.name, [path[parameter.name]]
    used = [name for name in parameter.names if name in query]
    values = [value for name in used for value in query.getlist(name)]
    return (used or [parameter.name])[-1], values


def _parse(parameter: Parameter, given: Sequence[str]) -> Any:
    if not given and parameter.is_required:
        raise ValueError("this parameter is required")
    if not given:
        return parameter.default
    values = tuple(dict.fromkeys(map(parameter.parse, given)))
    return values if parameter.is_repeatable else values[0]


def _refuse(errors: Sequence[FieldError]) -> None:
    if errors:
        names = ", ".join(error.field for error in errors)
        raise ProblemError(422, f"These parameters are wrong: {names}.", errors=errors)
