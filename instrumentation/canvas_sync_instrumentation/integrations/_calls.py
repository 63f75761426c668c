"""One call of a client library, with all attempts that the library makes for it.

One call by the app (``Session.send``, ``Client.send``) may send several requests: the library
retries failures, follows redirects and renews tokens. So hooks wrap the library in two places. The
outer wrapper starts and ends the :class:`Call`; the inner wrapper notes each attempt in it. So
the methods ``on_*`` note what the library has seen, and only ``finalize`` and
``finalize_with_error`` end the call. A failed attempt that is followed by another one is recorded
as a call; a redirect and its target are recorded as one.

Only traffic on the wire counts. A cache may answer instead of Canvas, or after Canvas answered
that nothing has changed (304).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any, Final, Protocol, Self
from urllib.parse import urlsplit

import msgspec
from opentelemetry.context import (
    _SUPPRESS_HTTP_INSTRUMENTATION_KEY,  # OpenTelemetry's own HTTP hooks check this key
    Context,
    attach,
    create_key,
    detach,
    get_value,
    set_value,
)

from canvas_sync_core.asynchronous import raise_if_asynchronous
from canvas_sync_instrumentation.call_recorder import PendingCall, Recorder

__all__ = ["Call", "Detached", "SuppressInstrumentation", "current_call"]

_SUPPRESS_HTTP: Final = _SUPPRESS_HTTP_INSTRUMENTATION_KEY
_ONLY_OURS: Final = create_key("canvas-sync-only-span")
"""Set while this module, not the app, suppresses those hooks."""

_current: Final[ContextVar[Call | None]] = ContextVar("canvas_sync_call", default=None)


class SuppressInstrumentation:
    """Keeps OpenTelemetry's own hooks from creating a second span for a call."""

    __slots__ = ("_recorder", "_token")

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._token: Token[Context] | None = None

    def __enter__(self) -> None:
        """Suppress those hooks unless they are suppressed already."""
        with self._recorder.handle_internal_errors():
            if self._recorder.traces_calls_to_app:
                self._token = _suppress_others()

    def __exit__(self, *_: object) -> None:
        """Restore those hooks."""
        if self._token is not None:
            detach(self._token)


def _suppress_others() -> Token[Context] | None:
    if get_value(_SUPPRESS_HTTP):
        return None
    return attach(set_value(_ONLY_OURS, True, set_value(_SUPPRESS_HTTP, True)))


class Detached:
    """Detaches requests that are sent inside from the current call, so that they get own spans.

    A call may send more than its request: an ``auth`` flow fetches a token, or a hook of the app
    notifies another server. A task that one of them starts may even outlive the call.
    """

    __slots__ = ("_outer", "_token")

    def __init__(self) -> None:
        self._outer: Token[Call | None] | None = None
        self._token: Token[Context] | None = None

    def __enter__(self) -> None:
        """Leave the current call, if there is one."""
        if _current.get() is not None:
            self._outer = _current.set(None)
        if get_value(_ONLY_OURS):
            self._token = attach(set_value(_ONLY_OURS, False, set_value(_SUPPRESS_HTTP, False)))

    def __exit__(self, *_: object) -> None:
        """Return to that call."""
        if self._token is not None:
            detach(self._token)
        if self._outer is not None:
            _reset(self._outer)


class _Answer(msgspec.Struct, frozen=True):
    end: float
    status: int
    headers: Mapping[str, str]


class _Failure(msgspec.Struct, frozen=True):
    end: float
    error: BaseException


class _Response(Protocol):
    """The attributes that the responses of all client libraries share."""

    @property
    def url(self) -> object: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def history(self) -> Sequence[_Response]: ...


