"""Timestamps in the table, on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, DateTime, Dialect, TypeDecorator
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

from .stored_times import (
    RFC3339_LENGTH,
    limited,
    limited_sql,
    read_sorted_time,
    sorts_as,
    time_text,
)
from .stored_values import RawText

__all__ = ["UtcDateTime", "UtcSortedTime"]


class UtcDateTime(TypeDecorator[datetime]):
    """An aware timestamp in UTC.

    PostgreSQL has ``timestamp with time zone``. SQLite has no such type, see :mod:`.stored_times`.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the column type for a database."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(RawText(RFC3339_LENGTH))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Convert an aware datetime to the stored form."""
        if value is None or dialect.name != "sqlite":
            return value
        return time_text(value)

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
        return limited(moment)

    @staticmethod
    def parse(value: Any) -> datetime:
        """Read SQLite's value; a value that is not a time is read as the time at which it sorts."""
        try:
            moment = datetime.fromisoformat(value)
        except (TypeError, ValueError):
            return sorts_as(value)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class UtcSortedTime(UtcDateTime):
    """An aware timestamp in UTC that is consistent with the database's sort order.

    SQLite sorts texts. A text in another format is read as the time at which it sorts.
    """

    cache_ok = True

    @staticmethod
    def parse(value: Any) -> datetime:
        """Read SQLite's value."""
        return read_sorted_time(value)


class _readable(FunctionElement[datetime]):  # noqa: N801 - a function of SQL
    """A time that Python can represent; PostgreSQL has infinity and further years."""

    inherit_cache = True


@compiles(_readable)
def _as_it_is(element: _readable, compiler: Any, **options: Any) -> str:
    return str(compiler.process(element.clauses, **options))


@compiles(_readable, "postgresql")
def _between_limits(element: _readable, compiler: Any, **options: Any) -> str:
    return limited_sql(compiler.process(element.clauses, **options))
