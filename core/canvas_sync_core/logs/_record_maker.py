"""Turns events into log records with their human-readable lines."""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, Protocol

from canvas_sync_core.asynchronous import raise_if_asynchronous
from canvas_sync_core.events import (
    ApiCall,
    DbOperation,
    DbOperationsSummed,
    ErrorInfo,
    ErrorRecorded,
    Event,
    GuardWaited,
    ItemsRecorded,
    ListTruncated,
    LogsCleaned,
    OutputRecorded,
    Progressed,
    RunContext,
    RunEnded,
    RunStarted,
    RunSuspected,
    RunWaiting,
    ServerTime,
    StepEnded,
    StepStarted,
)
from canvas_sync_core.names import RUN_LEVELS, Log
from canvas_sync_core.schema.log_records import (
    COMMON_FIELDS,
    LOG_EVENTS,
    ApiCallDetailRecord,
    ApiCallRecord,
    CleanupRecord,
    DbRecord,
    DbStatementRecord,
    ErrorRecord,
    GuardWaitRecord,
    ItemsRecord,
    OutputRecord,
    ProgressRecord,
    Record,
    RunEndedRecord,
    RunStartedRecord,
    RunSuspectRecord,
    RunWaitingRecord,
    StepEndedRecord,
    StepStartedRecord,
    TruncatedRecord,
)
from canvas_sync_core.schema.run_fields import RUN_FIELDS

from . import escape_controls

__all__ = ["Maker", "RecordMaker"]

_DEBUG: Final = "DEBUG"
_INFO: Final = "INFO"
_WARNING: Final = "WARNING"
_ERROR: Final = "ERROR"

_LINES: Final = {event.record: (event.log.value, name) for name, event in LOG_EVENTS.items()}
"""Record type -> the log and the event name of its lines."""

_OF_A_RUN: Final = [
    field
    for field in RUN_FIELDS
    if field.is_direct and {field.log}.isdisjoint(("", *COMMON_FIELDS))
]
"""The fields of the line that reports the end of a run, without the common fields."""

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
    """The attributes that all events share."""

    @property
    def context(self) -> RunContext | None: ...

    @property
    def time(self) -> float: ...


class Maker(NamedTuple):
    """How the events of one type become records.

    Attributes:
        log: The log that they belong to.
        level: Returns the level of an event.
        make: Returns the record of an event; None if there is nothing to log.
    """

    log: Log
    level: Callable[[Any], str]
    make: Callable[[Any], Record | None]


