"""Records each Canvas API call that an app makes through ``requests``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._recorder import Recorder
from ._sessions import REQUESTS

if TYPE_CHECKING:
    from canvas_sync_instrumentation.throttle import ThrottleGuard

__all__ = ["instrument_requests", "uninstrument_requests"]


def instrument_requests(
    *, recorder: Recorder | None = None, guard: ThrottleGuard | None = None
) -> None:
    """Record every request to Canvas that goes through any ``requests.Session`` from now on.

    Requests to other servers pass untouched; ``CANVAS_SYNC_CANVAS_HOSTS`` says which are Canvas.
    A call counts once with the redirects it follows; a try that failed and that urllib3 repeats
    (``Retry``) counts by itself. What a cache such as requests-cache or CacheControl answers is no
    call. Calling it again changes nothing.

    Args:
        recorder: Where calls are reported; the monitor of this process when None.
        guard: Holds each call back until the quota has room for it; None holds back none.

    Raises:
        ImportError: requests is not installed.
    """
    REQUESTS.on(recorder, guard)


def uninstrument_requests() -> None:
    """Undo :func:`instrument_requests`."""
    REQUESTS.off()
