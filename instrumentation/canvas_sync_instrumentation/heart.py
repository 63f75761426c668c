"""A background thread that wakes up now and then."""

from __future__ import annotations

import threading
import time
from typing import Protocol

from .threads import start_daemon

__all__ = ["Beat", "Heart"]


class Beat(Protocol):
    """What is done at each beat."""

    def __call__(self, *, due: bool) -> None:
        """Do it; ``due`` is False for an extra beat between two regular ones."""


class Heart:
    """Calls ``beat`` every ``seconds`` in a daemon thread, from :meth:`start` to :meth:`stop`."""

    def __init__(self, seconds: float, beat: Beat) -> None:
        self._seconds = seconds
        self._beat = beat
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopped = False

    def start(self) -> bool:
        """Start the thread, unless it runs or was stopped; False when it cannot be started."""
        with self._lock:
            if self._thread is None and not self._stopped:
                self._thread = start_daemon(self._run, "canvas-sync-heart")
            return self._stopped or self._thread is not None

    def beat_soon(self) -> None:
        """Ask for an extra beat now, without waiting for it."""
        self._wake.set()

    def stop(self) -> None:
        """Stop the thread; a beat that is under way ends by itself."""
        with self._lock:
            self._stopped = True
        self._wake.set()

    def _run(self) -> None:
        next_beat = time.monotonic() + self._seconds
        while True:
            self._wake.wait(max(0.0, next_beat - time.monotonic()))
            self._wake.clear()
            if self._stopped:
                return
            due = time.monotonic() >= next_beat
            if due:
                next_beat = time.monotonic() + self._seconds
            self._beat(due=due)
