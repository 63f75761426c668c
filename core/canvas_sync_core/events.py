"""The events of a sync: frozen records of what it did.

A tracker or a hook emits an event, and each sink turns it into its own output (a log line, a
metric, a span, a row). Events contain plain numbers and bounded names, but never a token, a name,
an e-mail address, a grade or a raw URL.

Times are seconds since the Unix epoch, durations are seconds. An event's ``time`` is its end.

Events are frozen msgspec structs. They are used like dataclasses, but take a fraction of the time
to create, and so do their classes, which each process creates when it starts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from .names import GRAPHQL_ERROR, RunStatus

__all__ = [
    "ApiCall",
    "ApiCallDetail",
    "DbOperation",
    "DbOperationsSummed",
    "ErrorInfo",
    "ErrorRecorded",
    "Event",
    "GuardWaited",
    "Heartbeat",
    "ItemCounts",
    "ItemsRecorded",
    "ListTruncated",
    "LogsCleaned",
    "OutputRecorded",
    "Progressed",
    "RunContext",
    "RunEnded",
    "RunSnapshot",
    "RunStarted",
    "RunSuspected",
    "RunWaiting",
    "ServerTime",
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


class ServerTime(msgspec.Struct, frozen=True, gc=False):
    """How Canvas spent the time of a request, in seconds; None for parts that it did not report.

    Attributes:
        queue: Waiting before the request was handled.
        user_cpu: User CPU time.
        system_cpu: System CPU time.
        database: Time in the database.
    """

    queue: float | None
    user_cpu: float | None
    system_cpu: float | None
    database: float | None

    @property
    def total(self) -> float:
        """The sum of all parts."""
        parts = (self.queue, self.user_cpu, self.system_cpu, self.database)
        return sum(part or 0.0 for part in parts)


class ApiCallDetail(msgspec.Struct, frozen=True, gc=False):
    """Details of an API call that only a log with level ``DEBUG`` contains.

    Attributes:
        attempt: How many times the same call was sent before: 0 for the first attempt.
        page: The ``page`` parameter of the request, if it is a number.
        per_page: The ``per_page`` parameter of the request.
        links: The relations in the ``Link`` header of the answer, such as ``next``.
    """

    attempt: int = 0
    page: int | None = None
    per_page: int | None = None
    links: tuple[str, ...] = ()


class ApiCall(msgspec.Struct, frozen=True, gc=False):
    """One request to the Canvas API, answered or not.

    Attributes:
        context: The run it belongs to; None outside a run.
        method: HTTP method in upper case.
        route: Canvas route template, such as ``/api/v1/courses/:course_id/assignments``.
        path: The path with its numbers, and with a placeholder for every other identifier.
        host: The Canvas host, without credentials.
        status_code: HTTP status; None if there was no answer.
        error_class: ``timeout``, ``connection``, ``cancelled`` or ``other`` if there was no
            answer.
        throttled: Whether Canvas refused it because of the rate limit.
        auth_failure: One of :data:`~canvas_sync_core.names.AUTH_FAILURE_REASONS`.
        retries: 1 if it repeats a failed call.
        backoff: Seconds between the failed call and this one.
        cost: ``X-Request-Cost``.
        rate_limit_remaining: ``X-Rate-Limit-Remaining``.
        request_context_id: ``X-Request-Context-Id``, for a ticket with Canvas support.
        is_page: Whether the answer is one page of a list.
        message: Canvas's message about a failure, cleaned.
        token: Short hash of the access token; None if unknown.
        server_time: How Canvas spent the time, from ``X-Canvas-Meta``.
        token_expired_at: When a refused token expired, in seconds since the epoch.
        graphql_operation: Name of the GraphQL operation that it requests.
        graphql_errors: Number of errors in the GraphQL answer.
        detail: Further details; None unless ``api_calls.log`` has the level ``DEBUG``.
        traceback: Where in the app the call was made, if there was no answer.
        received_items: Length of the list in the answer; None if it is not a list, or unknown.
        received_bytes: Uncompressed size of its content in bytes; None if unknown.
        transferred_bytes: Size of its content in bytes as it was sent; None if unknown.
        clock_skew: Our clock minus Canvas's clock in seconds, as far as the answer proves a
            difference.
    """

    context: RunContext | None
    time: float
    duration: float
    method: str
    route: str
    path: str
    host: str
    status_code: int | None
    error_class: str | None = None
    throttled: bool = False
    auth_failure: str | None = None
    retries: int = 0
    backoff: float = 0.0
    cost: float | None = None
    rate_limit_remaining: float | None = None
    request_context_id: str | None = None
    is_page: bool = False
    message: str | None = None
    token: str | None = None
    server_time: ServerTime | None = None
    token_expired_at: float | None = None
    graphql_operation: str | None = None
    graphql_errors: int = 0
    detail: ApiCallDetail | None = None
    traceback: tuple[str, ...] = ()
    received_items: int | None = None
    received_bytes: int | None = None
    transferred_bytes: int | None = None
    clock_skew: float | None = None

    @property
    def failed(self) -> bool:
        """Whether there was no answer, a status of 400 or above, or a GraphQL error."""
        return self.status_code is None or self.status_code >= 400 or self.graphql_errors > 0

    @property
    def error_type(self) -> str | None:
        """The failed status, the error class, or ``graphql``; None if it succeeded."""
        if self.graphql_errors and self.status_code is not None and self.status_code < 400:
            return GRAPHQL_ERROR
        return self.outcome if self.failed else None

    @property
    def outcome(self) -> str:
        """The value of the ``status_code`` label: the status, or the error class."""
        return (
            str(self.status_code) if self.status_code is not None else self.error_class or "other"
        )


class ListTruncated(msgspec.Struct, frozen=True):
    """A list had further pages that were never requested."""

    context: RunContext
    time: float
    route: str
    count: int


class DbOperation(msgspec.Struct, frozen=True, gc=False):
    """One operation of the sync on its own database.

    Attributes:
        operation: Upper case, such as ``INSERT`` or ``CREATE``.
        table: Table or model name; ``other`` when unknown.
        count: Number of rows (or objects) that it was given or that it affected.
        batch: Whether several rows were sent together.
        error: Why it failed; None if it succeeded.
        system: The database product, as OpenTelemetry names it.
        statement: Its SQL without values; None unless ``database.log`` has the level ``DEBUG``.
        is_upsert: Whether rows may have been updated, replaced or skipped instead of inserted.
        is_summed: Whether logs and traces show it only as part of a :class:`DbOperationsSummed`.
    """

    context: RunContext | None
    time: float
    duration: float
    operation: str
    table: str
    count: int = 1
    batch: bool = False
    error: ErrorInfo | None = None
    system: str = "other_sql"
    statement: str | None = None
    is_upsert: bool = False
    is_summed: bool = False

    @property
    def error_type(self) -> str | None:
        """Class name of its error; None if it succeeded."""
        return None if self.error is None else self.error.error_type

    @property
    def outcome(self) -> str:
        """The value of the ``outcome`` label: ``success`` or ``failed``."""
        return "success" if self.error is None else "failed"


class DbOperationsSummed(msgspec.Struct, frozen=True, gc=False):
    """Equal database operations of about a second, all of them successful and none of them slow.

    Metrics and the totals of the run already count them: each was a :class:`DbOperation` as well.

    Attributes:
        time: The end of the last one.
        duration: The sum of their durations.
        elapsed: Seconds from the start of the first to the end of the last.
        longest: The longest duration.
        operations: How many they are.
        count: Sum of their rows.
        batch: Whether each of them sent several rows together.
    """

    context: RunContext | None
    time: float
    duration: float
    elapsed: float
    longest: float
    operation: str
    table: str
    operations: int
    count: int
    batch: bool
    system: str


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


class LogsCleaned(msgspec.Struct, frozen=True):
    """The exporter archived rotated log files and deleted old archives.

    Attributes:
        files: Number of log files that were archived.
        archives_deleted: Number of archives that were deleted.
        reclaimed_bytes: How much smaller logs and archives are together.
        error: Why the cleanup failed, entirely or in part.
        context: Always None: a cleanup belongs to no run.
    """

    time: float
    duration: float
    files: int
    archives_deleted: int
    reclaimed_bytes: int
    error: ErrorInfo | None
    context: None = None

    @property
    def outcome(self) -> str:
        """``success`` or ``failed``."""
        return "success" if self.error is None else "failed"


class GuardWaited(msgspec.Struct, frozen=True):
    """A guard delayed an API call to stay within the quota.

    Attributes:
        duration: The delay in seconds.
        token: Short hash of the access token; None if unknown.
    """

    context: RunContext | None
    time: float
    duration: float
    token: str | None


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


Event = (
    RunStarted
    | Heartbeat
    | RunEnded
    | RunWaiting
    | RunSuspected
    | OutputRecorded
    | StepStarted
    | StepEnded
    | Progressed
    | ItemsRecorded
    | ApiCall
    | ListTruncated
    | GuardWaited
    | DbOperation
    | DbOperationsSummed
    | ErrorRecorded
    | LogsCleaned
)
