"""Reads fields of log lines; any program may have written a line, so a field may have any type."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

__all__ = [
    "count_field",
    "earlier",
    "number_field",
    "seconds_field",
    "sum_of_fields",
    "text_field",
]

_LARGEST: Final = 1e9


def earlier(time: dt.datetime, seconds: float) -> dt.datetime:
    """Return a time that many seconds earlier; the same time if that would be before year 1."""
    try:
        return time - dt.timedelta(seconds=seconds)
    except OverflowError:
        return time


def text_field(fields: Mapping[str, Any], name: str) -> str | None:
    """Return a text; None if the field is not a text."""
    value = fields.get(name)
    return value if isinstance(value, str) else None


def number_field(fields: Mapping[str, Any], name: str) -> float | None:
    """Return a number; None if the field is not a number, or is absurdly large."""
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) <= _LARGEST else None


def seconds_field(fields: Mapping[str, Any], name: str) -> float | None:
    """Return a duration, at least 0; None if the field is not a number."""
    value = number_field(fields, name)
    return None if value is None else max(0.0, value)


def count_field(fields: Mapping[str, Any], name: str) -> int | None:
    """Return a whole number from 0 to 2^63-1; None if the field has another value."""
    value = fields.get(name)
    return value if type(value) is int and 0 <= value < 2**63 else None


def sum_of_fields(fields: Mapping[str, Any], *names: str) -> float | None:
    """Return the sum of the known durations; None if none is known."""
    known = [value for name in names if (value := seconds_field(fields, name)) is not None]
    return sum(known) if known else None
