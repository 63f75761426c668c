"""The ``canvas_sync_metrics`` table: one row per sync run.

It is a SQLAlchemy Core table with its own MetaData. An app that wants it among its own tables can
copy it: ``metrics_table.to_metadata(Base.metadata)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    column,
    true,
)
from sqlalchemy.types import TypeEngine

from canvas_sync_core.names import TABLE
from canvas_sync_core.schema.run_fields import RUN_FIELDS, FieldType, RunField

from .partial_indexes import partial_index
from .timestamps import UtcDateTime, UtcSortedTime

__all__ = ["METADATA", "UtcDateTime", "metrics_table"]


class Lines(TypeDecorator[list[str]]):
    """A list of single-line texts, stored as the lines of one text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: list[str] | None, dialect: Dialect) -> str | None:
        """Return the text that the database stores."""
        return None if value is None else "\n".join(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> list[str] | None:
        """Return the list; SQLite may store a value of any type here."""
        return None if value is None else str(value).splitlines()


_TYPES: Final[Mapping[FieldType, TypeEngine[Any]]] = {
    FieldType.INTEGER: BigInteger(),
    FieldType.DOUBLE: Float(53),
    FieldType.NAME: String(),
    FieldType.TEXT: Text(),
    FieldType.LINES: Lines(),
    FieldType.STATUS: String(),
    FieldType.TIME: UtcDateTime(),
    FieldType.START: UtcSortedTime(),
    FieldType.BOOLEAN: Boolean(),
    FieldType.JSON: JSON(),
}


def _column(field: RunField) -> Column[Any]:
    return Column(
        field.column,
        _TYPES[field.type],
        nullable=field.is_nullable,
        server_default=field.default,
    )


def _index_of_known(name: str, of: str) -> Index:
    """Make an index on the rows that have a value in a column."""
    return partial_index(
        f"ix_{TABLE}_{name}_start", of, "sync_start_time", where=column(of).is_not(None)
    )


METADATA: Final = MetaData()

metrics_table: Final = Table(
    TABLE,
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    *map(_column, RUN_FIELDS[1:]),
    UniqueConstraint("sync_task_id", name=f"uq_{TABLE}_sync_task_id"),
    Index(f"ix_{TABLE}_user_start", "user_id", "sync_start_time"),
    Index(f"ix_{TABLE}_status_start_duration", "sync_status", "sync_start_time", "duration"),
    Index(f"ix_{TABLE}_start", "sync_start_time"),
    Index(f"ix_{TABLE}_type_start", "sync_type", "sync_start_time"),
    partial_index(f"ix_{TABLE}_suspect", "sync_start_time", where=column("suspect").is_(true())),
    _index_of_known("error", "error_type"),
    _index_of_known("course", "course_id"),
)
