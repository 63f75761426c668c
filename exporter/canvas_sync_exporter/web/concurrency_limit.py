"""Limits concurrent requests; more of them wait a moment, or get 503 with Retry-After."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .problems import ProblemError

__all__ = ["ConcurrencyLimit"]


class ConcurrencyLimit:
    """A semaphore for requests.

    Args:
        limit: Maximum number of concurrent requests.
        full: The error message when the limit is reached.
        retry_seconds: Value of ``Retry-After``.
        waiting: How many further requests may wait for a slot; each of them occupies a thread.
        wait_seconds: How long they may wait.
    """

    def __init__(
        self,
        limit: int,
        full: str,
        *,
        retry_seconds: int,
        waiting: int = 0,
        wait_seconds: float = 1.0,
    ) -> None:
        self._free = threading.BoundedSemaphore(limit)
        self._may_wait = threading.BoundedSemaphore(waiting)
        self._wait_seconds = wait_seconds
        self._full = full
        self._retry_seconds = retry_seconds

    def acquire(self) -> None:
        """Acquire a slot.

        Raises:
            ProblemError: 503, if none becomes free in time.
        """
        if not self._free.acquire(blocking=False) and not self._wait():
            raise ProblemError(503, self._full, headers={"Retry-After": str(self._retry_seconds)})

    def _wait(self) -> bool:
        if not self._may_wait.acquire(blocking=False):
            return False
        try:
            return self._free.acquire(timeout=self._wait_seconds)
        finally:
            self._may_wait.release()

    def release(self) -> None:
        """Release a slot."""
        self._free.release()

    def allows(self, question: Callable[[], bool]) -> bool:
        """Ask a question in a slot; if none becomes free in time, the answer is no."""
        if not self._free.acquire(blocking=False) and not self._wait():
            return False
        try:
            return question()
        finally:
            self.release()

    @contextmanager
    def acquired(self) -> Iterator[None]:
        """Hold a slot while the block runs.

        Raises:
            ProblemError: 503, if none becomes free in time.
        """
        self.acquire()
        try:
            yield
        finally:
            self.release()
