"""Limits the total time that loggers wait for locks of other processes."""

from __future__ import annotations

from typing import Final

from canvas_sync_core.clock import monotonic

__all__ = ["Patience"]

_MOST_SECONDS: Final = 0.02  # far longer than a log is locked by a process that is not stopped
_REGAINED: Final = 0.05  # for each second that passes


class Patience:
    """A budget of waiting time shared by all threads.

    While one thread waits for another process's lock, the other threads wait for that thread. With
    a separate limit for each, waits would add up: the last of many threads would wait for all.
    """

    def __init__(self) -> None:
        self._left = _MOST_SECONDS
        self._counted_at = monotonic()

    def left(self) -> float:
        """Return how many seconds a caller may wait now."""
        now = monotonic()
        regained = (now - self._counted_at) * _REGAINED
        self._left = min(_MOST_SECONDS, self._left + regained)
        self._counted_at = now
        return max(0.0, self._left)

    def spend_since(self, start: float) -> None:
        """Deduct the time since ``start``, in monotonic seconds."""
        self._left -= monotonic() - start
