"""The ``canvas_sync_metrics`` table: one row per sync run.

It is a SQLAlchemy Core table on a MetaData of its own. An app that wants it among its own tables
copies it there: ``metrics_table.to_metadata(Base.metadata)``.
"""

from __future__ import annotations

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

from canvas_sync_core.names import ITEMS, TABLE

from .timestamps import UtcDateTime, UtcSortedTime

__all__ = [
    "ITEM_COLUMN_ACTIONS",
    "METADATA",
    "Lines",
    "UtcDateTime",
    "item_column",
    "metrics_table",
]

ITEM_COLUMN_ACTIONS: Final = ("processed", "created", "updated", "failed")
"""The counts that have a column."""


class Lines(TypeDecorator[list[str]]):
    """A list of texts of one line each, kept as the lines of one text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: list[str] | None, dialect: Dialect) -> str | None:
        """Turn the list into what the database stores."""
        return None if value is None else "\n".join(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> list[str] | None:
        """Turn what the database stores, in SQLite of any type, into the list."""
        return None if value is None else str(value).splitlines()


def item_column(item: str, action: str) -> str:
    """Name the column that counts ``action`` on ``item``, such as ``courses_created``."""
    return f"{item}s_{action}"


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


METADATA: Final = MetaData()

metrics_table: Final = Table(
    TABLE,
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("sync_task_id", String, nullable=False),
    Column("user_id", BigInteger),
    Column("course_id", BigInteger),
    Column("sync_type", String, nullable=False),
    Column("canvas_host", String),
    Column("sync_start_time", UtcSortedTime, nullable=False),
    Column("sync_end_time", UtcDateTime),
    Column("duration", Float(53)),
    Column("heartbeat", UtcDateTime, nullable=False),
    Column("sync_status", String, nullable=False),
    Column("progress", Float(53), nullable=False),
    Column("step", String),
    Column("error_type", String),
    Column("error_message", Text),
    *(_count(item_column(item, action)) for item in ITEMS for action in ITEM_COLUMN_ACTIONS),
    _count("api_calls"),
    _count("api_failed"),
    _count("api_throttled"),
    _count("api_retried"),
    Column("api_seconds", Float(53), nullable=False),
    _count("db_operations"),
    _count("db_failed"),
    Column("db_seconds", Float(53), nullable=False),
    Column("trace_id", String, nullable=False),
    Column("host", String, nullable=False),
    Column("pid", BigInteger, nullable=False),
    Column("sync_metadata", JSON, nullable=False),
    Column("request_context_id", String),
    Column("api_truncated", BigInteger, nullable=False, server_default="0"),
    Column("api_wait_seconds", Float(53), nullable=False, server_default="0"),
    Column("suspect", Boolean),
    Column("suspect_reason", Text),
    Column("error_traceback", Lines),
    Column("api_items", BigInteger),
    Column("api_bytes", BigInteger),
    Column("telemetry_fault", Text),
    Column("clock_skew", Float(53)),
    UniqueConstraint("sync_task_id", name=f"uq_{TABLE}_sync_task_id"),
    Index(f"ix_{TABLE}_user_start", "user_id", "sync_start_time"),
    Index(f"ix_{TABLE}_status_start_duration", "sync_status", "sync_start_time", "duration"),
    Index(f"ix_{TABLE}_start", "sync_start_time"),
    Index(
        f"ix_{TABLE}_suspect",
        "sync_start_time",
        sqlite_where=column("suspect").is_(true()),
        postgresql_where=column("suspect").is_(true()),
    ),
)
