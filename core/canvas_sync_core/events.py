"""What a sync did, as frozen facts.

A tracker or a hook makes one event; each sink turns it into one output (a log line, a metric, a
span, a row). Events carry plain numbers and bounded names: no token, no name, no e-mail address, no
grade and no raw URL ever enters one.

Times are seconds since the Unix epoch, durations are seconds. An event's ``time`` is when it ended.

The two events that a sync makes by the thousand, :class:`ApiCall` and :class:`DbOperation`, are
frozen structs: the same to whoever uses them, and made in a fraction of the time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from .names import GRAPHQL_ERROR, RunStatus

__all__ = [
    "ApiCall",
    "ApiCallDetail",
    "DbOperation",
    "ErrorInfo",
    "ErrorRecorded",
    "Event",
    "GuardWaited",
    "Heartbeat",
    "ItemCounts",
    "ItemsRecorded",
    "ListTruncated",
    "LogsCleaned",
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


@dataclass(frozen=True, slots=True)
class RunContext:
    """Where an event happened: a run and, inside it, a span.

    Attributes:
        trace_id: 32 hexadecimal digits.
        span_id: 16 hexadecimal digits; the run's span, or the current step's. Empty when it is not
            known any more: the exporter ends the run of a dead process by its row.
        sampled: Whether the trace is recorded; an unsampled run makes no spans.
    """

    task_id: str
    user_id: int | None
    course_id: int | None
    sync_type: str
    trace_id: str
    span_id: str
    sampled: bool


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """An error with a message from which secrets and personal data were removed.

    Attributes:
        traceback: Where in the app's own code it was, as ``module:function:line``, the outermost
            place first; empty when no code is known.
    """

    error_type: str
    message: str
    traceback: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ItemCounts:
    """How many items of one kind a run handled."""

    processed: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class RunSnapshot:
    """The whole of a run at one moment: what its row in the table says.

    Attributes:
        items: Counts by item (:data:`~canvas_sync_core.names.ITEMS`); all are present.
        request_context_id: ``X-Request-Context-Id`` of the newest failed API call.
        api_truncated: Lists whose next page was never fetched.
        api_wait_seconds: Time that calls were held back to stay under the quota.
        redeliverable: Whether a later run with its task id continues it if it was left open, as a
            task does that a queue delivers again.
        api_items: Items in the lists that Canvas sent; None when no list was observed.
        api_bytes: Size of the answers' content; None when no size was observed.
        clock_skew: Our clock minus that of Canvas in seconds, as far as the newest answer proves
            it; None when no answer had a ``Date``.
        telemetry_fault: Why part of this run's telemetry cannot be written; None when all can.
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
    metadata: Mapping[str, Any] = field(default_factory=dict)
    request_context_id: str | None = None
    api_truncated: int = 0
    api_wait_seconds: float = 0.0
    redeliverable: bool = False
    api_items: int | None = None
    api_bytes: int | None = None
    telemetry_fault: str | None = None
    clock_skew: float | None = None


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run began."""

    context: RunContext
    time: float
    snapshot: RunSnapshot


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A run is still alive."""

    context: RunContext
    time: float
    snapshot: RunSnapshot


@dataclass(frozen=True, slots=True)
class RunEnded:
    """A run came to its end; ``snapshot.status`` says how."""

    context: RunContext
    time: float
    snapshot: RunSnapshot


@dataclass(frozen=True, slots=True)
class RunWaiting:
    """A run was left to its next try, which may be in another process.

    Attributes:
        snapshot: Still ``running``; its heartbeat is the moment up to which the next try is not
            missed, its error why there is one.
    """

    context: RunContext
    time: float
    snapshot: RunSnapshot


@dataclass(frozen=True, slots=True)
class StepStarted:
    """A named part of a run began."""

    context: RunContext
    time: float
    name: str


@dataclass(frozen=True, slots=True)
class StepEnded:
    """A named part of a run ended, with the error that left it, if any."""

    context: RunContext
    time: float
    name: str
    duration: float
    error: ErrorInfo | None


@dataclass(frozen=True, slots=True)
class Progressed:
    """A run told how far it is, in percent from 0 to 100."""

    context: RunContext
    time: float
    percent: float
    message: str


@dataclass(frozen=True, slots=True)
class ItemsRecorded:
    """Items of one kind were handled.

    Attributes:
        inferred: True when the counts were read off the database operations of the run.
    """

    context: RunContext
    time: float
    item: str
    counts: ItemCounts
    inferred: bool = False


class ServerTime(msgspec.Struct, frozen=True, gc=False):
    """Where Canvas spent the time of a request, in seconds; None where it did not say.

    Attributes:
        queue: Until the request was begun.
        user_cpu: Of the program.
        system_cpu: Of the operating system for it.
        database: In the database.
    """

    queue: float | None
    user_cpu: float | None
    system_cpu: float | None
    database: float | None

    @property
    def total(self) -> float:
        """All of it."""
        parts = (self.queue, self.user_cpu, self.system_cpu, self.database)
        return sum(part or 0.0 for part in parts)