class RecordMaker:
    """Turns events into records.

    Args:
        host: Name of this machine or container.
        zone: Time zone of the times in human-readable lines.

    Attributes:
        makers: Event type -> how its events become records.
        details: Event type -> how its additional line at level ``DEBUG`` is made.
    """

    def __init__(self, host: str, zone: dt.tzinfo = dt.UTC) -> None:
        self._zone = zone
        self._host = host
        self._pid = os.getpid()
        self._second = (-1, "", "")
        self.makers: Mapping[type[Event], Maker] = {
            RunStarted: _maker(RunStartedRecord, _always_info, self._run_started),
            RunWaiting: _maker(RunWaitingRecord, _always_info, self._run_waiting),
            RunEnded: _maker(RunEndedRecord, _run_level, self._run_ended),
            RunSuspected: _maker(RunSuspectRecord, _always_warning, self._run_suspected),
            StepStarted: _maker(StepStartedRecord, _always_info, self._step_started),
            StepEnded: _maker(StepEndedRecord, _error_level, self._step_ended),
            ItemsRecorded: _maker(ItemsRecord, _items_level, self._items),
            OutputRecorded: _maker(OutputRecord, _always_info, self._output),
            LogsCleaned: _maker(CleanupRecord, _error_level, self._logs_cleaned),
            ApiCall: _maker(ApiCallRecord, _api_level, self._api_call),
            ListTruncated: _maker(TruncatedRecord, _always_warning, self._list_truncated),
            GuardWaited: _maker(GuardWaitRecord, _always_info, self._guard_waited),
            DbOperation: _maker(DbRecord, _error_level, self._db_operation),
            DbOperationsSummed: _maker(DbRecord, _always_info, self._db_operations_summed),
            ErrorRecorded: _maker(ErrorRecord, _always_error, self._error),
            Progressed: _maker(ProgressRecord, _always_info, self._progress),
        }

        self.details: Mapping[type[Event], Maker] = {
            ApiCall: _maker(ApiCallDetailRecord, _always_debug, self._api_call_detail),
            DbOperation: _maker(DbStatementRecord, _always_debug, self._db_statement),
        }

    def after_fork_in_child(self) -> None:
        """Write the child's process id from now on."""
        self._pid = os.getpid()

    def _times(self, seconds: float) -> tuple[str, str]:
        """Return a Unix time as RFC 3339 with microseconds, and as human-readable lines show it."""
        second, microsecond = divmod(int(seconds * 1_000_000), 1_000_000)
        known = self._second
        if known[0] != second:
            machine = _clock(second, dt.UTC)
            human = machine if self._zone is dt.UTC else _clock(second, self._zone)
            known = self._second = (second, machine, f"[{human.replace('T', ' ')}]")
        digits = str(1_000_000 + microsecond)[1:]  # a format with zeros takes longer
        return f"{known[1]}.{digits}Z", known[2]

    def _head(self, event: _Logged, level: str, record: type[Record], human: str) -> _Head:
        """Return the common fields of an event's record, in order."""
        timestamp, clock = self._times(event.time)
        message = escape_controls(f"{clock} {human}")
        log, name = _LINES[record]
        context = event.context
        if context is None:
            return (
                timestamp,
                level,
                log,
                name,
                message,
                *_NO_CONTEXT,
                self._host,
                self._pid,
            )
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
            context.span_id or None,
            self._host,
            self._pid,
        )

    def _run_started(self, event: RunStarted) -> Record:
        snapshot = event.snapshot
        human = f"{_task(event.context)}, started, {snapshot.status.value}"
        return RunStartedRecord(
            *self._head(event, _INFO, RunStartedRecord, human),
            status=snapshot.status.value,
        )

    def _run_waiting(self, event: RunWaiting) -> Record:
        snapshot = event.snapshot
        human = f"{_task(event.context)}, waiting, {snapshot.status.value}"
        return RunWaitingRecord(
            *self._head(event, _INFO, RunWaitingRecord, human),
            snapshot.status.value,
            *_error_fields(snapshot.error),
        )

    def _run_ended(self, event: RunEnded) -> Record:
        snapshot = event.snapshot
        human = f"{_task(event.context)}, ended, {snapshot.status.value}"
        error_type, error, traceback = _error_fields(snapshot.error)
        record = RunEndedRecord(
            *self._head(event, _run_level(event), RunEndedRecord, human),
            error_type=error_type,
            error=error,
            error_traceback=traceback,
            items=snapshot.items,
            **{field.log: getattr(snapshot, field.source) for field in _OF_A_RUN},
        )
        # Those of the run's process, also when the exporter ends it.
        record.host, record.pid = snapshot.host, snapshot.pid
        return record

    def _run_suspected(self, event: RunSuspected) -> Record:
        human = f"{_task(event.context)}, suspect, {' '.join(event.reasons)}"
        return RunSuspectRecord(
            *self._head(event, _WARNING, RunSuspectRecord, human),
            list(event.reasons),
            event.message,
        )

    def _step_started(self, event: StepStarted) -> Record:
        human = f"Sync Step: {event.name}, started, running"
        head = self._head(event, _INFO, StepStartedRecord, human)
        return StepStartedRecord(*head, event.name)

    def _step_ended(self, event: StepEnded) -> Record:
        status = "failed" if event.error else "success"
        human = (
            f"Sync Step: {event.name}, ended, {status} - Duration: {event.duration * 1000:.1f}ms"
        )
        return StepEndedRecord(
            *self._head(event, _error_level(event), StepEndedRecord, human),
            event.name,
            event.duration,
            *_error_fields(event.error),
        )

    def _items(self, event: ItemsRecorded) -> Record:
        counts = event.counts
        human = (
            f"{event.item.capitalize()}s: {counts.processed}, {counts.created}, {counts.updated}"
        )
        return ItemsRecord(
            *self._head(event, _items_level(event), ItemsRecord, human),
            item=event.item,
            processed=counts.processed,
            created=counts.created,
            updated=counts.updated,
            unchanged=counts.unchanged,
            failed=counts.failed,
            inferred=event.inferred,
        )

    def _output(self, event: OutputRecorded) -> Record:
        human = f"OUTPUT: Task: {event.context.task_id} - {event.stream} - {event.text}"
        return OutputRecord(
            *self._head(event, _INFO, OutputRecord, human), event.stream, event.text
        )

    def _logs_cleaned(self, event: LogsCleaned) -> Record:
        human = (
            f"Log Cleanup: {event.outcome} - Files: {event.files}"
            f" - Freed: {event.reclaimed_bytes} bytes - Duration: {event.duration * 1000:.1f}ms"
        )
        error_type, error, _ = _error_fields(event.error)
        return CleanupRecord(
            *self._head(event, _error_level(event), CleanupRecord, human),
            status=event.outcome,
            duration_seconds=event.duration,
            files=event.files,
            archives_deleted=event.archives_deleted,
            reclaimed_bytes=event.reclaimed_bytes,
            error_type=error_type,
            error=error,
        )

    def _api_call(self, event: ApiCall) -> Record:
        level, status = _api_level(event), event.status_code
        outcome = event.outcome if status is None else status
        human = f"{event.method} {event.path} - Status: {outcome} - {event.duration * 1000:.1f}ms"
        record = ApiCallRecord(
            *self._head(event, level, ApiCallRecord, human),
            method=event.method,
            route=event.route,
            path=event.path,
            canvas_host=event.host,
            duration_seconds=event.duration,
            status_code=status,
            cost=event.cost,
            rate_limit_remaining=event.rate_limit_remaining,
            request_context_id=event.request_context_id,
            is_page=event.is_page,
            token=event.token,
            received_items=event.received_items,
            received_bytes=event.received_bytes,
        )
        # Each keyword argument costs about 20 nanoseconds, so the fields that only few calls have
        # are set afterwards.
        if event.graphql_operation is not None:
            record.graphql_operation = event.graphql_operation
        if event.server_time is not None:
            _add_server_time(record, event.server_time)
        if level != _INFO or event.backoff:
            self._add_failure(record, event)
        return record

    def _add_failure(self, record: ApiCallRecord, event: ApiCall) -> None:
        """Add the fields that only failed calls and retries have."""
        record.error_class = event.error_class
        record.throttled = event.throttled
        record.retries = event.retries
        record.backoff_seconds = event.backoff or None
        record.auth_failure = event.auth_failure
        record.error = event.message
        record.graphql_errors = event.graphql_errors
        if event.token_expired_at is not None:
            record.token_expired_at, _ = self._times(event.token_expired_at)

    def _api_call_detail(self, event: ApiCall) -> Record | None:
        detail = event.detail
        if detail is None:
            return None
        said = [f"Attempt: {detail.attempt + 1}"]
        said += [f"Page: {detail.page}"] if detail.page is not None else []
        said += [f"Per page: {detail.per_page}"] if detail.per_page is not None else []
        said += [f"Links: {', '.join(detail.links)}"] if detail.links else []
        said += _server_times(event.server_time)
        human = f"DETAIL {event.method} {event.path} - {' - '.join(said)}"
        return ApiCallDetailRecord(
            *self._head(event, _DEBUG, ApiCallDetailRecord, human),
            method=event.method,
            route=event.route,
            attempt=detail.attempt,
            page=detail.page,
            per_page=detail.per_page,
            links=detail.links,
        )

    def _list_truncated(self, event: ListTruncated) -> Record:
        human = f"TRUNCATED {event.route} - Count: {event.count}"
        head = self._head(event, _WARNING, TruncatedRecord, human)
        return TruncatedRecord(*head, event.route, event.count)

    def _guard_waited(self, event: GuardWaited) -> Record:
        human = f"WAIT {event.token or '-'} - Duration: {event.duration * 1000:.1f}ms"
        head = self._head(event, _INFO, GuardWaitRecord, human)
        return GuardWaitRecord(*head, event.duration, event.token)

    def _db_operation(self, event: DbOperation) -> Record | None:
        if event.is_summed:
            return None
        batch = " - Batch: true" if event.batch else ""
        took = f" - Duration: {event.duration * 1000:.1f}ms" if event.duration else ""
        human = f"{event.operation} {event.table} - Count: {event.count}{batch}{took}"
        record = DbRecord(
            *self._head(event, _error_level(event), DbRecord, human),
            operation=event.operation,
            table=event.table,
            count=event.count,
            duration_seconds=event.duration,
            outcome=event.outcome,
            batch=event.batch,
        )
        if event.error is not None:
            record.error_type = event.error.error_type
        return record

    def _db_operations_summed(self, event: DbOperationsSummed) -> Record:
        batch = " - Batch: true" if event.batch else ""
        human = (
            f"{event.operation} {event.table} - Count: {event.count}{batch}"
            f" - Operations: {event.operations} - Duration: {event.duration * 1000:.1f}ms"
        )
        return DbRecord(
            *self._head(event, _INFO, DbRecord, human),
            operation=event.operation,
            table=event.table,
            count=event.count,
            duration_seconds=event.duration,
            outcome="success",
            batch=event.batch,
            operations=event.operations,
            elapsed_seconds=event.elapsed,
            longest_seconds=event.longest,
        )

    def _db_statement(self, event: DbOperation) -> Record | None:
        if event.statement is None:
            return None
        human = f"DETAIL {event.operation} {event.table} - SQL: {event.statement}"
        return DbStatementRecord(
            *self._head(event, _DEBUG, DbStatementRecord, human),
            event.operation,
            event.table,
            event.statement,
        )

    def _error(self, event: ErrorRecorded) -> Record:
        error = event.error
        human = f"ERROR: {error.message}{_whose(event.context)}"
        head = self._head(event, _ERROR, ErrorRecord, human)
        return ErrorRecord(
            *head,
            operation=event.operation,
            error_type=error.error_type,
            error=error.message,
            request_context_id=event.request_context_id,
            error_traceback=error.traceback,
        )

    def _progress(self, event: Progressed) -> Record:
        task_id = event.context.task_id
        human = f"PROGRESS: Task: {task_id} - {event.percent:g}% - {event.message}"
        head = self._head(event, _INFO, ProgressRecord, human)
        return ProgressRecord(*head, event.percent, event.message)


