"""What one run adds up to, and the item counts that can be read off its database operations."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, Final

from .events import ApiCall, DbOperation, ItemCounts
from .locks import RLock
from .names import ITEMS
from .plain import MAX_COUNT

__all__ = ["RunTotals", "item_of_table"]

_NOTHING = ItemCounts()
_CREATING = frozenset({"INSERT", "MERGE", "REPLACE", "UPSERT"})

_NO_CALLS: Final[dict[str, Any]] = {
    "api_calls": 0,
    "api_failed": 0,
    "api_throttled": 0,
    "api_retried": 0,
    "api_seconds": 0.0,
    "api_truncated": 0,
    "api_wait_seconds": 0.0,
    "request_context_id": None,
    "db_operations": 0,
    "db_failed": 0,
    "db_seconds": 0.0,
}


class RunTotals:
    """Adds up the events of one run, from any thread.

    Items that the app records itself are taken as they are. For an item that it never records, the
    rows that its own database operations created and updated stand in.
    """

    def __init__(self) -> None:
        self._lock = RLock()
        self._recorded: dict[str, ItemCounts] = {}
        self._inferred: dict[str, ItemCounts] = {}
        self._calls = dict(_NO_CALLS)
        self._canvas_host: str | None = None

    @property
    def canvas_host(self) -> str | None:
        """The Canvas host of the first API call."""
        return self._canvas_host

    def add_api_call(self, call: ApiCall) -> None:
        """Add one API call."""
        with self._lock:
            sums = self._calls
            sums["api_calls"] += 1
            sums["api_seconds"] += call.duration
            if call.failed:
                sums["api_failed"] += 1
                sums["api_throttled"] += call.throttled
                if call.request_context_id is not None and not call.throttled:
                    sums["request_context_id"] = call.request_context_id
            sums["api_retried"] += call.retries
            if self._canvas_host is None:
                self._canvas_host = call.host or None

    def add_db_operation(self, operation: DbOperation, *, infer_items: bool) -> None:
        """Add one database operation.

        Args:
            operation: What was done.
            infer_items: Whether its rows may stand in for items that the app does not record.
        """
        with self._lock:
            sums = self._calls
            sums["db_operations"] += 1
            sums["db_seconds"] += operation.duration
            sums["db_failed"] += operation.error_type is not None
            if infer_items:
                self._infer(operation)

    def add_truncated_lists(self, count: int) -> None:
        """Add lists whose next page was never fetched."""
        with self._lock:
            self._calls["api_truncated"] += count

    def add_wait(self, seconds: float) -> None:
        """Add time that a call was held back to stay under the quota."""
        with self._lock:
            self._calls["api_wait_seconds"] += seconds

    def add_items(self, item: str, counts: ItemCounts) -> bool:
        """Add items that the app recorded; False when a sum was cut to the highest count."""
        with self._lock:
            before = self._recorded.get(item, _NOTHING)
            self._recorded[item] = _plus(before, counts)
        return before.processed + counts.processed <= MAX_COUNT

    def items(self) -> Mapping[str, ItemCounts]:
        """Counts of every item, recorded or else inferred."""
        with self._lock:
            known = self._inferred | self._recorded
        return {item: known.get(item, _NOTHING) for item in ITEMS}

    def inferred_items(self) -> Mapping[str, ItemCounts]:
        """Counts of the items that the app never recorded itself."""
        with self._lock:
            return {
                item: counts
                for item, counts in self._inferred.items()
                if item not in self._recorded
            }

    def calls(self) -> dict[str, Any]:
        """Sums over API calls and database operations so far, by the names of a run's snapshot."""
        with self._lock:
            return dict(self._calls)

    def _infer(self, operation: DbOperation) -> None:
        item = item_of_table(operation.table)
        if item is None or operation.count < 1:
            return
        count = operation.count
        if operation.error_type is not None:
            counts = ItemCounts(processed=count, failed=count)
        elif operation.operation in _CREATING:
            counts = ItemCounts(processed=count, created=count)
        elif operation.operation == "UPDATE":
            counts = ItemCounts(processed=count, updated=count)
        else:
            return
        self._inferred[item] = _plus(self._inferred.get(item, _NOTHING), counts)


@functools.lru_cache(maxsize=512)
def item_of_table(table: str) -> str | None:
    """Tell which Canvas item a table holds, by the last word of its name.

    ``courses``, ``canvas_course`` and ``lms.Courses`` hold courses; ``course_settings`` does not.
    """
    last_word = table.lower().rpartition(".")[2].rpartition("_")[2]
    singular = last_word.removesuffix("s")
    return singular if singular in ITEMS else None


def _plus(one: ItemCounts, other: ItemCounts) -> ItemCounts:
    return ItemCounts(
        min(one.processed + other.processed, MAX_COUNT),
        min(one.created + other.created, MAX_COUNT),
        min(one.updated + other.updated, MAX_COUNT),
        min(one.unchanged + other.unchanged, MAX_COUNT),
        min(one.failed + other.failed, MAX_COUNT),
    )
