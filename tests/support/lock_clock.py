"""A clock for the writers of logs that stands still except while one of them waits for a lock.

How long calls wait then depends neither on the machine nor on how many threads share it.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from types import SimpleNamespace

import pytest

from canvas_sync_core.clock import monotonic

__all__ = ["LockClock"]


class LockClock:
    """Takes the place of the clock in the modules that wait for locks of logs.

    Attributes:
        waited: Thread -> how many seconds it has waited for locks.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._now = monotonic()
        self._lock = threading.Lock()
        self.waited: dict[int, float] = defaultdict(float)
        for module in ("files.locking", "logs.patience", "logs.writer"):
            monkeypatch.setattr(f"canvas_sync_core.{module}.monotonic", self.now)
        pausing = SimpleNamespace(sleep=self._pause)
        monkeypatch.setattr("canvas_sync_core.files.locking.time", pausing)

    def now(self) -> float:
        """Return the time in seconds."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        with self._lock:
            self._now += seconds

    def _pause(self, seconds: float) -> None:
        with self._lock:
            self._now += seconds
            self.waited[threading.get_ident()] += seconds
