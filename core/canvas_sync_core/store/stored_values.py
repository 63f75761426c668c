"""Reads values from the table, whatever was written into it by hand.

SQLite stores any value in any column, and JSON may contain values that Python cannot represent. One
such row must not prevent all others from being read and added up.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import msgspec
from sqlalchemy import BigInteger, Boolean, Dialect, Float, String, Text
from sqlalchemy.types import TypeEngine

__all__ = [
    "LARGEST_COUNT",
    "TOLERANT_TYPES",
    "RawText",
    "limit_count",
    "read_json_object",
    "read_number",
]

LARGEST_COUNT: Final = 2**63 - 1

_UNREADABLE_CHARACTERS: Final = 1_000
_Read = Callable[[Any], Any]


def limit_count(value: Any) -> int:
    """Limit an integer to 64 bits; return 0 for anything that is not a number."""
    if type(value) is int and -LARGEST_COUNT <= value <= LARGEST_COUNT:
        return value
    if not isinstance(value, (int, float, Decimal)) or math.isnan(value):
        return 0
    return int(min(max(value, -LARGEST_COUNT), LARGEST_COUNT))


def read_number(value: Any) -> float:
    """Return a number; 0 for anything else."""
    return value if isinstance(value, (float, int)) else 0.0


def read_json_object(value: Any) -> dict[str, Any]:
    """Read a JSON object; anything else becomes an object that contains its truncated text."""
    try:
        found = msgspec.json.decode(value)
    except (TypeError, ValueError, RecursionError):
        found = None
    if isinstance(found, dict):
        return found
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    return {"unreadable": text[:_UNREADABLE_CHARACTERS]}


class _Text(String):
    def result_processor(self, dialect: Dialect, coltype: object) -> _Read:
        """Return a function that reads a value."""
        return _read_text


class RawText(_Text):
    """A text, or whatever else SQLite has in its place."""

    def result_processor(self, dialect: Dialect, coltype: object) -> None:  # type: ignore[override] # none is needed
        """Leave values as they are."""


class _LongText(Text):
    def result_processor(self, dialect: Dialect, coltype: object) -> _Read:
        """Return a function that reads a value."""
        return _read_text


class _WholeNumber(BigInteger):
    def result_processor(self, dialect: Dialect, coltype: object) -> _Read:
        """Return a function that reads a value."""
        return _read_whole_number


class _Number(Float[Any]):
    def result_processor(self, dialect: Dialect, coltype: object) -> _Read:
        """Return a function that reads a value."""
        return _read_number


class _Flag(Boolean):
    def result_processor(self, dialect: Dialect, coltype: object) -> _Read:
        """Return a function that reads a value."""
        return _read_flag


TOLERANT_TYPES: Final[dict[type[TypeEngine[Any]], type[TypeEngine[Any]]]] = {
    BigInteger: _WholeNumber,
    Boolean: _Flag,
    Float: _Number,
    String: _Text,
    Text: _LongText,
}
"""Column type -> the type that reads any stored value."""


def _read_text(value: Any) -> str | None:
    if value is None or type(value) is str:
        return value
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _read_whole_number(value: Any) -> int | None:
    return value if value is None or type(value) is int else limit_count(value)


def _read_number(value: Any) -> float | None:
    return None if value is None else read_number(value)


def _read_flag(value: Any) -> bool | None:
    return bool(value) if isinstance(value, (float, int)) else None
