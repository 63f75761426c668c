"""Events of the Canvas API: calls, lists that were not read to their end, and delays."""

from __future__ import annotations

import msgspec

from canvas_sync_core.names import GRAPHQL_ERROR

from .run import RunContext

__all__ = [
    "ApiCall",
    "ApiCallDetail",
    "GuardWaited",
    "ListTruncated",
    "ServerTime",
]


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
        attempt: How many times the same call was sent before.
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
    attempt: int = 0
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
