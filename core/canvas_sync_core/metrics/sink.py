"""Events -> metrics, in files that the exporter reads."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from canvas_sync_core.events import (
    ApiCall,
    DbOperation,
    ErrorRecorded,
    Event,
    GuardWaited,
    Heartbeat,
    ItemCounts,
    ItemsRecorded,
    ListTruncated,
    LogsCleaned,
    RunContext,
    RunEnded,
    RunStarted,
    RunSuspected,
    RunWaiting,
)
from canvas_sync_core.names import TIME_PARTS, RunStatus
from canvas_sync_core.schema.metrics import MetricName

from . import Counter, Gauge, Histogram, MetricFiles
from ._file_upkeep import FileUpkeep
from ._token_gauges import TokenGauges
from .children import add_each, set_each
from .crowded_directory import CrowdedDirectory

__all__ = ["MetricsSink"]

_MAX_CACHED: Final = 1000
_KINDS: Final[dict[type[Any], tuple[str, ...]]] = {
    ApiCall: ("counter", "histogram", "gauge_livemin", "gauge_liveall"),
    DbOperation: ("counter", "histogram"),
}
"""The kinds of files in which a frequent event changes values; other events may change all."""


_ROUTE_COUNTERS: Final = (
    MetricName.API_REQUEST_COST,
    MetricName.API_THROTTLED,
    MetricName.API_RETRIES,
    MetricName.API_BACKOFF,
    MetricName.API_PAGES,
    MetricName.API_RECEIVED_ITEMS,
    MetricName.API_RECEIVED_BYTES,
)
_ROUTE_GAUGES: Final = (MetricName.API_RATE_LIMIT_REMAINING, MetricName.CLOCK_SKEW)


class _Call(msgspec.Struct, frozen=True):
    """What every API call of one method, route and outcome updates.

    Attributes:
        duration: Its duration.
        counters: The requests, then what :func:`_added_by` returns.
        gauges: In the order of ``_ROUTE_GAUGES``; all routes share them.
    """

    duration: Histogram
    counters: tuple[Counter, ...]
    gauges: tuple[Gauge, ...]


class MetricsSink:
    """Keeps the metrics of this process; see :class:`.MetricFiles`.

    Counters that alerts read exist as 0 from the start, or from the first use of a sync type, route
    or table: ``increase()`` does not see a series appear.

    Args:
        folder: Where the metric files go; created if missing. While it cannot be written, counts
            wait in memory.
        folds_dead: Whether to fold the files of dead processes if there are too many.
    """

    def __init__(self, folder: Path, *, folds_dead: bool = False) -> None:
        self._folds_dead = folds_dead
        self._files = MetricFiles(folder)
        self._upkeep = FileUpkeep(self._files)
        self._crowd = CrowdedDirectory(self._files.folder)
        self._reset()
        self._handlers: dict[type[Any], Callable[[Any], None]] = {
            ApiCall: self._api_call,
            DbOperation: self._db_operation,
            ErrorRecorded: self._error,
            GuardWaited: self._guard_waited,
            Heartbeat: self._heartbeat,
            ItemsRecorded: self._items,
            ListTruncated: self._truncated,
            LogsCleaned: self._logs_cleaned,
            RunEnded: self._run_ended,
            RunStarted: self._run_started,
            RunWaiting: self._run_waiting,
            RunSuspected: self._run_suspected,
        }
        with self._files.lock:
            self._files.start_at_zero()
            self._upkeep.restore()

    def _reset(self) -> None:
        self._lock = self._files.lock
        self._tokens = TokenGauges(self._files)
        self._calls: dict[tuple[str, str, int | None, str | None], _Call] = {}
        self._operations: dict[tuple[str, str, bool], tuple[Counter, Histogram]] = {}
        self._records: dict[tuple[str, str], Counter] = {}
        self._new_records: deque[tuple[str, str]] = deque()
        self._sync_types: set[str] = set()
        self._starts: dict[str, dict[str, float]] = {}
        self._may_be_crowded = self._folds_dead

    @property
    def fault(self) -> str | None:
        """Why the metric files cannot be written now; None while they can."""
        return self._upkeep.fault

    def handle(self, event: Event) -> None:
        """Count one event, if it has a metric, and the log records written before it."""
        if self._may_be_crowded:
            self._may_be_crowded = False
            self._crowd.relieve()
        handler = self._handlers.get(type(event))
        with self._lock:
            if self._files.detach_truncated(_KINDS.get(type(event))):
                self._upkeep.restore()
            if self._new_records:
                self._count_new_records()
            if handler is not None:
                handler(event)
        self._upkeep.restore_when_due()

    def count_dropped(self, sink: str, reason: str, count: int = 1) -> None:
        """Count telemetry that could not be delivered; a :class:`~..sinks.DropCounter`."""
        with self._lock:
            if self._files.detach_truncated():
                self._upkeep.restore()
            self._files.counter(MetricName.TELEMETRY_DROPPED, (sink, reason)).add(count)

    def count_record(self, log: str, level: str) -> None:
        """Count one log record that was written; the next event or flush moves it to a file.

        The event of the record follows at once, so the files are checked once for both.
        """
        self._new_records.append((log, level))

    def _count_new_records(self) -> None:
        while self._new_records:
            each = self._new_records.popleft()
            counter = self._records.get(each)
            if counter is None:
                counter = self._records[each] = self._files.counter(MetricName.LOG_RECORDS, each)
            counter.add()

    def flush(self, timeout: float) -> bool:
        """Move values that are only in memory to files; return whether none are left."""
        with self._lock:
            is_well = self._upkeep.restore()
            self._count_new_records()
            return is_well

    def close(self, timeout: float) -> None:
        """Count series that could never be stored as dropped, then close the files.

        If this process folds files of dead ones, it may finish that first.
        """
        self._crowd.wait(timeout)
        with self._lock:
            if not self.flush(timeout):
                self.count_dropped("metrics", *self._upkeep.losses())
            self._files.close()

    def after_fork_in_child(self) -> None:
        """In a forked child, start at 0 in new files, created with the first event."""
        self._crowd.after_fork_in_child()
        self._files.after_fork_in_child()
        self._reset()

    def _run_started(self, event: RunStarted) -> None:
        sync_type = event.context.sync_type
        self._start_type_at_zero(sync_type)
        self._starts.setdefault(sync_type, {})[event.context.task_id] = event.snapshot.start_time
        self._set_running_gauges(sync_type)

    def _start_type_at_zero(self, sync_type: str) -> None:
        if sync_type in self._sync_types:
            return
        self._files.start_at_zero(sync_type=sync_type)
        if len(self._sync_types) < _MAX_CACHED:
            self._sync_types.add(sync_type)

    def _set_running_gauges(self, sync_type: str) -> None:
        starts = self._starts[sync_type]
        self._files.gauge(MetricName.RUNS_IN_PROGRESS, (sync_type,)).set(len(starts))
        oldest = min(starts.values(), default=math.nan)
        self._files.gauge(MetricName.RUN_OLDEST_START, (sync_type,)).set(oldest)

    def _run_ended(self, event: RunEnded) -> None:
        context, snapshot = event.context, event.snapshot
        sync_type, status = context.sync_type, snapshot.status
        files = self._files
        self._start_type_at_zero(sync_type)
        files.counter(MetricName.RUNS, (sync_type, status)).add()
        duration = files.histogram(MetricName.RUN_DURATION, (sync_type, status))
        duration.observe(snapshot.duration or 0.0, _sampled(context), event.time)
        files.gauge(MetricName.LAST_RUN, (sync_type,)).set(event.time)
        if status is RunStatus.SUCCESS:
            self._set_last_success(event)
        self._remove_running(context)
        self._upkeep.restore()

    def _run_waiting(self, event: RunWaiting) -> None:
        self._remove_running(event.context)

    def _remove_running(self, context: RunContext) -> None:
        # A run that started before a fork belongs to the parent, wherever it ends.
        if self._starts.get(context.sync_type, {}).pop(context.task_id, None) is not None:
            self._set_running_gauges(context.sync_type)

    def _set_last_success(self, event: RunEnded) -> None:
        sync_type = event.context.sync_type
        self._files.gauge(MetricName.LAST_SUCCESS, (sync_type,)).set(event.time)
        for item, counts in event.snapshot.items.items():
            if counts.processed:
                labels = (sync_type, item)
                self._files.gauge(MetricName.ITEM_LAST_SUCCESS, labels).set(event.time)

    def _run_suspected(self, event: RunSuspected) -> None:
        self._start_type_at_zero(event.context.sync_type)
        for reason in event.reasons:
            labels = (event.context.sync_type, reason)
            self._files.counter(MetricName.RUNS_SUSPECT, labels).add()

    def _heartbeat(self, event: Heartbeat) -> None:
        self._upkeep.restore()

    def _items(self, event: ItemsRecorded) -> None:
        sync_type = event.context.sync_type
        for action, count in _by_action(event.counts).items():
            if count > 0:
                labels = (sync_type, event.item, action)
                self._files.counter(MetricName.ITEMS, labels).add(count)

    def _api_call(self, event: ApiCall) -> None:
        key = event.method, event.route, event.status_code, event.error_class
        call = self._calls.get(key) or self._new_call(event)
        call.duration.observe(event.duration, _sampled(event.context), event.time)
        add_each(call.counters, (1.0, *_added_by(event)))
        set_each(call.gauges, (event.rate_limit_remaining, event.clock_skew))
        if event.token is not None:
            self._tokens.update(event, event.token)
        if event.auth_failure is not None:
            self._files.counter(MetricName.API_AUTH_FAILURES, (event.auth_failure,)).add()

    def _new_call(self, event: ApiCall) -> _Call:
        method, route, files = event.method, event.route, self._files
        files.start_at_zero(method=method, route=route)
        requests = files.counter(MetricName.API_REQUESTS, (method, route, event.outcome))
        duration = files.histogram(MetricName.API_REQUEST_DURATION, (method, route))
        gauges = tuple(files.gauge(name) for name in _ROUTE_GAUGES)
        call = _Call(duration, (requests, *self._counters_of(route)), gauges)
        if len(self._calls) < _MAX_CACHED:
            key = (method, route, event.status_code, event.error_class)
            self._calls[key] = call
        return call

    def _counters_of(self, route: str) -> list[Counter]:
        counter = self._files.counter
        self._files.start_at_zero(route=route)
        return [
            *(counter(name, (route,)) for name in _ROUTE_COUNTERS),
            *(counter(MetricName.API_TIME, (route, part)) for part in TIME_PARTS),
        ]

    def _truncated(self, event: ListTruncated) -> None:
        self._counters_of(event.route)
        self._files.counter(MetricName.API_TRUNCATED_LISTS, (event.route,)).add(event.count)

    def _guard_waited(self, event: GuardWaited) -> None:
        self._files.counter(MetricName.API_GUARD_WAITS).add()
        self._files.counter(MetricName.API_GUARD_WAIT).add(event.duration)

    def _db_operation(self, event: DbOperation) -> None:
        key = (event.operation, event.table, event.error_type is None)
        counter, duration = self._operations.get(key) or self._new_operation(event)
        duration.observe(event.duration, _sampled(event.context), event.time)
        counter.add()

    def _new_operation(self, event: DbOperation) -> tuple[Counter, Histogram]:
        operation, table, files = event.operation, event.table, self._files
        files.start_at_zero(operation=operation, table=table)
        series = (
            files.counter(MetricName.DB_OPERATIONS, (operation, table, event.outcome)),
            files.histogram(MetricName.DB_OPERATION_DURATION, (operation, table)),
        )
        if len(self._operations) < _MAX_CACHED:
            self._operations[operation, table, event.error_type is None] = series
        return series

    def _error(self, event: ErrorRecorded) -> None:
        labels = (event.operation, event.error.error_type)
        self._files.counter(MetricName.ERRORS, labels).add()

    def _logs_cleaned(self, event: LogsCleaned) -> None:
        files = self._files
        files.counter(MetricName.CLEANUP_RUNS, (event.outcome,)).add()
        files.counter(MetricName.CLEANUP_RECLAIMED).add(max(0, event.reclaimed_bytes))
        if event.error is None:
            files.gauge(MetricName.CLEANUP_LAST_SUCCESS).set(event.time)


def _added_by(call: ApiCall) -> tuple[float | None, ...]:
    """Return what a call adds to the counters of its route, and to those of its time parts."""
    cost, time = call.cost, call.server_time
    queue = user_cpu = system_cpu = database = rest = 0.0
    if time is not None:
        queue, user_cpu = time.queue or 0.0, time.user_cpu or 0.0
        system_cpu, database = time.system_cpu or 0.0, time.database or 0.0
        rest = call.duration - queue - user_cpu - system_cpu - database
    return (
        cost if cost is not None and 0.0 < cost < math.inf else None,
        call.throttled,
        call.retries,
        call.backoff if call.backoff > 0.0 else None,
        call.is_page,
        call.received_items,
        call.received_bytes,
        queue,
        user_cpu,
        system_cpu,
        database,
        rest if rest > 0.0 else None,
    )


def _sampled(context: RunContext | None) -> str | None:
    return context.trace_id if context is not None and context.sampled else None


def _by_action(counts: ItemCounts) -> dict[str, int]:
    """Assign each item to one action, so that the actions add up to all items."""
    recorded = {
        "created": counts.created,
        "updated": counts.updated,
        "unchanged": counts.unchanged,
        "failed": counts.failed,
    }
    return {**recorded, "processed": counts.processed - sum(recorded.values())}
