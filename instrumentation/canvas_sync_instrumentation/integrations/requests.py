"""Records each Canvas API call that an app makes through ``requests``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from canvas_sync_instrumentation.call_recorder import Recorder

from ._requests_patches import REQUESTS

if TYPE_CHECKING:
    from canvas_sync_instrumentation.throttle import ThrottleGuard

__all__ = ["instrument_requests", "uninstrument_requests"]


def instrument_requests(
    *, recorder: Recorder | None = None, guard: ThrottleGuard | None = None
) -> None:
    """Record every request to Canvas that goes through any ``requests.Session`` from now on.

    Requests to other servers are not affected; ``CANVAS_SYNC_CANVAS_HOSTS`` defines which are
    Canvas. A call counts once, with the redirects it follows; a failed attempt that urllib3 repeats
    (``Retry``) counts separately. Responses from a cache such as requests-cache or CacheControl are
    not calls. Calling this again has no effect.

    Args:
        recorder: Records the calls; by default for the monitor of this process.
        guard: Delays each call until it fits into the quota; None delays none.

    Raises:
        ImportError: requests is not installed.
    """
    REQUESTS.on(recorder, guard)


def uninstrument_requests() -> None:
    """Undo :func:`instrument_requests`."""
    REQUESTS.off()
