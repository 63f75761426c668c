"""Rows of the table as people read them, and lists of them page by page."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any, Final

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    RowMapping,
    and_,
    or_,
    select,
    true,
    union_all,
)

from canvas_sync_instrumentation.events import ErrorInfo, ItemCounts, RunSnapshot
from canvas_sync_instrumentation.names import ITEMS, RunStatus

from .model import ITEM_COLUMN_ACTIONS, item_column, metrics_table

__all__ = [
    "BadCursor",
    "Page",
    "Run",
    "StoredCounts",
    "item_counts",
    "make_cursor",
    "read_page",
    "to_run",
    "to_snapshot",
]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_CURSOR: Final = re.compile(r"([0-9]{1,17})\.([0-9]{1,18})")


class BadCursor(ValueError):  # noqa: N818 - the name says it all
    """A cursor that no page ever gave out."""


class StoredCounts(msgspec.Struct, frozen=True):
    """The counts of one kind of item that a row has, or their sums over several rows."""

    processed: int = 0
    created: int = 0
    updated: int = 0
    failed: int = 0


class Run(msgspec.Struct, frozen=True):
    """One row of the table; fields are named as its columns.

    Like its counts a msgspec struct, which is made five times as fast as a dataclass.

    Attributes:
        items: Counts by item in the plural (``courses``), for which the table has four columns
            each.
    """

    id: int
    sync_task_id: str
    user_id: int | None
    course_id: int | None
    sync_type: str
    canvas_host: str | None
    sync_start_time: datetime
    sync_end_time: datetime | None
    duration: float | None
    heartbeat: datetime
    sync_status: RunStatus
    progress: float
    step: str | None
    error_type: str | None
    error_message: str | None
    items: dict[str, StoredCounts]
    api_calls: int
    api_failed: int
    api_throttled: int
    api_retried: int
    api_seconds: float
    db_operations: int
    db_failed: int
    db_seconds: float
    trace_id: str
    host: str
    pid: int
    sync_metadata: dict[str, Any]
    request_context_id: str | None
    api_truncated: int
    api_wait_seconds: float
    suspect: bool | None
    suspect_reason: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list, newest runs first.

    Attributes:
        next: Cursor of the next page; None when this is the last.
    """

    items: list[Run]
    next: str | None


_start = metrics_table.c.sync_start_time
_number = metrics_table.c.id
_newest_first = (_start.desc(), _number.desc())
_PLACES: Final = {column.name: place for place, column in enumerate(metrics_table.columns)}
_PLAIN_COLUMNS: Final = [
    name for name in Run.__struct_fields__ if name in _PLACES and name != "sync_status"
]
_plain_values: Final = itemgetter(*(_PLACES[name] for name in _PLAIN_COLUMNS))
_counts: Final[dict[str, Callable[[Sequence[Any]], tuple[int, ...]]]] = {
    f"{item}s": itemgetter(*(_PLACES[item_column(item, name)] for name in ITEM_COLUMN_ACTIONS))
    for item in ITEMS
}

_SAME_NAMES: Final = tuple(
    name
    for name in Run.__struct_fields__
    if name in RunSnapshot.__dataclass_fields__ and name not in {"heartbeat", "items"}
)


def to_run(row: Sequence[Any]) -> Run:
    """Make a run of a row, given as all columns in the order of the table."""
    plain = dict(zip(_PLAIN_COLUMNS, _plain_values(row), strict=True))
    items = {name: StoredCounts(*counts(row)) for name, counts in _counts.items()}
    return Run(**plain, sync_status=RunStatus(row[_PLACES["sync_status"]]), items=items)


def to_snapshot(run: Run) -> RunSnapshot:
    """Make a run's snapshot, as the sync itself would have told it.

    How many items were unchanged is not in the table, and so 0.
    """
    same = {name: getattr(run, name) for name in _SAME_NAMES}
    error = None if run.error_type is None else ErrorInfo(run.error_type, run.error_message or "")
    return RunSnapshot(
        **same,
        task_id=run.sync_task_id,
        status=run.sync_status,
        start_time=run.sync_start_time.timestamp(),
        end_time=None if run.sync_end_time is None else run.sync_end_time.timestamp(),
        heartbeat=run.heartbeat.timestamp(),
        error=error,
        items={item: _snapshot_counts(run.items[f"{item}s"]) for item in ITEMS},
        metadata=run.sync_metadata,
    )


def item_counts(row: Mapping[str, Any] | RowMapping) -> dict[str, StoredCounts]:
    """Gather the sums of count columns; None counts as 0."""
    return {f"{item}s": _counts_of(row, item) for item in ITEMS}


def read_page(
    connection: Connection, limit: int, cursor: str | None, *alternatives: ColumnElement[bool]
) -> Page:
    """Read the runs that meet one of some conditions, newest first.

    Args:
        connection: Where the table is.
        limit: How many runs at most.
        cursor: ``next`` of the page before; None for the first page.
        alternatives: Conditions of which no run meets two, each read on its own; none for all
            runs.

    Raises:
        BadCursor: The cursor cannot be read.
    """
    before: ColumnElement[bool] = true()
    if cursor is not None:
        start, number = _read_cursor(cursor)
        before = and_(_start <= start, or_(_start < start, _number < number))
    rows = _newest_rows(connection, limit + 1, before, alternatives)
    runs = list(map(to_run, rows[:limit]))
    is_last = len(rows) <= limit
    return Page(runs, None if is_last else make_cursor(runs[-1].sync_start_time, runs[-1].id))


def _newest_rows(
    connection: Connection,
    limit: int,
    before: ColumnElement[bool],
    alternatives: Sequence[ColumnElement[bool]],
) -> Sequence[Row[Any]]:
    rows = select(metrics_table).where(before).order_by(*_newest_first).limit(limit)
    if len(alternatives) < 2:
        return connection.execute(rows.where(*alternatives)).all()
    keys = select(_start, _number).where(before).order_by(*_newest_first).limit(limit)
    parts = [select(keys.where(each).subquery()) for each in alternatives]
    found = union_all(*parts).subquery()
    start, number = found.c
    newest = select(number).order_by(start.desc(), number.desc()).limit(limit)
    chosen = select(metrics_table).where(_number.in_(newest)).order_by(*_newest_first)
    return connection.execute(chosen).all()


def _counts_of(row: Mapping[str, Any] | RowMapping, item: str) -> StoredCounts:
    counts = {name: int(row[item_column(item, name)] or 0) for name in ITEM_COLUMN_ACTIONS}
    return StoredCounts(**counts)


def _snapshot_counts(counts: StoredCounts) -> ItemCounts:
    return ItemCounts(
        counts.processed, counts.created, counts.updated, unchanged=0, failed=counts.failed
    )


def make_cursor(start: datetime, number: int) -> str:
    """Make the cursor of the page that goes on after a run, by its start and its number."""
    microseconds = (start - _EPOCH) // _MICROSECOND
    return base64.urlsafe_b64encode(f"{microseconds}.{number}".encode()).rstrip(b"=").decode()


def _read_cursor(cursor: str) -> tuple[datetime, int]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        decoded = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
    except ValueError:
        decoded = ""
    parts = _CURSOR.fullmatch(decoded)
    if parts is None:
        raise BadCursor("This is no cursor of this list; take `next` of the page before.")
    return _EPOCH + int(parts[1]) * _MICROSECOND, int(parts[2])
