"""The log records: which events exist, which log they go to, and which fields their lines have.

A record is a struct whose fields are the keys of the JSON line, in order. ``timestamp`` comes
first, because readers use it to find the start of the next record after a torn line. The common
fields are always present; an event's own fields are omitted if they have their default value.
``message`` is the human-readable line, which is all that the text format writes. Tests compare
readers and reference pages with these types.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from canvas_sync_core.events import ItemCounts
from canvas_sync_core.names import Log

__all__ = [
    "COMMON_FIELDS",
    "LOG_EVENTS",
    "ApiCallDetailRecord",
    "ApiCallRecord",
    "CleanupRecord",
    "DbRecord",
    "DbStatementRecord",
    "ErrorRecord",
    "GuardWaitRecord",
    "ItemsRecord",
    "LogEvent",
    "OutputRecord",
    "ProgressRecord",
    "Record",
    "RunEndedRecord",
    "RunStartedRecord",
    "RunSuspectRecord",
    "RunWaitingRecord",
    "StepEndedRecord",
    "StepStartedRecord",
    "TruncatedRecord",
    "events_of",
    "fields_of",
]


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


class RunStartedRecord(Record, omit_defaults=True, gc=False):
    """A run started."""

    status: str


class RunEndedRecord(Record, omit_defaults=True, gc=False):
    """A run ended; the line contains its totals."""

    status: str
    duration_seconds: float | None
    progress: float
    items: Mapping[str, ItemCounts]
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
    error_traceback: Sequence[str] = ()
    request_context_id: str | None = None
    api_truncated: int = 0
    api_wait_seconds: float = 0.0
    api_items: int | None = None
    api_bytes: int | None = None


class RunSuspectRecord(Record, omit_defaults=True, gc=False):
    """A run differs greatly from recent runs of the same kind."""

    suspect_reasons: list[str]
    suspect_reason: str


class RunWaitingRecord(Record, omit_defaults=True, gc=False):
    """A run waits for its next attempt."""

    status: str
    error_type: str | None = None
    error: str | None = None
    error_traceback: Sequence[str] = ()


class StepStartedRecord(Record, omit_defaults=True, gc=False):
    """A step started."""

    step: str


class StepEndedRecord(Record, omit_defaults=True, gc=False):
    """A step ended."""

    step: str
    duration_seconds: float | None = None
    error_type: str | None = None
    error: str | None = None
    error_traceback: Sequence[str] = ()


class ItemsRecord(Record, omit_defaults=True, gc=False):
    """Items of one kind were handled."""

    item: str
    processed: int
    created: int
    updated: int
    unchanged: int
    failed: int
    inferred: bool = False


class OutputRecord(Record, omit_defaults=True, gc=False):
    """A line of the output of a command."""

    stream: str
    text: str


class CleanupRecord(Record, omit_defaults=True, gc=False):
    """The exporter cleaned the logs up."""

    status: str
    duration_seconds: float
    files: int
    archives_deleted: int
    reclaimed_bytes: int
    error_type: str | None = None
    error: str | None = None


class ApiCallRecord(Record, omit_defaults=True, gc=False):
    """A request to Canvas."""

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
    graphql_operation: str | None = None
    graphql_errors: int = 0
    token: str | None = None
    token_expired_at: str | None = None
    received_items: int | None = None
    received_bytes: int | None = None
    queue_seconds: float | None = None
    user_cpu_seconds: float | None = None
    system_cpu_seconds: float | None = None
    database_seconds: float | None = None


class ApiCallDetailRecord(Record, omit_defaults=True, gc=False):
    """More about a request to Canvas, at level ``DEBUG``."""

    method: str
    route: str
    attempt: int = 0
    page: int | None = None
    per_page: int | None = None
    links: tuple[str, ...] = ()


class TruncatedRecord(Record, omit_defaults=True, gc=False):
    """Lists with a further page that was never requested."""

    route: str
    count: int


class GuardWaitRecord(Record, omit_defaults=True, gc=False):
    """A guard delayed an API call."""

    wait_seconds: float
    token: str | None = None


class DbRecord(Record, omit_defaults=True, gc=False):
    """An operation on the sync's own database, or the sum of several equal ones.

    ``count`` and ``duration_seconds`` of a sum are totals, and ``operations`` is above 1, or 1 if
    only one operation was left to be summed up.
    """

    operation: str
    table: str
    count: int
    duration_seconds: float
    outcome: str
    batch: bool = False
    error_type: str | None = None
    operations: int = 1
    elapsed_seconds: float | None = None
    longest_seconds: float | None = None


class DbStatementRecord(Record, omit_defaults=True, gc=False):
    """The SQL of an operation on the sync's own database, at level ``DEBUG``."""

    operation: str
    table: str
    statement: str


class ErrorRecord(Record, omit_defaults=True, gc=False):
    """An error in the sync."""

    operation: str
    error_type: str
    error: str
    request_context_id: str | None = None
    error_traceback: Sequence[str] = ()


class ProgressRecord(Record, omit_defaults=True, gc=False):
    """The progress of a run."""

    percent: float
    progress_message: str


class LogEvent(NamedTuple):
    """The lines of one event.

    Attributes:
        log: Where they are written.
        record: Their fields.
    """

    log: Log
    record: type[Record]


LOG_EVENTS: Final[Mapping[str, LogEvent]] = {
    "run_started": LogEvent(Log.OPERATIONS, RunStartedRecord),
    "run_waiting": LogEvent(Log.OPERATIONS, RunWaitingRecord),
    "run_ended": LogEvent(Log.OPERATIONS, RunEndedRecord),
    "run_suspect": LogEvent(Log.OPERATIONS, RunSuspectRecord),
    "step_started": LogEvent(Log.OPERATIONS, StepStartedRecord),
    "step_ended": LogEvent(Log.OPERATIONS, StepEndedRecord),
    "items": LogEvent(Log.OPERATIONS, ItemsRecord),
    "output": LogEvent(Log.OPERATIONS, OutputRecord),
    "logs_cleaned": LogEvent(Log.OPERATIONS, CleanupRecord),
    "api_call": LogEvent(Log.API_CALLS, ApiCallRecord),
    "api_call_detail": LogEvent(Log.API_CALLS, ApiCallDetailRecord),
    "list_truncated": LogEvent(Log.API_CALLS, TruncatedRecord),
    "guard_wait": LogEvent(Log.API_CALLS, GuardWaitRecord),
    "db_operation": LogEvent(Log.DATABASE, DbRecord),
    "db_statement": LogEvent(Log.DATABASE, DbStatementRecord),
    "error": LogEvent(Log.ERRORS, ErrorRecord),
    "progress": LogEvent(Log.PROGRESS, ProgressRecord),
}
"""Value of ``event`` -> the lines of that event."""

COMMON_FIELDS: Final[tuple[str, ...]] = Record.__struct_fields__
"""The fields of every line, in order."""


def events_of(log: Log) -> tuple[str, ...]:
    """Return the values that ``event`` can have in a log."""
    return tuple(name for name, event in LOG_EVENTS.items() if event.log is log)


def fields_of(log: Log) -> tuple[str, ...]:
    """Return the fields that the lines of a log can have, the common ones first."""
    records = (event.record for event in LOG_EVENTS.values() if event.log is log)
    return tuple(dict.fromkeys(name for record in records for name in record.__struct_fields__))
