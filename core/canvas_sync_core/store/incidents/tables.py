"""The tables of incidents and of the exporters that judge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ColumnElement,
    Dialect,
    Index,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    Text,
    TypeDecorator,
    column,
    func,
    or_,
    type_coerce,
)

from canvas_sync_core.incident import Acknowledgement, Incident
from canvas_sync_core.names import Severity
from canvas_sync_core.store.partial_indexes import partial_index
from canvas_sync_core.store.stored_values import limit_count
from canvas_sync_core.store.timestamps import UtcDateTime, UtcSortedTime

__all__ = [
    "INCIDENTS_METADATA",
    "affects",
    "incidents_table",
    "judges_table",
    "to_incident",
    "to_row",
]


class TextList(TypeDecorator[tuple[str, ...]]):
    """A list of texts, stored as a JSON array."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Iterable[str] | None, dialect: Dialect) -> str | None:
        """Return what the database stores."""
        return None if value is None else msgspec.json.encode(list(value)).decode()

    def process_result_value(self, value: Any, dialect: Dialect) -> tuple[str, ...]:
        """Decode the array; any other value, perhaps written by hand, counts as empty."""
        try:
            return msgspec.json.decode(value, type=tuple[str, ...])
        except (TypeError, ValueError):
            return ()


INCIDENTS_METADATA: Final = MetaData()
_INCIDENTS: Final = "canvas_sync_incidents"
_is_open: Final = column("resolved_at").is_(None)

incidents_table: Final = Table(
    _INCIDENTS,
    INCIDENTS_METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("kind", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("sync_type", String),
    Column("affects", TextList, nullable=False),
    Column("severity", String, nullable=False),
    Column("since", UtcDateTime, nullable=False),
    Column("opened_at", UtcSortedTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("resolved_at", UtcSortedTime),
    Column("summary", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("counts", JSON, nullable=False),
    Column("runs", TextList, nullable=False),
    Column("run_count", BigInteger, nullable=False),
    Column("user_count", BigInteger, nullable=False),
    Column("request_ids", TextList, nullable=False),
    Column("acknowledged_at", UtcDateTime),
    Column("acknowledged_by", String),
    Column("acknowledged_reason", Text),
    Column("acknowledged_run_count", BigInteger),
    Column("worsened_at", UtcDateTime),
    Column("reopened_at", UtcDateTime),
    Column("reopen_count", BigInteger, nullable=False),
    Column("clear_since", UtcDateTime),
    Column("found_by", TextList, nullable=False),
    Column("version", BigInteger, nullable=False),
    partial_index(f"uq_{_INCIDENTS}_open", "kind", "subject", where=_is_open, unique=True),
    Index(f"ix_{_INCIDENTS}_opened", "opened_at", "id"),
    Index(f"ix_{_INCIDENTS}_resolved", "resolved_at"),
)

judges_table: Final = Table(
    "canvas_sync_judges",
    INCIDENTS_METADATA,
    Column("name", String, primary_key=True),
    Column("judged_at", UtcDateTime, nullable=False),
    Column("problem", Text),
    Column("next_due", JSON, nullable=False),
)
"""The exporters that judge, each with the time when it last did so."""


def affects(sync_type: str) -> ColumnElement[bool]:
    """Return the condition that an incident is about a sync type or affects it."""
    element = msgspec.json.encode(sync_type).decode()
    texts = type_coerce(incidents_table.c.affects, Text)
    is_listed = func.replace(texts, element, "") != texts  # SQLite's LIKE would ignore case
    return or_(incidents_table.c.sync_type == sync_type, is_listed)


_SAME_NAMES: Final = (
    *("kind", "subject", "sync_type", "affects", "since", "opened_at", "updated_at", "resolved_at"),
    *("summary", "cause", "runs", "run_count", "user_count", "request_ids"),
    *("worsened_at", "reopened_at", "reopen_count", "clear_since", "version"),
)


def to_row(incident: Incident) -> dict[str, Any]:
    """Return the columns of an incident, without its number and its acknowledgement."""
    return {
        **{name: getattr(incident, name) for name in _SAME_NAMES},
        "severity": incident.severity.value,
        "counts": dict(incident.counts),
        "found_by": sorted(incident.found_by),
    }


def to_incident(row: Row[Any]) -> Incident:
    """Convert a row to an incident, even if someone edited the row by hand."""
    columns = row._mapping
    return Incident(
        id=columns["id"],
        severity=_severity(columns["severity"]),
        counts={name: limit_count(count) for name, count in columns["counts"].items()},
        found_by=frozenset(columns["found_by"]),
        acknowledgement=_acknowledgement(columns),
        **{name: columns[name] for name in _SAME_NAMES},
    )


def _severity(stored: str) -> Severity:
    return Severity.CRITICAL if stored == Severity.CRITICAL.value else Severity.WARNING


def _acknowledgement(columns: Mapping[Any, Any]) -> Acknowledgement | None:
    time: datetime | None = columns["acknowledged_at"]
    if time is None:
        return None
    return Acknowledgement(
        time,
        columns["acknowledged_by"] or "",
        columns["acknowledged_reason"] or "",
        columns["acknowledged_run_count"] or 0,
    )
