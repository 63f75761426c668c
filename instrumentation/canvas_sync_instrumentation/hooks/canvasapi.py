"""Records each API call of the ``canvasapi`` client library, and no other traffic of the app.

``Requester.request`` is the one funnel of canvasapi 3.x; it only marks that the requests below are
canvasapi's. They are recorded where ``requests`` sends them, where an answer has a status even when
canvasapi turns it into an exception without one.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ._patch import Patch
from ._recorder import Recorder, recorder_or_default
from ._required import required
from ._sending import unwatch, watch

if TYPE_CHECKING:
    from canvas_sync_instrumentation.throttle import ThrottleGuard

__all__ = ["instrument_canvasapi", "uninstrument_canvasapi"]

_NAME = "canvasapi"
_canvas_url: ContextVar[str | None] = ContextVar("canvas_sync_canvasapi", default=None)


def instrument_canvasapi(
    *, recorder: Recorder | None = None, guard: ThrottleGuard | None = None
) -> None:
    """Record every API call of canvasapi from now on, also of clients made before.

    Exceptions and return values stay as they are. Uploads of file contents to another host than
    Canvas are not API calls. Calling it again changes nothing.

    Args:
        recorder: Where calls are reported; the monitor of this process when None.
        guard: Holds each call back until the quota has room for it; None holds back none.

    Raises:
        ImportError: canvasapi is not installed.
    """
    required("canvasapi")
    from canvasapi.requester import Requester  # noqa: PLC0415 - may not be installed

    used = recorder_or_default(recorder)

    def is_of_canvasapi(url: str) -> bool:
        canvas_url = _canvas_url.get()
        if canvas_url is None:
            return False
        return _same_host(url, canvas_url) or used.is_canvas(url)

    watch(_NAME, used, is_of_canvasapi, guard)
    _patch.apply(Requester)


def uninstrument_canvasapi() -> None:
    """Undo :func:`instrument_canvasapi`."""
    unwatch(_NAME)
    try:
        from canvasapi.requester import Requester  # noqa: PLC0415 - may not be installed
    except ImportError:
        return
    _patch.remove(Requester)


def _marking(request: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(request, updated=())  # a mark that another library left is not ours to carry
    def marking_request(self: Any, *args: Any, **kwargs: Any) -> Any:
        outer = _canvas_url.set(getattr(self, "original_url", ""))
        try:
            return request(self, *args, **kwargs)
        finally:
            _canvas_url.reset(outer)

    return marking_request


_patch = Patch("request", _marking)


def _same_host(url: str, other: str) -> bool:
    try:
        return urlsplit(url).netloc.lower() == urlsplit(other).netloc.lower()
    except ValueError:
        return False  # the client will say what is wrong with it