def _maker(
    record: type[Record], level: Callable[[Any], str], make: Callable[[Any], Record | None]
) -> Maker:
    log, _ = _LINES[record]
    return Maker(Log(log), level, make)


def _clock(second: int, zone: dt.tzinfo) -> str:
    """Return what a clock shows; in UTC where the zone's clock would leave the years 1 to 9999."""
    if zone is not dt.UTC:
        try:
            return dt.datetime.fromtimestamp(second, zone).strftime("%Y-%m-%dT%H:%M:%S")
        except (OverflowError, ValueError, OSError) as error:
            raise_if_asynchronous(error)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


def _task(context: RunContext) -> str:
    user = "-" if context.user_id is None else context.user_id
    return f"Sync Task: {context.task_id}, {user}"


def _whose(context: RunContext | None) -> str:
    if context is None:
        return ""
    user = "" if context.user_id is None else f" - user_id: {context.user_id}"
    course = "" if context.course_id is None else f" - course_id: {context.course_id}"
    return user + course


def _error_fields(error: ErrorInfo | None) -> tuple[str | None, str | None, tuple[str, ...]]:
    return (None, None, ()) if error is None else (error.error_type, error.message, error.traceback)


def _add_server_time(record: ApiCallRecord, time: ServerTime) -> None:
    record.queue_seconds = time.queue
    record.user_cpu_seconds = time.user_cpu
    record.system_cpu_seconds = time.system_cpu
    record.database_seconds = time.database


