"""Reads rows of the table as :class:`RunRow`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Annotated, Any, Final

import msgspec
from sqlalchemy import RowMapping

from canvas_sync_core.events import ErrorInfo, ItemCounts, RunSnapshot
from canvas_sync_core.names import ITEMS, RunStatus
from canvas_sync_core.schema.run_fields import ITEM_COLUMN_ACTIONS, item_column

from .model import metrics_table
from .stored_values import limit_count

__all__ = ["RunRow", "StoredCounts", "item_counts", "to_run", "to_snapshot"]


class StoredCounts(msgspec.Struct, frozen=True):
    """The stored counts of one kind of item: of one row, or summed over several rows."""

    processed: int = 0
    created: int = 0
    updated: int = 0
    failed: int = 0


class RunRow(msgspec.Struct, frozen=True):
    """One row of the table; fields have the names of the columns.

    This and its counts are msgspec structs, which are created five times as fast as dataclasses.

    Attributes:
        items: Plural of the item (``courses``) -> its counts, which are four columns of the table.
        sync_status: A :class:`~canvas_sync_core.names.RunStatus`, unless another program wrote the
            row.
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
    sync_status: Annotated[str, msgspec.Meta(examples=[status.value for status in RunStatus])]
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
    error_traceback: list[str] | None
    api_items: int | None
    api_bytes: int | None
    telemetry_fault: str | None
    clock_skew: float | None


_PLACES: Final = {column.name: place for place, column in enumerate(metrics_table.columns)}
_FIELDS: Final = RunRow.__struct_fields__
_ITEMS: Final = _FIELDS.index("items")


def _values_of(columns: Iterable[str]) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    return itemgetter(*(_PLACES[name] for name in columns))


_before_items: Final = _values_of(_FIELDS[:_ITEMS])
_after_items: Final = _values_of(_FIELDS[_ITEMS + 1 :])
_counts: Final = {
    f"{item}s": _values_of(item_column(item, action) for action in ITEM_COLUMN_ACTIONS)
    for item in ITEMS
}
_SAME_NAMES: Final = tuple(
    name
    for name in RunRow.__struct_fields__
    if name in RunSnapshot.__struct_fields__ and name not in {"heartbeat", "items"}
)


def to_run(row: Sequence[Any]) -> RunRow:
    """Convert a row with all columns, in the order of the table."""
    items = {name: StoredCounts(*counts(row)) for name, counts in _counts.items()}
    # Positional, because it is faster: a run has over thirty fields, and a page up to 500 runs.
    fields = (*_before_items(row), items, *_after_items(row))
    return RunRow(*fields)


def to_snapshot(run: RunRow) -> RunSnapshot:
    """Return the snapshot that the sync itself would have emitted.

    ``unchanged`` counts are 0, because the table does not have them.
    """
    same = {name: getattr(run, name) for name in _SAME_NAMES}
    return RunSnapshot(
        **same,
        task_id=run.sync_task_id,
        status=RunStatus(run.sync_status),
        start_time=run.sync_start_time.timestamp(),
        end_time=None if run.sync_end_time is None else run.sync_end_time.timestamp(),
        heartbeat=run.heartbeat.timestamp(),
        error=_error_of(run),
        items={item: _snapshot_counts(run.items[f"{item}s"]) for item in ITEMS},
        metadata=run.sync_metadata,
    )


def _error_of(run: RunRow) -> ErrorInfo | None:
    if run.error_type is None:
        return None
    return ErrorInfo(run.error_type, run.error_message or "", tuple(run.error_traceback or ()))


def item_counts(row: Mapping[str, Any] | RowMapping) -> dict[str, StoredCounts]:
    """Collect the counts or sums of the count columns; None counts as 0."""
    return {f"{item}s": _counts_of(row, item) for item in ITEMS}


def _counts_of(row: Mapping[str, Any] | RowMapping, item: str) -> StoredCounts:
    counts = {name: limit_count(row[item_column(item, name)]) for name in ITEM_COLUMN_ACTIONS}
    return StoredCounts(**counts)


def _snapshot_counts(counts: StoredCounts) -> ItemCounts:
    return ItemCounts(
        counts.processed, counts.created, counts.updated, unchanged=0, failed=counts.failed
    )
