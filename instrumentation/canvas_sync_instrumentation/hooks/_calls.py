"""One call of a client library, with every try that the library makes for it.

What a program calls (``Session.send``, ``Client.send``) may be several requests: the library
repeats what failed, follows redirects, renews a token. Hooks wrap both ends. The outer wrapper
begins and ends the :class:`Call`; a wrapper further in tells it of the single tries. A try that
failed and is followed by another is recorded by itself; a redirect and what it leads to are one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Any, NamedTuple

from opentelemetry.context import (
    _SUPPRESS_HTTP_INSTRUMENTATION_KEY,  # what OpenTelemetry's own hooks of HTTP look at
    _SUPPRESS_INSTRUMENTATION_KEY,
    attach,
    detach,
    get_value,
    set_value,
)

from ._recorder import PendingCall, Recorder

__all__ = ["Call", "apart", "current_call", "is_telemetry", "only_span"]

_current: ContextVar[Call | None] = ContextVar("canvas_sync_call", default=None)


class _Answer(NamedTuple):
    end: float
    status: int
    headers: Mapping[str, str]


class _Failure(NamedTuple):
    end: float
    error: BaseException


class Call:
    """A call under way. None of its methods lets a failure of our own out.

    Args:
        recorder: Who records it.
        method: HTTP method.
        url: The whole URL.
        headers: Of the request.
        body: What is sent, as far as it is at hand.
        owner: The client that makes it.
    """

    __slots__ = (
        "_body",
        "_headers",
        "_method",
        "_outcome",
        "_pending",
        "_url",
        "owner",
        "recorder",
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
    ) -> None:
        self.recorder = recorder
        self.owner = owner
        self._method = method
        self._url = url
        self._headers = headers
        self._body = body
        self._outcome: _Answer | _Failure | None = None
        self._pending: PendingCall | None = None
        with recorder.guard():
            self._pending = recorder.api_call_started(method, url, headers, body)

    @contextlib.contextmanager
    def under_way(self) -> Iterator[None]:
        """Be the current call; a failure that leaves the block ends it."""
        outer = _current.set(self)
        try:
            with only_span(self.recorder):
                yield
        except BaseException as error:
            self.failed(error)
            raise
        finally:
            _current.reset(outer)

    def got(self, status: int, headers: Mapping[str, str]) -> None:
        """Note that a try got an answer."""
        with self.recorder.guard():
            self._outcome = _Answer(self.recorder.now(), status, headers)

    def got_none(self, error: BaseException) -> None:
        """Note that a try got no answer."""
        with self.recorder.guard():
            self._outcome = _Failure(self.recorder.now(), error)

    def tries(self) -> None:
        """Note that a try begins: the first, one after a redirect, or one after a failure."""
        outcome, self._outcome = self._outcome, None
        if outcome is None or (isinstance(outcome, _Answer) and outcome.status < 400):
            with self.recorder.guard():
                self._look_for_token()
            return
        with self.recorder.guard():
            self._record(outcome, None)
            self._pending = self.recorder.api_call_started(
                self._method, self._url, self._headers, self._body, failed_at=outcome.end
            )

    def settle(self, body: bytes | None) -> None:
        """End the call with the answer that its last try got, and its content if it was read."""
        outcome, self._outcome = self._outcome, None
        if outcome is not None:
            with self.recorder.guard():
                self._record(outcome, body)

    def failed(self, error: BaseException) -> None:
        """End the call with what the library raised.

        When that only says that a try had an answer which the library does not like, the answer
        counts.
        """
        if not isinstance(self._outcome, _Answer) or self._outcome.status < 400:
            self.got_none(error)
        self.settle(None)

    def _look_for_token(self) -> None:
        """Look again at the headers: an ``auth`` flow sets them when the client sends."""
        if self._pending is not None and self._pending.request.token is None:
            self._pending = self.recorder.api_call_sent(self._pending, self._headers)

    def _record(self, outcome: _Answer | _Failure, body: bytes | None) -> None:
        pending, self._pending = self._pending, None
        if pending is None:
            return
        if isinstance(outcome, _Failure):
            self.recorder.api_call_failed(pending, outcome.error, end=outcome.end)
            return
        self.recorder.api_call_ended(
            pending, status=outcome.status, headers=outcome.headers, body=body, end=outcome.end
        )


def current_call() -> Call | None:
    """Give the call in which the calling code executes."""
    return _current.get()


@contextlib.contextmanager
def apart() -> Iterator[None]:
    """Keep what is sent inside the block, which nobody records, out of the current call."""
    if _current.get() is None:
        yield
        return
    outer = _current.set(None)
    try:
        yield
    finally:
        _current.reset(outer)


@contextlib.contextmanager
def only_span(recorder: Recorder) -> Iterator[None]:
    """Keep OpenTelemetry's own hooks from making a span of a call that already becomes one."""
    if not recorder.traces_calls_to_app or get_value(_SUPPRESS_HTTP_INSTRUMENTATION_KEY):
        yield
        return
    token = attach(set_value(_SUPPRESS_HTTP_INSTRUMENTATION_KEY, True))
    try:
        yield
    finally:
        detach(token)


def is_telemetry() -> bool:
    """Tell whether an exporter of OpenTelemetry sends; a collector may lie behind ``/api/v1/``."""
    return bool(get_value(_SUPPRESS_INSTRUMENTATION_KEY))
