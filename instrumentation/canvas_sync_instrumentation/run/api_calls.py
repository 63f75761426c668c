"""Pure functions that turn what a client library saw into events: API calls and their errors."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

import msgspec
from msgspec import structs

from canvas_sync_core.canvas.failures import error_class
from canvas_sync_core.canvas.paging import PAGE_RELATIONS, PageAddress, address_of
from canvas_sync_core.canvas.received import NOTHING_KNOWN, Received
from canvas_sync_core.canvas.responses import ResponseFacts
from canvas_sync_core.canvas.targets import Target, target_of
from canvas_sync_core.canvas.tokens import token_in
from canvas_sync_core.events import (
    ApiCall,
    ApiCallDetail,
    DbOperation,
    ErrorInfo,
    ErrorRecorded,
    RunContext,
)
from canvas_sync_core.names import GRAPHQL_ERROR, OTHER
from canvas_sync_core.wording import counted
from canvas_sync_instrumentation.error_description import error_info, error_of_text

__all__ = ["NOTHING", "Request", "answered_call", "detail_of", "failure_of", "unanswered_call"]

NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_LONGEST_METHOD: Final = 16
_OTHER_METHOD: Final = "_OTHER"
_NO_NAME: Final = frozenset({"", b"", "@@@SKIP_HEADER@@@"})
"""User-Agent values for which the client sends no such header; the last is urllib3's marker."""


class Request(msgspec.Struct, gc=False):
    """A request that was sent.

    Attributes:
        method: HTTP method in upper case.
        url: The whole URL; its query never enters an event.
        target: What the rest of the URL says.
        address: The page of a list that it asks for, if it asks for a list.
        context: The run it belongs to; None outside a run.
        headers: Its headers, in the client's own mapping; they never enter an event.
        retries: 1 if it repeats a failed call.
        attempt: How many times the same call was sent before.
        backoff: Seconds between the failed attempt and this one.
        token: Short hash of its access token.
        graphql_operation: Name of the GraphQL operation that it requests.
    """

    method: str
    url: SplitResult
    target: Target
    address: PageAddress
    context: RunContext | None
    headers: Mapping[str, Any] = NOTHING
    token: str | None = None
    retries: int = 0
    attempt: int = 0
    backoff: float = 0.0
    graphql_operation: str | None = None

    @classmethod
    def to(
        cls,
        method: str,
        url: str,
        context: RunContext | None,
        headers: Mapping[str, Any] = NOTHING,
    ) -> Request:
        """Build a request from its parts; the token in ``headers`` or the URL is hashed."""
        parts = urlsplit(url)
        target = target_of(parts)
        return cls(
            method=method if method in _METHODS else _known_method(method),
            url=parts,
            target=target,
            address=address_of(parts) if parts.query else target.first_page,
            context=context,
            headers=headers,
            token=token_in(headers.get("Authorization"), parts.query),
        )

    @property
    def is_nameless(self) -> bool:
        """Whether its headers suppress the User-Agent; the client adds a missing one."""
        return self.headers.get("User-Agent", OTHER) in _NO_NAME

    def find_token(self) -> None:
        """Look for the token again, in the headers as they are now."""
        self.token = token_in(self.headers.get("Authorization"), self.url.query)


def _known_method(method: str) -> str:
    """Return a method in upper case; ``_OTHER``, OpenTelemetry's value, if it is not a word."""
    upper = method.upper()
    return upper if upper.isalpha() and len(upper) <= _LONGEST_METHOD else _OTHER_METHOD


def answered_call(
    request: Request,
    *,
    time: float,
    duration: float,
    status: int,
    facts: ResponseFacts,
    graphql_errors: int = 0,
    content: Received = NOTHING_KNOWN,
    skew: float | None = None,
) -> ApiCall:
    """Return the event of a request that was answered."""
    target = request.target
    call = ApiCall(
        context=request.context,
        time=time,
        duration=duration,
        method=request.method,
        route=target.route,
        path=target.path,
        host=target.host,
        status_code=status,
        cost=facts.cost,
        rate_limit_remaining=facts.rate_limit_remaining,
        request_context_id=facts.request_context_id,
        is_page=facts.is_page,
        token=request.token,
        server_time=facts.server_time,
        received_items=content.items,
        received_bytes=content.size,
        transferred_bytes=content.transferred,
        clock_skew=skew,
    )
    # Every call takes this path, and keyword arguments cost time. So the fields that only few
    # calls have are added in a second step.
    if status < 400 and not (request.retries or request.graphql_operation or graphql_errors):
        return call
    return structs.replace(
        call,
        throttled=facts.throttled,
        auth_failure=_auth_failure(request, facts),
        retries=request.retries,
        attempt=request.attempt,
        backoff=request.backoff,
        message=facts.message,
        token_expired_at=facts.token_expired_at,
        graphql_operation=request.graphql_operation,
        graphql_errors=graphql_errors,
    )


def _auth_failure(request: Request, facts: ResponseFacts) -> str | None:
    if facts.auth_failure == "forbidden" and request.is_nameless:
        return "missing_user_agent"  # Canvas refuses these before it looks at permissions
    return facts.auth_failure


def detail_of(url: SplitResult, attempt: int, links: tuple[str, ...]) -> ApiCallDetail:
    """Describe a call for a log of level ``DEBUG``.

    Args:
        url: Where it went; of its query only numbers of pages are read.
        attempt: How often it was sent before.
        links: The relations of the ``Link`` header of its answer; others than Canvas's are left
            out.
    """
    parameters = dict(parse_qsl(url.query))
    return ApiCallDetail(
        attempt,
        _small_number(parameters.get("page")),
        _small_number(parameters.get("per_page")),
        tuple(link for link in links if link in PAGE_RELATIONS),
    )


def _small_number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) <= 9 else None


def unanswered_call(
    request: Request, *, time: float, duration: float, error: BaseException | str
) -> ApiCall:
    """Return the event of a request that was not answered."""
    target = request.target
    info = error_info(error) if isinstance(error, BaseException) else error_of_text(error)
    return ApiCall(
        context=request.context,
        time=time,
        duration=duration,
        method=request.method,
        route=target.route,
        path=target.path,
        host=target.host,
        status_code=None,
        error_class=error_class(error) if isinstance(error, BaseException) else OTHER,
        retries=request.retries,
        attempt=request.attempt,
        backoff=request.backoff,
        message=info.message,
        token=request.token,
        graphql_operation=request.graphql_operation,
        traceback=info.traceback,
    )


def failure_of(event: ApiCall | DbOperation) -> ErrorRecorded | None:
    """Return the error of a failed call or operation.

    Throttling is not an error: the client waits and repeats the call.
    """
    if isinstance(event, DbOperation):
        if event.error is None:
            return None
        return ErrorRecorded(event.context, event.time, "database", event.error)
    if not event.failed or event.throttled:
        return None
    return ErrorRecorded(
        event.context, event.time, "api", _error_of_call(event), event.request_context_id
    )


def _error_of_call(call: ApiCall) -> ErrorInfo:
    status = call.status_code
    if call.error_type == GRAPHQL_ERROR:
        return ErrorInfo(
            GRAPHQL_ERROR, f"GraphQL answered with {counted(call.graphql_errors, 'error')}"
        )
    kind = call.auth_failure or (f"http_{status}" if status is not None else call.outcome)
    message = call.message or (f"HTTP {status}" if status is not None else f"No answer: {kind}")
    return ErrorInfo(kind, message, call.traceback)
