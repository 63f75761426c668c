"""Turns the API calls and database operations that hooks report into events of the current run.

A hook knows its client library; the recorder knows Canvas. It names the route, reads the
rate-limit headers, classifies failures, matches retries, and finds the run that a call belongs to.
It stores no URL, header or body beyond the event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Protocol
from urllib.parse import urlsplit

import msgspec
from msgspec import structs

from canvas_sync_core.asynchronous import raise_if_asynchronous
from canvas_sync_core.canvas.clock_skew import clock_skew
from canvas_sync_core.canvas.graphql import error_count, operation_name
from canvas_sync_core.canvas.hosts import is_one_of
from canvas_sync_core.canvas.paging import PageAddress, next_address
from canvas_sync_core.canvas.received import measure_content
from canvas_sync_core.canvas.responses import classify, classify_redirected
from canvas_sync_core.canvas.routes import counts_on_canvas_host, is_canvas_path
from canvas_sync_core.events import ApiCall, DbOperation
from canvas_sync_core.names import OTHER, Log
from canvas_sync_instrumentation.run.active_run import (
    ActiveRun,
    UnfinishedCall,
    current_run,
    emit_with_error,
)
from canvas_sync_instrumentation.run.api_calls import (
    NOTHING,
    Request,
    answered_call,
    detail_of,
    unanswered_call,
)
from canvas_sync_instrumentation.run.call_history import CallKey
from canvas_sync_instrumentation.run.totals import InferredItems

from .error_description import error_info
from .interfaces import Reporter

__all__ = ["CanvasReporter", "PendingCall", "Recorder"]

_FAILED = 400
_RETRYABLE = frozenset({408, 425, 429, 500, 502, 503, 504})
_LONGEST_BODY = 65_536
"""Only this many bytes of a failure's content are examined."""


class CanvasReporter(Reporter, Protocol):
    """A monitor that also knows which hosts are Canvas."""

    @property
    def canvas_hosts(self) -> tuple[str, ...]:
        """Canvas hosts; if empty, the path decides what is Canvas."""

    @property
    def traces_calls_to_app(self) -> bool:
        """Whether API calls become spans of the app's own tracer provider."""

    def note_call_outside_runs(self, method: str, address: PageAddress) -> None:
        """Note an API call that belongs to no run in all open runs."""

    @property
    def detailed_logs(self) -> frozenset[Log]:
        """The logs with level ``DEBUG``, whose events carry more detail."""

    def warn_of_late_settings(self) -> None:
        """Warn once if a setting changed after it was read."""


class PendingCall(msgspec.Struct):
    """An API call that has started.

    Attributes:
        request: The request, which may get its token only when it is sent.
        start: Its start, in monotonic seconds of the reporter's clock.
        reporter: The monitor at its start.
        is_traced_by_app: Whether it becomes a span of the app's own tracer provider.
        is_failure_noted: Whether a call that repeats it can already be recognised.
    """

    request: Request
    start: float
    run: ActiveRun | None
    key: CallKey | None
    reporter: CanvasReporter
    is_traced_by_app: bool
    is_failure_noted: bool = False


class _InternalErrors:
    """Passes exceptions to a function. It is stateless, so one object serves all calls cheaply."""

    __slots__ = ("_on_error",)

    def __init__(self, on_error: Callable[[Exception], None]) -> None:
        self._on_error = on_error

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        """Handle a failure; the reporter raises it again in strict mode."""
        if not isinstance(exc, Exception):
            return False
        self._on_error(exc)
        return True


