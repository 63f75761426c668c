"""The parameters of the endpoints that show lines of the logs."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, TypeVar

from canvas_sync_core.names import LINE_LEVELS, Log
from canvas_sync_exporter.logs.search import (
    PATTERN_LIMIT,
    Exclusions,
    LineFilter,
    LinePosition,
    Order,
    compile_pattern,
)

from .parameters import Parameter, list_limit, text, whole_number
from .period import TZ, range_of

__all__ = [
    "AFTER",
    "AFTER_EVENT",
    "BEFORE",
    "BUCKETS",
    "CURSOR",
    "FILTERS",
    "LIMIT",
    "LINES",
    "LOG",
    "ORDER",
    "PERIOD",
    "POSITION",
    "VALUES",
    "make_filter",
]

_BIGGEST: Final = 2**63 - 1
_MOST_VALUES: Final = 50
_Value = TypeVar("_Value")


def _several(
    name: str, description: str, parse: Callable[[str], _Value], pattern: str | None = None
) -> Parameter:
    """Several values between commas; by default none."""

    def parse_all(raw: str) -> tuple[_Value, ...]:
        values = raw.split(",")
        if len(values) > _MOST_VALUES:
            raise ValueError(f"use at most {_MOST_VALUES} values")
        return tuple(dict.fromkeys(map(parse, values)))

    schema: dict[str, Any] = {"type": "string", "minLength": 1}
    if pattern is not None:
        schema["pattern"] = f"^({pattern})(,({pattern}))*$"
    return Parameter(name, False, description, parse_all, schema, default=())


def _parse_log(raw: str) -> Log:
    if raw not in set(Log):
        raise ValueError(f"use one or more of {', '.join(Log)}, between commas")
    return Log(raw)


def _parse_level(raw: str) -> str:
    level = raw.upper()
    if level not in LINE_LEVELS:
        raise ValueError(f"use one or more of {', '.join(LINE_LEVELS)}, between commas")
    return level


def _parse_number(raw: str) -> int:
    if not (raw.isascii() and raw.isdigit() and len(raw) <= 19 and int(raw) <= _BIGGEST):
        raise ValueError("use whole numbers, between commas")
    return int(raw)


def _parse_word(raw: str) -> str:
    if not 0 < len(raw) <= 500 or "\0" in raw:
        raise ValueError("use values of 1 to 500 characters, none of them NUL, between commas")
    return raw


def _number(name: str, description: str) -> Parameter:
    return replace(whole_number(name, description, 0, _BIGGEST), in_path=False)


def _regex(name: str, description: str) -> Parameter:
    schema = {"type": "string", "maxLength": PATTERN_LIMIT}
    return Parameter(name, False, description, compile_pattern, schema)


def _parse_trace_id(raw: str) -> str:
    if not re.fullmatch("[0-9a-f]{32}", raw):
        raise ValueError("use 32 hexadecimal digits in lower case")
    return raw


def _trace(name: str, description: str) -> Parameter:
    schema = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
    return Parameter(name, False, description, _parse_trace_id, schema)


def _parse_order(raw: str) -> Order:
    if raw not in set(Order):
        raise ValueError(f"use one of {', '.join(Order)}")
    return Order(raw)


_LEVELS: Final = "|".join(f"{level}|{level.lower()}" for level in LINE_LEVELS)
LOG: Final = replace(
    _several(
        "log", "In these logs, between commas; all by default.", _parse_log, pattern="|".join(Log)
    ),
    default=tuple(Log),
)
_LINE_FILTERS: Final = (
    text("text", "Text that the line contains as it stands in the file.", 1000),
    _regex("regex", "Regular expression in RE2's syntax that matches in the line."),
    LOG,
    _several("level", "Of one of these levels, between commas.", _parse_level, _LEVELS),
    _number("user_id", "Of this user."),
    _number("course_id", "Of this course."),
    text("task_id", "Of the run with this task id.", 1000),
    _trace("trace_id", "Of this trace."),
    text(
        "status",
        "HTTP status, class of a failed request, status of a run or outcome of an operation.",
        100,
    ),
    text("route", "Canvas route template, such as `/api/v1/courses/:id`.", 500),
)
_EXCLUSIONS: Final = (
    text("not_text", "Without this text.", 1000),
    _regex("not_regex", "Regular expression in RE2's syntax that does not match in the line."),
    _several("not_level", "Of none of these levels, between commas.", _parse_level, _LEVELS),
    _several("not_user_id", "Of none of these users, between commas.", _parse_number),
    _several("not_course_id", "Of none of these courses, between commas.", _parse_number),
    text("not_task_id", "Not of the run with this task id.", 1000),
    _trace("not_trace_id", "Not of this trace."),
    _several("not_status", "With none of these statuses, between commas.", _parse_word),
    _several("not_route", "Of none of these Canvas routes, between commas.", _parse_word),
)
FILTERS: Final = (*_LINE_FILTERS, *_EXCLUSIONS)
"""Filters of lines, apart from their time."""

_FROM, _TO = range_of("was written")
PERIOD: Final = (replace(_FROM, former_name="since"), replace(_TO, former_name="until"), TZ)
ORDER: Final = Parameter(
    "order",
    in_path=False,
    description="Which lines come first: the newest or the oldest.",
    parse=_parse_order,
    schema={"type": "string", "enum": list(Order), "default": Order.NEWEST.value},
    default=Order.NEWEST,
)
POSITION: Final = Parameter(
    "position",
    in_path=False,
    description="`position` of a line.",
    parse=LinePosition.decode,
    schema={"type": "string", "minLength": 1, "maxLength": 200},
    is_required=True,
)
BEFORE: Final = whole_number("before", "Maximum number of lines before it.", 0, 200, default=20)
AFTER: Final = whole_number("after", "Maximum number of lines after it.", 0, 200, default=20)
BUCKETS: Final = whole_number("buckets", "Maximum number of time buckets.", 2, 200, default=60)
VALUES: Final = whole_number("values", "Maximum number of values of a field.", 1, 100, default=10)
LIMIT: Final = list_limit("lines")
CURSOR: Final = text("cursor", "`next` of the previous page, with the same parameters.", 4000)
AFTER_EVENT: Final = replace(
    CURSOR,
    description="`id` of an event: start with the lines after it. The header `Last-Event-ID`,"
    " which browsers send when they reconnect, has precedence.",
)
LINES: Final = whole_number("lines", "Number of newest lines to start with.", 0, 500, default=10)


def make_filter(
    values: Mapping[str, Any],
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
) -> LineFilter:
    """Make the filter of a request.

    Args:
        values: The values of :data:`FILTERS`, by name.
        since: Only lines at or after this time.
        until: Only lines before this time.
    """
    exclusions = Exclusions(
        texts=_as_tuple(values["not_text"]),
        patterns=_as_tuple(values["not_regex"]),
        levels=values["not_level"],
        user_ids=values["not_user_id"],
        course_ids=values["not_course_id"],
        task_ids=_as_tuple(values["not_task_id"]),
        trace_ids=_as_tuple(values["not_trace_id"]),
        statuses=values["not_status"],
        routes=values["not_route"],
    )
    return LineFilter(
        text=values["text"],
        pattern=values["regex"],
        logs=values["log"],
        levels=values["level"],
        user_id=values["user_id"],
        course_id=values["course_id"],
        task_id=values["task_id"],
        trace_id=values["trace_id"],
        status=values["status"],
        route=values["route"],
        since=since,
        until=until,
        exclusions=exclusions,
    )


def _as_tuple(value: _Value | None) -> tuple[_Value, ...]:
    return () if value is None else (value,)
