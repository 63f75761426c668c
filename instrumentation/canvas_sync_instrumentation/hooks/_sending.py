"""The one wrapper around ``requests.Session.send``, where every request of requests passes.

The hooks for requests and for canvasapi share it, so that a request that both of them look for is
recorded once, in whatever order they were switched on.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.context import (
    _SUPPRESS_HTTP_INSTRUMENTATION_KEY,  # what OpenTelemetry's own hooks of HTTP look at
    _SUPPRESS_INSTRUMENTATION_KEY,
    get_value,
)

from ._holding import Holding
from ._patch import Patch
from ._recorder import Recorder

if TYPE_CHECKING:
    from requests import PreparedRequest, Response, Session

    from canvas_sync_instrumentation.throttle import ThrottleGuard

__all__ = ["Chooser", "unwatch", "watch"]

Chooser = Callable[[str], Recorder | None]
"""Says who records a request to a URL, if anyone."""


@dataclass(frozen=True, slots=True)
class _Watch:
    chooser: Chooser
    guard: ThrottleGuard | None


_LONGEST_BODY: Final = 65_536
"""Bytes of an error's body that are looked at."""

_watches: dict[str, _Watch] = {}
_recorded_by: ContextVar[Session | None] = ContextVar("canvas_sync_sending", default=None)


def watch(name: str, chooser: Chooser, guard: ThrottleGuard | None) -> None:
    """Record the requests that ``chooser`` chooses, after ``guard`` has let them pass.

    ``name`` replaces an earlier one of its own.
    """
    from requests import Session  # noqa: PLC0415 - requests may not be installed

    _watches[name] = _Watch(chooser, guard)
    _patch.apply(Session)


def unwatch(name: str) -> None:
    """Forget the chooser ``name``; with the last one goes the wrapper."""
    if _watches.pop(name, None) is None or _watches:
        return
    from requests import Session  # noqa: PLC0415 - requests may not be installed

    _patch.remove(Session)


def _recording(send: Callable[..., Response]) -> Callable[..., Response]:
    @functools.wraps(send, updated=())  # a mark that another library left is not ours to carry
    def recording_send(self: Session, request: PreparedRequest, **kwargs: Any) -> Response:
        recorder, guard = _recorder_for(self, request, kwargs)
        if recorder is None:
            return send(self, request, **kwargs)
        with Holding(recorder, guard, request.url or "", request.headers) as holding:
            response = recorded_send(self, recorder, request, kwargs)
            holding.saw(response.status_code, response.headers)
        return response

    def recorded_send(
        self: Session, recorder: Recorder, request: PreparedRequest, kwargs: dict[str, Any]
    ) -> Response:
        pending = None
        with recorder.guard():
            pending = recorder.api_call_started(
                request.method or "", request.url or "", request.headers
            )
        outer = _recorded_by.set(self)
        try:
            response = send(self, request, **kwargs)
        except BaseException as error:
            if pending is not None:
                with recorder.guard():
                    recorder.api_call_failed(pending, error)
            raise
        finally:
            _recorded_by.reset(outer)
        if pending is not None:
            with recorder.guard():
                _record_answer(recorder, pending, response)
        return response

    return recording_send


_patch = Patch("send", _recording)


def _recorder_for(
    session: Session, request: PreparedRequest, options: dict[str, Any]
) -> tuple[Recorder | None, ThrottleGuard | None]:
    # A session follows a redirect by sending again from within: that is still the same call.
    if _recorded_by.get() is session and options.get("allow_redirects") is False:
        return None, None
    if _is_telemetry():
        return None, None
    recorder, guard, url = None, None, request.url or ""
    for watched in tuple(_watches.values()):
        chosen = watched.chooser(url)
        if chosen is not None:
            recorder, guard = recorder or chosen, guard or watched.guard
    return recorder, guard


def _is_telemetry() -> bool:
    """Tell whether an exporter of OpenTelemetry sends; a collector may lie behind ``/api/v1/``."""
    return bool(
        get_value(_SUPPRESS_INSTRUMENTATION_KEY) or get_value(_SUPPRESS_HTTP_INSTRUMENTATION_KEY)
    )


def _record_answer(recorder: Recorder, pending: Any, response: Response) -> None:
    retries = getattr(response.raw, "retries", None)
    recorder.api_call_ended(
        pending,
        status=response.status_code,
        headers=response.headers,
        body=_loaded_body(response),
        tries_below=len(getattr(retries, "history", ())),
    )


def _loaded_body(response: Response) -> str | None:
    """Give the text of a failure, only if it was loaded: a stream is the caller's to read."""
    content = getattr(response, "_content", None)
    if response.status_code < 400 or not isinstance(content, bytes):
        return None
    return content[:_LONGEST_BODY].decode("utf-8", "replace")
