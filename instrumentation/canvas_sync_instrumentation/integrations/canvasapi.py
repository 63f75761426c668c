"""Records each API call of the ``canvasapi`` client library, and no other traffic of the app.

Every call of canvasapi 3.x goes through ``Requester.request``; the hook there only marks the
requests below it as canvasapi's. They are recorded where ``requests`` sends them, where a response
has a status even if canvasapi turns it into an exception without one.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from canvas_sync_core.asynchronous import raise_if_asynchronous
from canvas_sync_instrumentation.call_recorder import Recorder

from ._default_recorder import recorder_or_default
from ._patch import Args, Kwargs, Patch, Wrapper
from ._requests_patches import CANVASAPI

if TYPE_CHECKING:
    from canvas_sync_instrumentation.throttle import ThrottleGuard

__all__ = ["instrument_canvasapi", "uninstrument_canvasapi"]

_canvas_url: ContextVar[str | None] = ContextVar("canvas_sync_canvasapi", default=None)


def instrument_canvasapi(
    *, recorder: Recorder | None = None, guard: ThrottleGuard | None = None
) -> None:
    """Record every API call of canvasapi from now on, including existing clients.

    Exceptions and return values are unchanged. Uploads of files to hosts other than Canvas are not
    API calls. Calling this again has no effect.

    Args:
        recorder: Records the calls; by default for the monitor of this process.
        guard: Delays each call until it fits into the quota; None delays none.

    Raises:
        ImportError: canvasapi is not installed.
    """
    used = recorder_or_default(recorder)

    def is_of_canvasapi(url: str) -> bool:
        canvas_url = _canvas_url.get()
        if canvas_url is None:
            return False
        return _same_host(url, canvas_url) or used.is_canvas(url)

    CANVASAPI.on(used, guard, is_of_canvasapi)
    _request.apply(CANVASAPI)


def uninstrument_canvasapi() -> None:
    """Undo :func:`instrument_canvasapi`."""
    CANVASAPI.off()
    _request.remove(CANVASAPI)


def _wrap_request(request: Callable[..., Any]) -> Wrapper[Any]:
    def request_and_mark(args: Args, kwargs: Kwargs) -> Any:
        outer = _canvas_url.set(getattr(args[0], "original_url", "") if args else "")
        try:
            return request(*args, **kwargs)
        finally:
            _canvas_url.reset(outer)

    return request_and_mark


_request = Patch("canvasapi.requester", "Requester.request", _wrap_request)


def _same_host(url: str, other: str) -> bool:
    try:
        return urlsplit(url).netloc.lower() == urlsplit(other).netloc.lower()
    except ValueError as error:
        raise_if_asynchronous(error)
        return False  # the client will report the error