def _server_times(times: ServerTime | None) -> list[str]:
    """Say where Canvas spent the time, in milliseconds."""
    if times is None:
        return []
    named = {
        "Queue": times.queue,
        "CPU": _sum(times.user_cpu, times.system_cpu),
        "Database": times.database,
    }
    return [f"{name}: {part * 1000:.1f}ms" for name, part in named.items() if part is not None]


def _sum(*parts: float | None) -> float | None:
    known = [part for part in parts if part is not None]
    return sum(known) if known else None


def _always_debug(_event: Event) -> str:
    return _DEBUG


def _always_info(_event: Event) -> str:
    return _INFO


def _always_warning(_event: Event) -> str:
    return _WARNING


def _always_error(_event: Event) -> str:
    return _ERROR


def _run_level(event: RunEnded) -> str:
    return RUN_LEVELS.get(event.snapshot.status, _INFO)


def _items_level(event: ItemsRecorded) -> str:
    return _WARNING if event.counts.failed else _INFO


def _error_level(event: StepEnded | LogsCleaned | DbOperation) -> str:
    return _INFO if event.error is None else _ERROR


def _api_level(event: ApiCall) -> str:
    status = event.status_code
    if status is None or status >= 500:
        return _ERROR
    if status >= 400 or event.graphql_errors or event.throttled or event.retries:
        return _WARNING
    return _INFO
