"""What a log line says: one event in, one record out.

A record is a struct whose fields are the keys of the JSON line, in order; ``timestamp`` is the
first, because readers find the start of a record behind a torn one by it. The common fields are
always there, an event's own are left out at their default. ``message`` is the human line, which the
text format writes alone.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Final, Protocol

import msgspec

from canvas_sync_instrumentation.events import (
    ApiCall,
    DbOperation,
    ErrorInfo,
    ErrorRecorded,
    Event,
    ItemsRecorded,
    ListTruncated,
    LogsCleaned,
    Progressed,
    RunContext,
    RunEnded,
    RunStarted,
    StepEnded,
    StepStarted,
)
from canvas_sync_instrumentation.logfile import escape_controls
from canvas_sync_instrumentation.names import Log, RunStatus

__all__ = [
    "COMMON_FIELDS",
    "LOG_EVENTS",
    "LOG_FIELDS",
    "Record",
    "RecordMaker",
]

_INFO: Final = "INFO"
_WARNING: Final = "WARNING"
_ERROR: Final = "ERROR"

_OPERATIONS: Final = Log.OPERATIONS.value
_API_CALLS: Final = Log.API_CALLS.value
_DATABASE: Final = Log.DATABASE.value
_ERRORS: Final = Log.ERRORS.value
_PROGRESS: Final = Log.PROGRESS.value


class Record(msgspec.Struct, omit_defaults=True, gc=False):
    """The fields that every line has."""

    timestamp: str
    level: str
    log: str
    event: str
    message: str
    task_id: str | None
    user_id: int | None
    course_id: int | None
    sync_type: str | None
    trace_id: str | None
    span_id: str | None
    host: str
    pid: int


class _RunStartedRecord(Record, omit_defaults=True, gc=False):
    status: str
    canvas_host: str | None = None


class _RunEndedRecord(Record, omit_defaults=True, gc=False):
    status: str
    duration_seconds: float | None
    progress: float
    items: dict[str, dict[str, int]]
    api_calls: int
    api_failed: int
    api_throttled: int
    api_retried: int
    api_seconds: float
    db_operations: int
    db_failed: int
    db_seconds: float
    canvas_host: str | None = None
    step: str | None = None
    error_type: str | None = None
    error: str | None = None


class _StepRecord(Record, omit_defaults=True, gc=False):
    step: str
    duration_seconds: float | None = None
    error_type: str | None = None
    error: str | None = None


class _ItemsRecord(Record, omit_defaults=True, gc=False):
    item: str
    processed: int
    created: int
    updated: int
    unchanged: int
    failed: int
    inferred: bool = False


class _LogsCleanedRecord(Record, omit_defaults=True, gc=False):
    status: str
    duration_seconds: float
    files: int
    archives: int
    archives_deleted: int
    reclaimed_bytes: int
    error: str | None = None


class _ApiCallRecord(Record, omit_defaults=True, gc=False):
    method: str
    route: str
    path: str
    canvas_host: str
    duration_seconds: float
    status_code: int | None = None
    error_class: str | None = None
    throttled: bool = False
    auth_failure: str | None = None
    retries: int = 0
    backoff_seconds: float | None = None
    cost: float | None = None
    rate_limit_remaining: float | None = None
    request_context_id: str | None = None
    is_page: bool = False
    error: str | None = None


class _TruncatedRecord(Record, omit_defaults=True, gc=False):
    route: str
    count: int


class _DbRecord(Record, omit_defaults=True, gc=False):
    operation: str
    table: str
    count: int
    duration_seconds: float
    outcome: str
    batch: bool = False
    error_type: str | None = None


class _ErrorRecord(Record, omit_defaults=True, gc=False):
    operation: str
    error_type: str
    error: str


class _ProgressRecord(Record, omit_defaults=True, gc=False):
    percent: float
    progress_message: str


_RECORDS: Final[dict[Log, tuple[type[Record], ...]]] = {
    Log.OPERATIONS: (
        _RunStartedRecord,
        _RunEndedRecord,
        _StepRecord,
        _ItemsRecord,
        _LogsCleanedRecord,
    ),
    Log.API_CALLS: (_ApiCallRecord, _TruncatedRecord),
    Log.DATABASE: (_DbRecord,),
    Log.ERRORS: (_ErrorRecord,),
    Log.PROGRESS: (_ProgressRecord,),
}

COMMON_FIELDS: Final[tuple[str, ...]] = Record.__struct_fields__
"""The fields of every line, in order."""

LOG_FIELDS: Final[Mapping[Log, tuple[str, ...]]] = {
    log: tuple(dict.fromkeys(name for record in records for name in record.__struct_fields__))
    for log, records in _RECORDS.items()
}
"""Log -> the fields that its lines can have, the common ones first."""

LOG_EVENTS: Final[Mapping[Log, tuple[str, ...]]] = {
    Log.OPERATIONS: (
        "run_started",
        "run_ended",
        "step_started",
        "step_ended",
        "items",
        "logs_cleaned",
    ),
    Log.API_CALLS: ("api_call", "list_truncated"),
    Log.DATABASE: ("db_operation",),
    Log.ERRORS: ("error",),
    Log.PROGRESS: ("progress",),
}
"""Log -> the values that ``event`` can have there."""

_RUN_LEVELS: Final = {
    RunStatus.PARTIAL: _WARNING,
    RunStatus.CANCELLED: _WARNING,
    RunStatus.FAILED: _ERROR,
    RunStatus.INTERRUPTED: _ERROR,
}
_NO_CONTEXT: Final = (None, None, None, None, None, None)
_Head = tuple[
    str,
    str,
    str,
    str,
    str,
    str | None,
    int | None,
    int | None,
    str | None,
    str | None,
    str | None,
    str,
    int,
]


class _Logged(Protocol):
    """What every event has."""

    @property
    def context(self) -> RunContext | None: ...

    @property
    def time(self) -> float: ...


class RecordMaker:
    """Turns events into records.

    Args:
        host: Name of this machine or container.

    Attributes:
        makers: Event type -> log and function that makes the record.
    """

    def __init__(self, host: str) -> None:
        self._host = host
        self._pid = os.getpid()
        self._second = (-1, "", "")
        self.makers: Mapping[type[Event], tuple[Log, Callable[[Any], Record]]] = {
            RunStarted: (Log.OPERATIONS, self._run_started),
            RunEnded: (Log.OPERATIONS, self._run_ended),
            StepStarted: (Log.OPERATIONS, self._step_started),
            StepEnded: (Log.OPERATIONS, self._step_ended),
            ItemsRecorded: (Log.OPERATIONS, self._items),
            LogsCleaned: (Log.OPERATIONS, self._logs_cleaned),
            ApiCall: (Log.API_CALLS, self._api_call),
            ListTruncated: (Log.API_CALLS, self._list_truncated),
            DbOperation: (Log.DATABASE, self._db_operation),
            ErrorRecorded: (Log.ERRORS, self._error),
            Progressed: (Log.PROGRESS, self._progress),
        }

    def after_fork_in_child(self) -> None:
        """Write the child's process id from now on."""
        self._pid = os.getpid()

    def _times(self, moment: float) -> tuple[str, str]:
        """Return a moment as RFC 3339 with microseconds, and as the human lines show it."""
        second, microsecond = divmod(int(moment * 1_000_000), 1_000_000)
        known = self._second
        if known[0] != second:
            utc = time.gmtime(second)
            machine = time.strftime("%Y-%m-%dT%H:%M:%S", utc)
            known = self._second = (second, machine, f"[{machine.replace('T', ' ')}]")
        return f"{known[1]}.{microsecond:06d}Z", known[2]

    def _head(self, event: _Logged, level: str, log: str, name: str, human: str) -> _Head:
        """Return the common fields of an event's record, in order."""
        timestamp, clock = self._times(event.time)
        message = escape_controls(f"{clock} {human}")
        context = event.context
        if context is None:
            return (timestamp, level, log, name, message, *_NO_CONTEXT, self._host, self._pid)
        return (
            timestamp,
            level,
            log,
            name,
            message,
            context.task_id,
            context.user_id,
            context.course_id,
            context.sync_type,
            context.trace_id,
            context.span_id,
            self._host,
            self._pid,
        )

    def _run_started(self, event: RunStarted) -> Record:
        snapshot = event.snapshot
        human = f"{_task(event.context)}, started, {snapshot.status.value}"
        return _RunStartedRecord(
            *self._head(event, _INFO, _OPERATIONS, "run_started", human),
            status=snapshot.status.value,
            canvas_host=snapshot.canvas_host,
        )

    def _run_ended(self, event: RunEnded) -> Record:
        snapshot = event.snapshot
        level = _RUN_LEVELS.get(snapshot.status, _INFO)
        human = f"{_task(event.context)}, ended, {snapshot.status.value}"
        error_type, error = _error_fields(snapshot.error)
        return _RunEndedRecord(
            *self._head(event, level, _OPERATIONS, "run_ended", human),
            status=snapshot.status.value,
            canvas_host=snapshot.canvas_host,
            duration_seconds=snapshot.duration,
            progress=snapshot.progress,
            step=snapshot.step,
            error_type=error_type,
            error=error,
            items={item: asdict(counts) for item, counts in snapshot.items.items()},
            api_calls=snapshot.api_calls,
            api_failed=snapshot.api_failed,
            api_throttled=snapshot.api_throttled,
            api_retried=snapshot.api_retried,
            api_seconds=snapshot.api_seconds,
            db_operations=snapshot.db_operations,
            db_failed=snapshot.db_failed,
            db_seconds=snapshot.db_seconds,
        )

    def _step_started(self, event: StepStarted) -> Record:
        human = f"Sync Step: {event.name}, started, running"
        head = self._head(event, _INFO, _OPERATIONS, "step_started", human)
        return _StepRecord(*head, event.name)

    def _step_ended(self, event: StepEnded) -> Record:
        level, status = (_ERROR, "failed") if event.error else (_INFO, "success")
        human = (
            f"Sync Step: {event.name}, ended, {status} - Duration: {event.duration * 1000:.1f}ms"
        )
        return _StepRecord(
            *self._head(event, level, _OPERATIONS, "step_ended", human),
            event.name,
            event.duration,
            *_error_fields(event.error),
        )

    def _items(self, event: ItemsRecorded) -> Record:
        counts = event.counts
        level = _WARNING if counts.failed else _INFO
        human = (
            f"{event.item.capitalize()}s: {counts.processed}, {counts.created}, {counts.updated}"
        )
        return _ItemsRecord(
            *self._head(event, level, _OPERATIONS, "items", human),
            event.item,
            counts.processed,
            counts.created,
            counts.updated,
            counts.unchanged,
            counts.failed,
            event.inferred,
        )

    def _logs_cleaned(self, event: LogsCleaned) -> Record:
        level, status = (_ERROR, "failed") if event.error else (_INFO, "success")
        human = (
            f"Log Cleanup: {event.files} files archived, {event.archives_deleted} old archives"
            f" deleted, {event.reclaimed_bytes} bytes freed, {status}"
        )
        return _LogsCleanedRecord(
            *self._head(event, level, _OPERATIONS, "logs_cleaned", human),
            status,
            event.duration,
            event.files,
            event.archives,
            event.archives_deleted,
            event.reclaimed_bytes,
            event.error,
        )

    def _api_call(self, event: ApiCall) -> Record:
        human = (
            f"{event.method} {event.path} - Status: {event.outcome} - {event.duration * 1000:.1f}ms"
        )
        return _ApiCallRecord(
            *self._head(event, _api_level(event), _API_CALLS, "api_call", human),
            event.method,
            event.route,
            event.path,
            event.host,
            event.duration,
            event.status_code,
            event.error_class,
            event.throttled,
            event.auth_failure,
            event.retries,
            event.backoff or None,
            event.cost,
            event.rate_limit_remaining,
            event.request_context_id,
            event.is_page,
            event.message,
        )

    def _list_truncated(self, event: ListTruncated) -> Record:
        human = f"TRUNCATED {event.route} - Count: {event.count}"
        head = self._head(event, _WARNING, _API_CALLS, "list_truncated", human)
        return _TruncatedRecord(*head, event.route, event.count)

    def _db_operation(self, event: DbOperation) -> Record:
        level = _INFO if event.error_type is None else _ERROR
        batch = " - Batch: true" if event.batch else ""
        human = (
            f"{event.operation} {event.table} - Count: {event.count}{batch}"
            f" - Duration: {event.duration * 1000:.1f}ms"
        )
        return _DbRecord(
            *self._head(event, level, _DATABASE, "db_operation", human),
            event.operation,
            event.table,
            event.count,
            event.duration,
            event.outcome,
            event.batch,
            event.error_type,
        )

    def _error(self, event: ErrorRecorded) -> Record:
        error = event.error
        human = f"ERROR: {error.message}{_whose(event.context)}"
        head = self._head(event, _ERROR, _ERRORS, "error", human)
        return _ErrorRecord(*head, event.operation, error.error_type, error.message)

    def _progress(self, event: Progressed) -> Record:
        task_id = event.context.task_id
        human = f"PROGRESS: Task: {task_id} - {event.percent:g}% - {event.message}"
        head = self._head(event, _INFO, _PROGRESS, "progress", human)
        return _ProgressRecord(*head, event.percent, event.message)


def _task(context: RunContext) -> str:
    user = "-" if context.user_id is None else context.user_id
    return f"Sync Task: {context.task_id}, {user}"


def _whose(context: RunContext | None) -> str:
    if context is None:
        return ""
    user = "" if context.user_id is None else f" - user_id: {context.user_id}"
    course = "" if context.course_id is None else f" - course_id: {context.course_id}"
    return user + course


def _error_fields(error: ErrorInfo | None) -> tuple[str | None, str | None]:
    return (None, None) if error is None else (error.error_type, error.message)


def _api_level(event: ApiCall) -> str:
    status = event.status_code
    if status is None or status >= 500:
        return _ERROR
    return _WARNING if status >= 400 or event.throttled or event.retries else _INFO