class Recorder:
    """Turns what hooks see into events of the current run, or of no run.

    Args:
        reporter: Returns the current monitor. It is a function so that hooks keep working when a
            new configuration replaces the monitor.
    """

    def __init__(self, reporter: Callable[[], CanvasReporter]) -> None:
        self._reporter = reporter
        self._internal_errors = _InternalErrors(self.internal_error)

    def handle_internal_errors(self) -> AbstractContextManager[None, bool | None]:
        """Count and swallow failures inside; raise them in strict mode."""
        return self._internal_errors

    def internal_error(self, error: Exception) -> None:
        """Count a failure that was caught; raise it in strict mode."""
        self._reporter().internal_error("hooks", error)

    def is_canvas(self, url: str) -> bool:
        """Return whether ``url`` belongs to the Canvas API."""
        try:
            parts = urlsplit(url)
        except ValueError as error:
            raise_if_asynchronous(error)
            return False  # the client will report what is wrong with it
        hosts = self._reporter().canvas_hosts
        if not hosts:
            return is_canvas_path(parts.path)
        return is_one_of(parts, hosts) and counts_on_canvas_host(parts.path)

    @property
    def traces_calls_to_app(self) -> bool:
        """Whether API calls become spans of the app's own tracer provider."""
        return self._reporter().traces_calls_to_app

    def api_call_started(
        self,
        method: str,
        url: str,
        headers: Mapping[str, Any] = NOTHING,
        body: object = None,
        *,
        failed_at: float | None = None,
    ) -> PendingCall:
        """Note that an API call starts now.

        Args:
            method: HTTP method.
            url: The whole URL; its query and the names in it are not stored.
            headers: Request headers, in the client's own mapping, which may ignore case. Only a
                short hash of the token in them is stored.
            body: Request body, as far as the client has it in memory; only its digest and the name
                of a GraphQL operation in it are stored.
            failed_at: When the attempt that this one retries failed, in monotonic seconds; None if
                this is not a retry by the client.
        """
        current = current_run()
        reporter = self._reporter()
        start = reporter.clock.monotonic()
        if current is None:
            reporter.warn_of_late_settings()  # a run checks them when it starts
        context = reporter.outer_run if current is None else current.context
        request = Request.to(method, url, context, headers)
        if request.target.is_graphql:
            request.graphql_operation = operation_name(body)
        run, key, waited = None, None, None
        if current is None:
            reporter.note_call_outside_runs(request.method, request.address)
        else:
            run = current.run
            if run.outer is not None:
                _note_in_outer_runs(run, request)
            key, waited = run.call_history.begin(request.method, request.address, start, body)
        if failed_at is not None:
            waited = start - failed_at
        if waited is not None:
            request.retries, request.backoff = 1, waited
            request.attempt = (key and key.attempt) or 1
        return PendingCall(
            request=request,
            start=start,
            run=run,
            key=key,
            reporter=reporter,
            is_traced_by_app=reporter.traces_calls_to_app,
        )

    def response_started(
        self, pending: PendingCall, status: int, headers: Mapping[str, str], end: float
    ) -> None:
        """Note the headers of an answer whose body the app may read later, or never.

        The app may repeat a failed call before: the library aiohttp-retry drops the response.

        Args:
            pending: The return value of :meth:`api_call_started`.
            status: HTTP status code.
            headers: Response headers.
            end: When they arrived, in monotonic seconds.
        """
        if pending.run is None or pending.key is None or status < _FAILED:
            return
        if status in _RETRYABLE or classify(status, headers, None).throttled:
            pending.run.call_history.failed(pending.key, end, is_transient=True)
            pending.is_failure_noted = True

    def finalize_at_end(self, pending: PendingCall, call: UnfinishedCall) -> None:
        """Finalize an answered call at the end of its run, unless that has happened before."""
        if pending.run is not None:
            pending.run.unfinished.add(call)

    def api_call_ended(
        self,
        pending: PendingCall,
        *,
        status: int,
        headers: Mapping[str, str],
        body: bytes | None,
        end: float | None = None,
        hops: Sequence[Mapping[str, str]] = (),
        is_elsewhere: bool = False,
    ) -> None:
        """Record the answer to an API call.

        Args:
            pending: The return value of :meth:`api_call_started`.
            status: HTTP status code.
            headers: Response headers; the case of their names does not matter.
            body: The answer's content; None if it has not been read.
            end: When it arrived, in monotonic seconds; None means now.
            hops: The headers of each Canvas answer that redirected to it.
            is_elsewhere: Whether it came from a host other than Canvas.
        """
        reporter = pending.reporter
        now = reporter.clock.monotonic()
        end = now if end is None else end
        request = pending.request
        is_graphql = request.target.is_graphql
        text = _text_of(body) if status >= _FAILED and body is not None else None
        facts = (
            classify_redirected(status, headers, text, hops=hops, is_elsewhere=is_elsewhere)
            if hops
            else classify(status, headers, text)
        )
        duration = end - pending.start
        time = reporter.clock.time() - (now - end)
        content = measure_content(request.method, request.url.path, status, facts, body)
        if content.items is not None and (is_graphql or is_elsewhere):
            content = structs.replace(content, items=None)
        sent_at = facts.sent_at
        call = answered_call(
            request,
            time=time,
            duration=duration,
            status=status,
            facts=facts,
            graphql_errors=error_count(body) if is_graphql else 0,
            content=content,
            skew=None if sent_at is None else clock_skew(sent_at, time - duration, time),
        )
        if pending.run is not None and pending.key is not None:
            history = pending.run.call_history
            if status < _FAILED:
                next_url = facts.next_url
                next_page = None if next_url is None else next_address(request.url, next_url)
                history.answered(pending.key, next_page, call.route)
            elif not pending.is_failure_noted:
                is_transient = facts.throttled or status in _RETRYABLE
                history.failed(pending.key, end, is_transient=is_transient)
        if Log.API_CALLS in reporter.detailed_logs:
            call = _detailed(call, pending, facts.links)
        self._emit(call, pending.run)

    def api_call_failed(
        self, pending: PendingCall, error: BaseException, *, end: float | None = None
    ) -> None:
        """Record an API call that got no answer.

        Args:
            pending: The return value of :meth:`api_call_started`.
            error: The exception that the client library raised.
            end: When it failed, in monotonic seconds; None means now.
        """
        reporter = pending.reporter
        now = reporter.clock.monotonic()
        end = now if end is None else end
        call = unanswered_call(
            pending.request,
            time=reporter.clock.time() - (now - end),
            duration=end - pending.start,
            error=error,
        )
        if pending.run is not None and pending.key is not None:
            pending.run.call_history.failed(pending.key, end, is_transient=True)
        if Log.API_CALLS in reporter.detailed_logs:
            call = _detailed(call, pending)
        self._emit(call, pending.run)

    def wants_statements(self) -> bool:
        """Return whether the log of database operations shows their SQL."""
        return Log.DATABASE in self._reporter().detailed_logs

    def db_operation_ended(
        self,
        operation: str,
        table: str,
        duration: float,
        *,
        count: int = 1,
        batch: bool = False,
        system: str = "other_sql",
        error: BaseException | None = None,
        statement: str | None = None,
        is_upsert: bool = False,
    ) -> InferredItems | None:
        """Record an operation on the app's own database.

        Args:
            operation: Such as ``INSERT``.
            table: Table name.
            duration: Seconds.
            count: Rows.
            batch: Whether several rows were sent together.
            system: The database product, as OpenTelemetry names it.
            error: The exception, if it failed.
            statement: Its SQL without values, if :meth:`wants_statements`.
            is_upsert: Whether rows may have been updated, replaced or skipped instead of inserted.

        Returns:
            The items to subtract from the run if the operation is rolled back.
        """
        reporter = self._reporter()
        current = current_run()
        event = DbOperation(
            context=current.context if current else reporter.outer_run,
            time=reporter.clock.time(),
            duration=duration,
            operation=operation.upper(),
            table=table or OTHER,
            count=count,
            batch=batch,
            error=None if error is None else error_info(error),
            system=system,
            statement=statement,
            is_upsert=is_upsert,
        )
        if current is not None:
            return current.run.add_db_operation(event, infer_items=True)
        emit_with_error(reporter, event)
        return None

    def _emit(self, call: ApiCall, run: ActiveRun | None) -> None:
        if run is not None:
            run.add_api_call(call)
        else:
            emit_with_error(self._reporter(), call)


def _detailed(call: ApiCall, pending: PendingCall, links: tuple[str, ...] = ()) -> ApiCall:
    return structs.replace(call, detail=detail_of(pending.request.url, call.attempt, links))


def _note_in_outer_runs(run: ActiveRun, request: Request) -> None:
    """Note a call in the open runs around its own, which may be reading the list."""
    outer = run.outer
    while outer is not None:
        outer.run.note_call_outside(request.method, request.address)
        outer = outer.run.outer


def _text_of(body: bytes) -> str:
    return body[:_LONGEST_BODY].decode("utf-8-sig", "replace")
