"""Where every request of requests passes, and where urllib3 repeats one below.

The hooks for requests and for canvasapi share these wrappers, so that a request that both of them
look for is recorded once, in whatever order they were switched on.

``Session.send`` is one call. urllib3 tells of each try that failed by ``Retry.increment`` and waits
in ``Retry.sleep``; both are documented for subclasses to extend
(https://urllib3.readthedocs.io/en/stable/reference/urllib3.util.html#urllib3.util.Retry).
``Session.request``, above ``send``, is where OpenTelemetry's hook of requests can be told to make
no span, whichever of the two wrappers of ``send`` lies on top.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ._calls import Apart, Call, OnlySpan, current_call, is_telemetry
from ._holding import Holding
from ._patch import Patch
from ._recorder import Recorder

if TYPE_CHECKING:
    from requests import PreparedRequest, Response, Session
    from urllib3 import Retry

    from canvas_sync_instrumentation.throttle import ThrottleGuard

__all__ = ["unwatch", "watch"]


@dataclass(frozen=True, slots=True)
class _Watch:
    recorder: Recorder
    is_watched: Callable[[str], bool]
    guard: ThrottleGuard | None


_watches: dict[str, _Watch] = {}


def watch(
    name: str, recorder: Recorder, is_watched: Callable[[str], bool], guard: ThrottleGuard | None
) -> None:
    """Record the requests to the URLs that are watched, after ``guard`` has let them pass.

    ``name`` replaces an earlier one of its own.
    """
    _watches[name] = _Watch(recorder, is_watched, guard)
    for patch, owner in _patches():
        patch.apply(owner)


def unwatch(name: str) -> None:
    """Forget the watch ``name``; with the last one go the wrappers."""
    if _watches.pop(name, None) is not None and not _watches:
        for patch, owner in _patches():
            patch.remove(owner)


def _patches() -> tuple[tuple[Patch, type], ...]:
    from requests import Session  # noqa: PLC0415 - requests may not be installed
    from urllib3 import Retry  # noqa: PLC0415 - comes with requests

    return (_request, Session), (_send, Session), (_increment, Retry), (_sleep, Retry)


def _quieting(request: Callable[..., Response]) -> Callable[..., Response]:
    @functools.wraps(request, updated=())  # a mark that another library left is not ours to carry
    def quieting_request(
        self: Session, method: Any, url: Any, *args: Any, **kwargs: Any
    ) -> Response:
        with Apart():  # a redirect never comes this way, so it is no part of another call
            recorder, _ = _chosen(str(url))
            if recorder is None:
                return request(self, method, url, *args, **kwargs)
            with OnlySpan(recorder):
                return request(self, method, url, *args, **kwargs)

    return quieting_request


def _recording(send: Callable[..., Response]) -> Callable[..., Response]:
    @functools.wraps(send, updated=())
    def recording_send(self: Session, request: PreparedRequest, **kwargs: Any) -> Response:
        outer = current_call()
        if outer is not None and outer.owner is self and _is_part(outer, request, kwargs):
            return send(self, request, **kwargs)
        url = request.url or ""
        recorder, guard = _chosen(url)
        if recorder is None:
            with Apart():
                return send(self, request, **kwargs)
        with Holding(recorder, guard, url, request.headers) as holding:
            method, headers, body = request.method or "", request.headers, request.body
            call = Call(recorder, method, url, headers, body, owner=self, sent=request)
            with call:
                response = send(self, request, **kwargs)
            holding.saw(response.status_code, response.headers)
        call.got(response.status_code, response.headers)
        call.followed(response)
        call.settle(_loaded_body(response))
        return response

    return recording_send


def _is_part(outer: Call, request: PreparedRequest, options: dict[str, Any]) -> bool:
    """Tell whether a session that is in a call sends again for that call.

    It follows a redirect so; and where another library's wrapper of ``send`` hides ours, there may
    be two of ours.
    """
    return outer.sent is request or options.get("allow_redirects") is False


def _telling(increment: Callable[..., Retry]) -> Callable[..., Retry]:
    @functools.wraps(increment, updated=())
    def telling_increment(self: Retry, *args: Any, **kwargs: Any) -> Retry:
        call = current_call()
        if call is not None:
            _tell(call, *args, **kwargs)
        return increment(self, *args, **kwargs)

    return telling_increment


def _tell(
    call: Call,
    _method: Any = None,
    _url: Any = None,
    response: Any = None,
    error: Exception | None = None,
    **_: Any,
) -> None:
    if error is not None:
        call.got_none(error)
    elif response is not None:
        call.got(response.status, response.headers)


def _resuming(sleep: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(sleep, updated=())
    def resuming_sleep(self: Retry, *args: Any, **kwargs: Any) -> None:
        sleep(self, *args, **kwargs)
        call = current_call()
        if call is not None:
            call.tries()

    return resuming_sleep


_request = Patch("request", _quieting)
_send = Patch("send", _recording)
_increment = Patch("increment", _telling)
_sleep = Patch("sleep", _resuming)


def _chosen(url: str) -> tuple[Recorder | None, ThrottleGuard | None]:
    """Tell who records a request, if anyone, and who holds it back."""
    recorder, guard = None, None
    if not is_telemetry():
        for each in tuple(_watches.values()):
            with each.recorder.guard():
                if each.is_watched(url):
                    recorder, guard = recorder or each.recorder, guard or each.guard
    return recorder, guard


def _loaded_body(response: Response) -> bytes | None:
    """Give the content only if it was loaded: a stream is the caller's to read."""
    content = getattr(response, "_content", None)
    return content if isinstance(content, bytes) else None
