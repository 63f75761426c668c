"""Timestamps in the table, on SQLite and on PostgreSQL."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, DateTime, Dialect, TypeDecorator
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

from .stored_values import RawText

__all__ = ["EARLIEST", "LATEST", "UtcDateTime", "UtcSortedTime"]

EARLIEST: Final = datetime(1, 1, 3, tzinfo=UTC)
"""No moment is read as an earlier one, so that each has a date in every time zone."""
LATEST: Final = datetime(9999, 12, 28, 23, 59, 59, 999_999, tzinfo=UTC)
"""No moment is read as a later one."""
_RFC3339_LENGTH: Final = len("2025-12-22T10:15:30.123456Z")
_MICROSECOND: Final = timedelta(microseconds=1)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware timestamp in UTC.

    PostgreSQL has ``timestamp with time zone``. SQLite has no such type: there it is RFC 3339 text
    of fixed length, which sorts by time and which people, SQLite's date functions and Grafana can
    read.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the column type for a database."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(RawText(_RFC3339_LENGTH))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Convert an aware datetime to the stored form."""
        if value is None or dialect.name != "sqlite":
            return value
        return _text_of(value.astimezone(UTC))

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Select a time that Python can represent."""
        readable = _readable(column)
        readable.type = self
        return readable

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Convert the stored form to an aware datetime in UTC."""
        if value is None:
            return None
        moment = self.parse(value) if dialect.name == "sqlite" else value
        return min(max(moment, EARLIEST), LATEST).astimezone(UTC)

    @staticmethod
    def parse(value: Any) -> datetime:
        """Read SQLite's value; a value that is not a time is read as the time at which it sorts."""
        try:
            moment = datetime.fromisoformat(value)
        except (TypeError, ValueError):
            return _sorts_as(value)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class UtcSortedTime(UtcDateTime):
    """An aware timestamp in UTC that is consistent with the database's sort order.

    SQLite sorts texts. A text in another format is read as the time at which it sorts.
    """

    cache_ok = True

    @staticmethod
    def parse(value: Any) -> datetime:
        """Read SQLite's value."""
        if isinstance(value, str) and len(value) == _RFC3339_LENGTH and value[-1] == "Z":
            try:
                moment = datetime.fromisoformat(value)
            except ValueError:
                return _sorts_as(value)
            # For instance with a blank instead of the T, which sorts before all times of that day.
            return moment if value[10] == "T" and value[19] == "." else _sorts_as(value)
        return _sorts_as(value)


class _readable(FunctionElement[datetime]):  # noqa: N801 - a function of SQL
    """A time that Python can represent; PostgreSQL has infinity and further years."""

    inherit_cache = True


@compiles(_readable)
def _as_it_is(element: _readable, compiler: Any, **options: Any) -> str:
    return str(compiler.process(element.clauses, **options))


@compiles(_readable, "postgresql")
def _between_limits(element: _readable, compiler: Any, **options: Any) -> str:
    moment = compiler.process(element.clauses, **options)
    earliest, latest = (f"timestamptz '{limit.isoformat()}'" for limit in (EARLIEST, LATEST))
    return (
        f"CASE WHEN {moment} < {earliest} THEN {earliest} "
        f"WHEN {moment} > {latest} THEN {latest} ELSE {moment} END"
    )


def _text_of(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _sorts_as(value: Any) -> datetime:
    """Find the last time whose text does not sort after a value; SQLite sorts bytes after texts.

    The binary search takes about 60 steps, but only for values that should not exist.
    """
    if not isinstance(value, str):
        return LATEST if isinstance(value, bytes) else EARLIEST
    count = (LATEST - EARLIEST) // _MICROSECOND
    after = bisect_right(
        range(count + 1), value, key=lambda number: _text_of(EARLIEST + number * _MICROSECOND)
    )
    return EARLIEST + max(after - 1, 0) * _MICROSECOND
