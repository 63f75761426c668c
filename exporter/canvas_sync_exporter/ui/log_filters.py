"""The filters of the page of the logs: those of REST, in the form that links and fields need."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from canvas_sync_core.names import LINE_LEVELS, Log
from canvas_sync_exporter.logs.search import LineFilter, compile_pattern
from canvas_sync_exporter.web.log_parameters import FILTERS, make_filter
from canvas_sync_exporter.web.parameters import Parameter, repeatable
from canvas_sync_exporter.web.problems import FieldError, ProblemError

from .view import View

__all__ = [
    "LINE_FILTERS",
    "NAMES",
    "ActiveFilter",
    "Facet",
    "FacetChoice",
    "active_filters",
    "facets",
    "line_filter",
]

NAMES: Final = {
    "text": "Text",
    "log": "Log",
    "level": "Level",
    "status": "Status",
    "route": "Route",
    "user_id": "User",
    "course_id": "Course",
    "task_id": "Run",
    "trace_id": "Trace",
}
"""Filter -> what people call it. Each but ``log`` has a counterpart that starts with ``not_``."""

_REGEX: Final = {"regex", "not_regex"}  # here a text between slashes
_FIXED_VALUES: Final[Mapping[str, Sequence[str]]] = {"log": tuple(Log), "level": LINE_LEVELS}
_NOTHING: Final[dict[str, Any]] = {"cursor": None, "position": None}
"""Parameters that have no meaning once another filter is added."""


def _of_page(parameter: Parameter) -> Parameter:
    """Make a parameter with several values one that may be given several times, as forms do."""
    return repeatable(parameter) if isinstance(parameter.default, tuple) else parameter


LINE_FILTERS: Final = tuple(_of_page(each) for each in FILTERS if each.name not in _REGEX)
"""The parameters of the page that filter lines, apart from their time."""

_REPEATABLE: Final = {each.name for each in LINE_FILTERS if each.is_repeatable}


@dataclass(frozen=True, slots=True)
class ActiveFilter:
    """A filter that is in use.

    Attributes:
        label: What it is, such as ``Not level``.
        url: The page without it.
    """

    label: str
    value: str
    url: str


@dataclass(frozen=True, slots=True)
class FacetChoice:
    """A value that lines have.

    Attributes:
        lines: How many of the counted lines have it.
        can_add: Whether the search can be narrowed to it.
        can_exclude: Whether it can be excluded.
    """

    value: str
    lines: int
    can_add: bool
    can_exclude: bool


@dataclass(frozen=True, slots=True)
class Facet:
    """A field and the values that lines have in it."""

    name: str
    label: str
    choices: list[FacetChoice]


def line_filter(
    view: View, since: dt.datetime | None = None, until: dt.datetime | None = None
) -> LineFilter:
    """Return the filter that the query asks for.

    Raises:
        ProblemError: 422, for a regular expression that cannot be used.
    """
    values: dict[str, Any] = {
        name: _flat(view.values[name]) if name in _REPEATABLE else view.values[name]
        for name in (each.name for each in LINE_FILTERS)
    }
    values["log"] = values["log"] or tuple(Log)
    for name in ("text", "not_text"):
        regex = name.replace("text", "regex")
        values[name], values[regex] = _text_or_pattern(name, values[name])
    return make_filter(values, since, until)


def active_filters(view: View) -> list[ActiveFilter]:
    """Return the filters in use, each with a link that removes it."""
    return [
        ActiveFilter(_label(name), value, view.here(**{name: others or None}, **_NOTHING))
        for name in (each.name for each in LINE_FILTERS)
        for value, others in _each(_given(view, name))
    ]


def facets(view: View, values: Mapping[str, Sequence[tuple[str, int]]]) -> list[Facet]:
    """Return the values that can be chosen; those of logs and levels always.

    Args:
        view: The page.
        values: Field -> the values that lines have in it, with the number of lines.
    """
    return [
        Facet(name, NAMES[name], list(_choices(view, name, dict(values[name]))))
        for name in NAMES
        if name in values and (values[name] or name in _FIXED_VALUES)
    ]


def _choices(view: View, name: str, counts: Mapping[str, int]) -> Iterator[FacetChoice]:
    chosen = _given(view, name)
    has_room = name in _REPEATABLE or not chosen
    negated = f"not_{name}"
    can_negate = negated in view.values and (negated in _REPEATABLE or not _given(view, negated))
    for value in dict.fromkeys((*_FIXED_VALUES.get(name, ()), *counts)):
        is_plain = "," not in value  # which separates values
        yield FacetChoice(
            value,
            counts.get(value, 0),
            has_room and is_plain and value not in chosen,
            can_negate and is_plain and value not in _given(view, negated),
        )


def _given(view: View, name: str) -> list[str]:
    """Return the values of a filter as they are in the query."""
    raw = view.query.get(name, [])
    values = [raw] if isinstance(raw, str) else raw
    if name not in _REPEATABLE:
        return values
    return [part for value in values for part in value.split(",")]


def _each(values: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    for value in dict.fromkeys(values):
        yield value, [each for each in values if each != value]


def _label(name: str) -> str:
    label = NAMES[name.removeprefix("not_")]
    return f"Not {label.lower()}" if name.startswith("not_") else label


def _flat(values: Sequence[Sequence[Any]]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(value for part in values for value in part))


def _text_or_pattern(name: str, raw: str | None) -> tuple[str | None, Any]:
    """Return a text, or the regular expression between slashes."""
    if raw is None or not (len(raw) > 2 and raw.startswith("/") and raw.endswith("/")):
        return raw, None
    try:
        return None, compile_pattern(raw[1:-1])
    except ValueError as error:
        wrong = FieldError(name, str(error))
        raise ProblemError(422, f"{NAMES['text']}: {error}.", errors=[wrong]) from error
