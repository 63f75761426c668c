"""Events of a run: its start and end, its steps, and what the app reports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from canvas_sync_core.names import RunStatus

__all__ = [
    "ErrorInfo",
    "ErrorRecorded",
    "Heartbeat",
    "ItemCounts",
    "ItemsRecorded",
    "OutputRecorded",
    "Progressed",
    "RunContext",
    "RunEnded",
    "RunSnapshot",
    "RunStarted",
    "RunSuspected",
    "RunWaiting",
    "StepEnded",
    "StepStarted",
]


class RunContext(msgspec.Struct, frozen=True):
    """Where an event happened: a run and, inside it, a span.

    Attributes:
        trace_id: 32 hexadecimal digits.
        span_id: 16 hexadecimal digits; the run's span, or the current step's. Empty if unknown:
            the exporter only has the row when it ends the run of a dead process.
        sampled: Whether the trace is recorded; an unsampled run makes no spans.
    """

    task_id: str
    user_id: int | None
    course_id: int | None
    sync_type: str
    trace_id: str
    span_id: str
    sampled: bool


class ErrorInfo(msgspec.Struct, frozen=True):
    """An error with a message from which secrets and personal data were removed.

    Attributes:
        traceback: Its places in the app's own code as ``module:function:line``, outermost first;
            empty if unknown.
    """

    error_type: str
    message: str
    traceback: tuple[str, ...] = ()


class ItemCounts(msgspec.Struct, frozen=True):
    """How many items of one kind a run handled."""

    processed: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    failed: int = 0


class RunSnapshot(msgspec.Struct, frozen=True):
    """The whole state of a run at one time: the content of its row in the table.

    Attributes:
        items: Counts by item (:data:`~canvas_sync_core.names.ITEMS`); all are present.
        request_context_id: ``X-Request-Context-Id`` of the newest failed API call.
        api_truncated: Number of lists with a further page that was never requested.
        api_wait_seconds: Seconds that calls were delayed to stay within the quota.
        redeliverable: Whether a later run with the same task id continues this one if it was left
            open, as when a queue redelivers the task.
        api_items: Items in the lists that Canvas sent; None if no list was observed.
        api_bytes: Size of the answers' content; None if no size was observed.
        clock_skew: Our clock minus Canvas's clock in seconds, as far as the newest answer proves a
            difference; None if no answer had a ``Date``.
        telemetry_fault: Why part of this run's telemetry cannot be written; None if all can.
    """

    task_id: str
    user_id: int | None
    course_id: int | None
    sync_type: str
    canvas_host: str | None
    status: RunStatus
    start_time: float
    end_time: float | None
    duration: float | None
    heartbeat: float
    progress: float
    step: str | None
    error: ErrorInfo | None
    items: Mapping[str, ItemCounts]
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
    metadata: Mapping[str, Any] = msgspec.field(default_factory=dict)
    request_context_id: str | None = None
    api_truncated: int = 0
    api_wait_seconds: float = 0.0
    redeliverable: bool = False
    api_items: int | None = None
    api_bytes: int | None = None
    telemetry_fault: str | None = None
    clock_skew: float | None = None


class RunStarted(msgspec.Struct, frozen=True):
    """A run started."""

    context: RunContext
    time: float
    snapshot: RunSnapshot


class Heartbeat(msgspec.Struct, frozen=True):
    """A run is still alive."""

    context: RunContext
    time: float
    snapshot: RunSnapshot


class RunEnded(msgspec.Struct, frozen=True):
    """A run ended, with ``snapshot.status``."""

    context: RunContext
    time: float
    snapshot: RunSnapshot


class RunWaiting(msgspec.Struct, frozen=True):
    """A run was left open for its next attempt, which another process may make.

    Attributes:
        snapshot: Still ``running``. Its heartbeat is the time by which the next attempt must start,
            its error is the reason for that attempt.
    """

    context: RunContext
    time: float
    snapshot: RunSnapshot


class StepStarted(msgspec.Struct, frozen=True):
    """A step of a run started."""

    context: RunContext
    time: float
    name: str


class StepEnded(msgspec.Struct, frozen=True):
    """A step of a run ended, with the error that left it, if any."""

    context: RunContext
    time: float
    name: str
    duration: float
    error: ErrorInfo | None


class Progressed(msgspec.Struct, frozen=True):
    """A run reported its progress, in percent from 0 to 100."""

    context: RunContext
    time: float
    percent: float
    message: str


class ItemsRecorded(msgspec.Struct, frozen=True):
    """Items of one kind were handled.

    Attributes:
        inferred: True if the counts were inferred from the database operations of the run.
    """

    context: RunContext
    time: float
    item: str
    counts: ItemCounts
    inferred: bool = False


class ErrorRecorded(msgspec.Struct, frozen=True):
    """An error occurred in the sync.

    Attributes:
        operation: Where it occurred: ``run``, ``step``, ``api``, ``database`` or the app's word.
        request_context_id: ``X-Request-Context-Id`` of the API call that failed.
    """

    context: RunContext | None
    time: float
    operation: str
    error: ErrorInfo
    request_context_id: str | None = None


class OutputRecorded(msgspec.Struct, frozen=True):
    """A line of the output of a command that ran as a sync.

    Attributes:
        stream: ``stdout``, ``stderr``, or ``output`` if both go to the same file.
        text: The line, redacted.
    """

    context: RunContext
    time: float
    stream: str
    text: str


class RunSuspected(msgspec.Struct, frozen=True):
    """The exporter found a run that differs greatly from recent runs of the same kind.

    Attributes:
        reasons: Some of :data:`~canvas_sync_core.names.SUSPECT_REASONS`.
        message: The reasons with their numbers.
    """

    context: RunContext
    time: float
    reasons: tuple[str, ...]
    message: str
