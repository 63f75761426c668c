"""Limits how often a sign-in may fail."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Final

from canvas_sync_core.locks import Lock

__all__ = ["AttemptLimit"]

_PER_CLIENT: Final = 10
_OVERALL: Final = 200
_SECONDS: Final = 900.0


class AttemptLimit:
    """Counts failed attempts of the last 15 minutes, by client and overall.

    Args:
        clock: Returns seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._failures: deque[tuple[float, str]] = deque()

    def seconds_to_wait(self, client: str) -> int:
        """Return for how long a client must not try again; 0 if it may."""
        with self._lock:
            now = self._clock()
            while self._failures and self._failures[0][0] <= now - _SECONDS:
                self._failures.popleft()
            own = [moment for moment, who in self._failures if who == client]
            waits = [0.0]
            if len(own) >= _PER_CLIENT:
                waits.append(own[-_PER_CLIENT] + _SECONDS - now)
            if len(self._failures) >= _OVERALL:
                waits.append(self._failures[-_OVERALL][0] + _SECONDS - now)
            return int(max(waits)) + 1 if max(waits) > 0 else 0

    def note_failure(self, client: str) -> None:
        """Count a failed attempt."""
        with self._lock:
            self._failures.append((self._clock(), client))
