"""How long the callers of logs may wait in all for a lock of another process."""

from __future__ import annotations

from typing import Final

from canvas_sync_core.clock import monotonic

__all__ = ["Patience"]

_MOST_SECONDS: Final = 0.02  # far longer than a log is locked by a process that is not stopped
_REGAINED: Final = 0.05  # for each second that passes


class Patience:
    """A budget of waiting time that all threads share.

    While one waits for the lock of another process the others wait for that thread. A limit for
    each would add up, so that with many threads the last one waits for all limits before it.
    """

    def __init__(self) -> None:
        self._left = _MOST_SECONDS
        self._counted_at = monotonic()

    def left(self) -> float:
        """Return how many seconds may be waited now."""
        now = monotonic()
        regained = (now - self._counted_at) * _REGAINED
        self._left = min(_MOST_SECONDS, self._left + regained)
        self._counted_at = now
        return max(0.0, self._left)

    def spend_since(self, start: float) -> None:
        """Take off the time since ``start``, in monotonic seconds."""
        self._left -= monotonic() - start
