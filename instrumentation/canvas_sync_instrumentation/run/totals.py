"""Totals of one run, and the item counts that its database operations imply."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from canvas_sync_core.events import ApiCall, DbOperation, ItemCounts
from canvas_sync_core.locks import RLock
from canvas_sync_core.names import ITEMS
from canvas_sync_core.plain import MAX_COUNT
from canvas_sync_core.schema.run_fields import RUN_FIELDS, FieldType

__all__ = ["InferredItems", "RunTotals", "item_of_table", "plus"]

_NOTHING = ItemCounts()

_ZERO_OF: Final = {FieldType.INTEGER: 0, FieldType.DOUBLE: 0.0}
# The initial totals of API calls and database operations, by field of RunSnapshot. They share one
# dictionary so that a snapshot copies a consistent state under one lock.
_ZEROS: Final[Mapping[str, Any]] = {
    field.source: None if field.is_nullable else _ZERO_OF[field.type]
    for field in RUN_FIELDS
    if field.is_total
}


class RunTotals:
    """Adds up the events of one run; thread-safe.

    Items that the app records are counted as recorded. For a kind of item that it never records,
    the rows that its database operations created and updated are counted instead.
    """

    def __init__(self) -> None:
        self._lock = RLock()
        self._recorded: dict[str, ItemCounts] = {}
        self._inferred: dict[str, ItemCounts] = {}
        self._taken_back: deque[tuple[str, ItemCounts]] = deque()
        self._snapshot_fields = dict(_ZEROS)
        self._canvas_host: str | None = None

    @property
    def canvas_host(self) -> str | None:
        """The Canvas host of the first API call."""
        return self._canvas_host

    def add_api_call(self, call: ApiCall) -> None:
        """Add one API call."""
        with self._lock:
            fields = self._snapshot_fields
            fields["api_calls"] += 1
            fields["api_seconds"] += call.duration
            if call.failed:
                fields["api_failed"] += 1
                fields["api_throttled"] += call.throttled
                if call.request_context_id is not None and not call.throttled:
                    fields["request_context_id"] = call.request_context_id
            fields["api_retried"] += call.retries
            if call.received_items is not None:
                fields["api_items"] = (fields["api_items"] or 0) + call.received_items
            if call.received_bytes is not None:
                fields["api_bytes"] = (fields["api_bytes"] or 0) + call.received_bytes
            if call.clock_skew is not None:
                fields["clock_skew"] = call.clock_skew
            if self._canvas_host is None:
                self._canvas_host = call.host or None

    def add_db_operation(
        self, operation: DbOperation, *, infer_items: bool
    ) -> InferredItems | None:
        """Add one database operation.

        Args:
            operation: The operation.
            infer_items: Whether to count its rows as items if the app does not record any.

        Returns:
            The items to subtract if the operation is rolled back; None if there are none.
        """
        with self._lock:
            fields = self._snapshot_fields
            fields["db_operations"] += 1
            fields["db_seconds"] += operation.duration
            fields["db_failed"] += operation.error_type is not None
            if not infer_items or (inferred := _inferred(operation)) is None:
                return None
            item, counts = inferred
            self._inferred[item] = plus(self._inferred.get(item, _NOTHING), counts)
        return None if counts.failed else InferredItems(self, item, counts)

    def take_back(self, item: str, counts: ItemCounts) -> None:
        """Subtract items that were inferred from operations that were rolled back.

        The garbage collector may call this in any code, when it drops a connection.
        """
        self._taken_back.append((item, counts))

    def add_truncated_lists(self, count: int) -> None:
        """Add lists of which a further page was never requested."""
        with self._lock:
            self._snapshot_fields["api_truncated"] += count

    def add_wait(self, seconds: float) -> None:
        """Add seconds that a call was delayed to stay within the quota."""
        with self._lock:
            self._snapshot_fields["api_wait_seconds"] += seconds

    def add_items(self, item: str, counts: ItemCounts) -> bool:
        """Add items that the app recorded; return False if a sum was capped at ``MAX_COUNT``."""
        with self._lock:
            before = self._recorded.get(item, _NOTHING)
            self._recorded[item] = plus(before, counts)
        return before.processed + counts.processed <= MAX_COUNT

    def items(self) -> Mapping[str, ItemCounts]:
        """Return the counts of every kind of item: recorded, or else inferred."""
        with self._lock:
            self._subtract_taken_back()
            known = self._inferred | self._recorded
        return {item: known.get(item, _NOTHING) for item in ITEMS}

    def inferred_items(self) -> Mapping[str, ItemCounts]:
        """Return the inferred counts of the kinds that the app never recorded."""
        with self._lock:
            self._subtract_taken_back()
            return {
                item: counts
                for item, counts in self._inferred.items()
                if item not in self._recorded
            }

    def snapshot_fields(self) -> dict[str, Any]:
        """Return the totals of API calls and database operations so far.

        The keys are fields of :class:`~canvas_sync_core.events.RunSnapshot`. Besides counts and
        seconds there is the request id of the newest failed API call.
        """
        with self._lock:
            return dict(self._snapshot_fields)

    def _subtract_taken_back(self) -> None:
        while self._taken_back:
            item, undone = self._taken_back.popleft()
            self._inferred[item] = _minus(self._inferred.get(item, _NOTHING), undone)


class InferredItems(NamedTuple):
    """Items that a database operation was counted as."""

    totals: RunTotals
    item: str
    counts: ItemCounts


def _inferred(operation: DbOperation) -> tuple[str, ItemCounts] | None:
    item, count = item_of_table(operation.table), operation.count
    if item is None or count < 1:
        return None
    if operation.error_type is not None:
        return item, ItemCounts(processed=count, failed=count)
    if operation.is_upsert:
        return item, ItemCounts(processed=count)
    if operation.operation == "INSERT":
        return item, ItemCounts(processed=count, created=count)
    if operation.operation == "UPDATE":
        return item, ItemCounts(processed=count, updated=count)
    return None


@functools.lru_cache(maxsize=512)
def item_of_table(table: str) -> str | None:
    """Return the kind of Canvas item that a table holds, from the last word of its name.

    ``courses``, ``canvas_course`` and ``lms.Courses`` hold courses; ``course_settings`` does not.
    """
    last_word = table.lower().rpartition(".")[2].rpartition("_")[2]
    singular = last_word.removesuffix("s")
    return singular if singular in ITEMS else None


def plus(one: ItemCounts, other: ItemCounts) -> ItemCounts:
    """Add counts, each capped at ``MAX_COUNT``."""
    return ItemCounts(
        min(one.processed + other.processed, MAX_COUNT),
        min(one.created + other.created, MAX_COUNT),
        min(one.updated + other.updated, MAX_COUNT),
        min(one.unchanged + other.unchanged, MAX_COUNT),
        min(one.failed + other.failed, MAX_COUNT),
    )


def _minus(one: ItemCounts, other: ItemCounts) -> ItemCounts:
    return ItemCounts(
        max(one.processed - other.processed, 0),
        max(one.created - other.created, 0),
        max(one.updated - other.updated, 0),
        max(one.unchanged - other.unchanged, 0),
        max(one.failed - other.failed, 0),
    )