class Call:
    """A call in progress. Its methods never raise failures of the telemetry itself.

    Args:
        recorder: Records the call.
        method: HTTP method.
        url: The whole URL.
        headers: Request headers.
        body: Request body, as far as it is in memory.
        owner: The client that makes the call.
        sent: The client's own request object, if it has one.
        uses_urllib3: Whether requests that urllib3 sends meanwhile belong to this call.
    """

    __slots__ = (
        "__weakref__",
        "_body",
        "_headers",
        "_hops",
        "_is_elsewhere",
        "_is_repeating",
        "_method",
        "_outcome",
        "_outer",
        "_pending",
        "_suppression",
        "_url",
        "owner",
        "recorder",
        "sent",
        "uses_urllib3",
    )

    def __init__(
        self,
        recorder: Recorder,
        method: str,
        url: str,
        headers: Mapping[str, Any],
        body: object,
        *,
        owner: object,
        sent: object = None,
        uses_urllib3: bool = False,
    ) -> None:
        self.recorder = recorder
        self.owner = owner
        self.sent = sent
        self.uses_urllib3 = uses_urllib3
        self._method = method
        self._url = url
        self._headers = headers
        self._body = body
        self._outcome: _Answer | _Failure | None = None
        self._hops: list[Mapping[str, str]] = []
        self._is_elsewhere = False
        self._is_repeating = False
        self._pending: PendingCall | None = None
        self._suppression: Token[Context] | None = None
        self._outer: Token[Call | None]
        try:
            self._pending = recorder.api_call_started(method, url, headers, body)
        except Exception as error:  # noqa: BLE001 - telemetry never breaks the sync
            recorder.internal_error(error)

    def __enter__(self) -> Self:
        """Become the current call and suppress other spans for the requests inside."""
        self._outer = _current.set(self)
        if self._pending is not None and self._pending.is_traced_by_app:
            self._suppression = _suppress_others()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop being the current call; an exception ends the call as failed."""
        try:
            if self._suppression is not None:
                detach(self._suppression)
            if exc is not None:
                self.finalize_with_error(exc)
        finally:
            _reset(self._outer)

    @property
    def answer(self) -> tuple[int, Mapping[str, str]] | None:
        """Status and headers of the last answer that came over the wire, if there was one."""
        outcome = self._outcome
        return (outcome.status, outcome.headers) if isinstance(outcome, _Answer) else None

    def on_response(self, status: int, headers: Mapping[str, str]) -> None:
        """Note that an attempt was answered."""
        if self._is_repeating:
            self.on_attempt()
        if self._pending is not None:
            self._outcome = _Answer(self._pending.reporter.clock.monotonic(), status, headers)

    def on_result(
        self, status: int, headers: Mapping[str, str], *, from_cache: bool = False
    ) -> bool:
        """Note the answer that the library returns; return whether it came over the wire.

        Args:
            status: HTTP status.
            headers: Response headers.
            from_cache: Whether a cache declares the answer as its own. The call then counts with
                the answer that came over the wire, or not at all.
        """
        wire = self._outcome
        is_revalidated = isinstance(wire, _Answer) and wire.status == 304 != status
        if self._is_repeating or not (from_cache or is_revalidated):
            self.on_response(status, headers)
            return True
        if self._outcome is None:
            self._pending = None
        return False

    def on_history(
        self, response: _Response, is_cached: Callable[[Any], bool] = lambda _: False
    ) -> None:
        """Note the redirects in an answer's ``history``, without those that a cache answered.

        Call it only if there are any.
        """
        with self.recorder.handle_internal_errors():
            host = urlsplit(self._url).netloc
            from_host = [
                each for each in response.history if urlsplit(str(each.url)).netloc == host
            ]
            self._hops = [each.headers for each in from_host if not is_cached(each)]
            self._is_elsewhere = urlsplit(str(response.url)).netloc != host

    def on_redirect(self, url: str) -> None:
        """Note that ``url`` is requested next; only a last answer below 400 is a redirect."""
        answer = self.answer
        if answer is None or answer[0] >= 400:
            return
        with self.recorder.handle_internal_errors():
            if not self._is_elsewhere:
                self._hops.append(answer[1])
            self._is_elsewhere = urlsplit(url).netloc != urlsplit(self._url).netloc

    def on_error(self, error: BaseException) -> None:
        """Note that an attempt got no answer; the library may still make another one."""
        if self._is_repeating:
            self.on_attempt()
        if self._pending is not None:
            self._outcome = _Failure(self._pending.reporter.clock.monotonic(), error)

    def will_repeat(self) -> None:
        """Note that the library retries: the next events belong to another attempt."""
        self._is_repeating = True

    def on_attempt(self) -> None:
        """Note the start of an attempt: the first, after a redirect, or after a failure."""
        self._is_repeating = False
        outcome, self._outcome = self._outcome, None
        if outcome is None or (isinstance(outcome, _Answer) and outcome.status < 400):
            if self._pending is not None and self._pending.request.token is None:
                with (
                    self.recorder.handle_internal_errors()
                ):  # an ``auth`` flow sets it only when the client sends
                    self._pending.request.find_token()
            return
        with self.recorder.handle_internal_errors():
            self._record(outcome, None)
            self._pending = self.recorder.api_call_started(
                self._method, self._url, self._headers, self._body, failed_at=outcome.end
            )

    def expect_body(self) -> None:
        """Leave the call open until :meth:`finalize`, but at most until the end of the run."""
        with self.recorder.handle_internal_errors():
            pending, outcome = self._pending, self._outcome
            if pending is None or not isinstance(outcome, _Answer):
                return
            self.recorder.response_started(pending, outcome.status, outcome.headers, outcome.end)
            self.recorder.finalize_at_end(pending, self)

    def finalize(self, body: bytes | None) -> None:
        """End the call with the answer to its last attempt, and the body if it was read."""
        outcome, self._outcome = self._outcome, None
        if outcome is not None:
            try:
                self._record(outcome, body)
            except Exception as error:  # noqa: BLE001 - telemetry never breaks the sync
                self.recorder.internal_error(error)

    def finalize_with_error(self, error: BaseException) -> None:
        """End the call with the exception that the library raised.

        If the exception only reports an answer that the library treats as a failure, the answer
        counts. A request that a test double passes on to the network counts when it is sent.
        """
        if _is_left_to_the_wire(error):
            self._pending = None
            return
        if self._is_repeating or self.answer is None or self.answer[0] < 400:
            self.on_error(error)
        self.finalize(None)

    def _record(self, outcome: _Answer | _Failure, body: bytes | None) -> None:
        pending, self._pending = self._pending, None
        if pending is None:
            return
        if isinstance(outcome, _Failure):
            self.recorder.api_call_failed(pending, outcome.error, end=outcome.end)
            return
        self.recorder.api_call_ended(
            pending,
            status=outcome.status,
            headers=outcome.headers,
            body=body,
            end=outcome.end,
            hops=self._hops,
            is_elsewhere=self._is_elsewhere,
        )


current_call: Final[Callable[[], Call | None]] = _current.get
"""Returns the call that the calling code belongs to, if any."""


def _reset(outer: Token[Call | None]) -> None:
    try:
        _current.reset(outer)
    except ValueError as error:  # a coroutine may be closed in another context than it started in
        raise_if_asynchronous(error)


def _is_left_to_the_wire(error: BaseException) -> bool:
    """Return whether requests-mock has no answer; with ``real_http`` it then sends the request."""
    kind = type(error)
    return kind.__name__ == "NoMockAddress" and kind.__module__ == "requests_mock.exceptions"