class ApiCallDetail(msgspec.Struct, frozen=True, gc=False):
    """What only a log of level ``DEBUG`` says of an API call.

    Attributes:
        attempt: How often the same call was sent before: 0 for the first attempt.
        page: The ``page`` that the request asked for, if it is a number.
        per_page: The ``per_page`` that it asked for.
        links: The relations of the ``Link`` header of the answer, such as ``next``.
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
        path: The path with numbers kept and every other identifier replaced by its placeholder.
        host: The Canvas host, without credentials.
        status_code: HTTP status; None when there was no answer.
        error_class: ``timeout``, ``connection``, ``cancelled`` or ``other`` when there was no
            answer.
        throttled: Whether Canvas refused it for going over the rate limit.
        auth_failure: One of :data:`~canvas_sync_core.names.AUTH_FAILURE_REASONS`.
        retries: 1 when it repeats a failed call.
        backoff: Seconds between the failed call and this repetition.
        cost: ``X-Request-Cost``.
        rate_limit_remaining: ``X-Rate-Limit-Remaining``.
        request_context_id: ``X-Request-Context-Id``, for a ticket with Canvas support.
        is_page: Whether the answer is one page of a list.
        message: What Canvas said about a failure, cleaned.
        token: Short hash of the access token; None when it is not known.
        server_time: Where Canvas spent the time, from ``X-Canvas-Meta``.
        token_expired_at: When a token expired that was refused for it, in seconds since the epoch.
        graphql_operation: Name of the GraphQL operation that it asks for.
        graphql_errors: How many errors the GraphQL answer has.
        detail: More about it; None unless ``api_calls.log`` has the level ``DEBUG``.
        traceback: Where in the app the call was made, when there was no answer.
        received_items: Length of the list that the answer is; None when it is none, or not known.
        received_bytes: Size of its content in bytes, without compression; None when not known.
        transferred_bytes: Size of its content in bytes as it was sent; None when not known.
        clock_skew: Our clock minus that of Canvas in seconds, as far as the answer proves it.
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
        """Whether there was no answer, one of 400 and above, or one with GraphQL errors."""
        return self.status_code is None or self.status_code >= 400 or self.graphql_errors > 0

    @property
    def error_type(self) -> str | None:
        """What failed: the status, the error class, or ``graphql``; None when nothing did."""
        if self.graphql_errors and self.status_code is not None and self.status_code < 400:
            return GRAPHQL_ERROR
        return self.outcome if self.failed else None

    @property
    def outcome(self) -> str:
        """The value of the ``status_code`` label: the status, or the error class."""
        return (
            str(self.status_code) if self.status_code is not None else self.error_class or "other"
        )


@dataclass(frozen=True, slots=True)
class ListTruncated:
    """A list had further pages that were never fetched."""

    context: RunContext
    time: float
    route: str
    count: int


class DbOperation(msgspec.Struct, frozen=True, gc=False):
    """One operation of the sync on its own database.

    Attributes:
        operation: Upper case, such as ``INSERT`` or ``CREATE``.
        table: Table or model name; ``other`` when unknown.
        count: Rows (or objects) the operation was given or touched.
        batch: Whether several rows travelled together.
        error: What ended it, if it failed.
        system: The database product, by OpenTelemetry's names.
        statement: Its SQL without values; None unless ``database.log`` has the level ``DEBUG``.
        is_upsert: Whether rows may have been changed, replaced or left out instead of inserted.
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

    @property
    def error_type(self) -> str | None:
        """Class name of the error that ended it."""
        return None if self.error is None else self.error.error_type

    @property
    def outcome(self) -> str:
        """The value of the ``outcome`` label: ``success`` or ``failed``."""
        return "success" if self.error is None else "failed"


@dataclass(frozen=True, slots=True)
class ErrorRecorded:
    """The sync met an error.

    Attributes:
        operation: What was being done: ``run``, ``step``, ``api``, ``database`` or the app's word.
        request_context_id: ``X-Request-Context-Id`` of the API call that failed.
    """

    context: RunContext | None
    time: float
    operation: str
    error: ErrorInfo
    request_context_id: str | None = None


@dataclass(frozen=True, slots=True)
class LogsCleaned:
    """The exporter archived what the logs had rotated out, and deleted old archives.

    Attributes:
        files: How many log files were archived.
        archives_deleted: How many archives were too old.
        reclaimed_bytes: By how much logs and archives together became smaller.
        error: Why it could not be done, or not all of it.
        context: It belongs to no run.
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


@dataclass(frozen=True, slots=True)
class GuardWaited:
    """A guard held an API call back to stay under the quota.

    Attributes:
        duration: For how many seconds.
        token: Short hash of the access token; None when it is not known.
    """

    context: RunContext | None
    time: float
    duration: float
    token: str | None


@dataclass(frozen=True, slots=True)
class RunSuspected:
    """The exporter found a run that is far off the last ones of its kind.

    Attributes:
        reasons: Some of :data:`~canvas_sync_core.names.SUSPECT_REASONS`.
        message: The same with numbers.
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
    | StepStarted
    | StepEnded
    | Progressed
    | ItemsRecorded
    | ApiCall
    | ListTruncated
    | GuardWaited
    | DbOperation
    | ErrorRecorded
    | LogsCleaned
)
