"""Retries in the background."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from canvas_sync_core.locks import RLock
from canvas_sync_core.threads import Daemon

__all__ = ["BackgroundRetry"]

_FIRST_SECONDS: Final = 0.02
_LAST_SECONDS: Final = 1.0


class BackgroundRetry:
    """Calls ``attempt`` in a thread until it returns True; then the thread ends.

    Args:
        attempt: Never raises.
        name: Name of the thread.
    """

    def __init__(self, attempt: Callable[[], bool], name: str) -> None:
        self._attempt = attempt
        self._name = name
        self._lock = RLock()
        self._is_wanted = False
        self._thread: Daemon | None = None

    def start(self) -> None:
        """Start retrying; does nothing if no thread can be started."""
        with self._lock:
            self._is_wanted = True
            if self._thread is None or not self._thread.is_alive or self._thread.is_outdated:
                self._thread = Daemon(self._run, self._name)
                if not self._thread.start():
                    self._thread = None

    def after_fork_in_child(self) -> None:
        """Drop the parent's thread in a forked child."""
        self._lock = RLock()
        self._is_wanted = False
        self._thread = None

    def _run(self) -> None:
        while self._is_asked_for():
            delay = _FIRST_SECONDS
            while not self._attempt():
                time.sleep(delay)
                delay = min(2 * delay, _LAST_SECONDS)

    def _is_asked_for(self) -> bool:
        """Continue if another request arrived meanwhile; otherwise the thread ends."""
        with self._lock:
            if not self._is_wanted:
                self._thread = None
            is_wanted, self._is_wanted = self._is_wanted, False
            return is_wanted
