"""A background thread that wakes up regularly."""

from __future__ import annotations

from typing import Protocol

from canvas_sync_core.clock import monotonic
from canvas_sync_core.locks import Event, RLock
from canvas_sync_core.threads import Daemon

__all__ = ["HeartbeatThread", "HeartbeatWork"]


class HeartbeatWork(Protocol):
    """The work at each heartbeat."""

    def __call__(self, *, scheduled: bool) -> None:
        """Do the work; ``scheduled`` is False for an extra heartbeat between two regular ones."""


class HeartbeatThread:
    """Calls ``work`` every ``seconds`` in a daemon thread, from :meth:`start` to :meth:`stop`."""

    def __init__(self, seconds: float, work: HeartbeatWork) -> None:
        self._seconds = seconds
        self._work = work
        self._wake = Event()
        self._lock = RLock()
        self._thread: Daemon | None = None
        self._stopped = False

    def start(self) -> bool:
        """Start the thread, unless it is running or was stopped; False if it cannot be started."""
        with self._lock:
            if self._stopped:
                return True
            if self._thread is None or self._thread.is_outdated:
                self._thread = Daemon(self._run, "canvas-sync-heartbeat")
                if not self._thread.start():
                    self._thread = None
            return self._thread is not None

    def wake(self) -> None:
        """Request an extra heartbeat now, without waiting for it."""
        self._wake.set()

    def stop(self) -> None:
        """Stop the thread, without waiting for a heartbeat in progress."""
        with self._lock:
            self._stopped = True
        self._wake.set()

    def _run(self) -> None:
        thread = self._thread
        next_beat = monotonic() + self._seconds
        while True:
            self._wake.wait(max(0.0, next_beat - monotonic()))
            if self._thread is not thread:  # another one has taken its place
                return
            self._wake.clear()
            if self._stopped:
                return
            scheduled = monotonic() >= next_beat
            if scheduled:
                next_beat = monotonic() + self._seconds
            self._work(scheduled=scheduled)
