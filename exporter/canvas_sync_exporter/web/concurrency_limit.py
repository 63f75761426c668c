"""Limits concurrent requests; any more get 503 with Retry-After."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from .problems import ProblemError

__all__ = ["ConcurrencyLimit"]


class ConcurrencyLimit:
    """A semaphore for requests.

    Args:
        limit: Maximum number of concurrent requests.
        full: The error message when the limit is reached.
        retry_seconds: Value of ``Retry-After``.
    """

    def __init__(self, limit: int, full: str, *, retry_seconds: int) -> None:
        self._free = threading.BoundedSemaphore(limit)
        self._full = full
        self._retry_seconds = retry_seconds

    def acquire(self) -> None:
        """Acquire a slot.

        Raises:
            ProblemError: 503, if none is free.
        """
        if not self._free.acquire(blocking=False):
            raise ProblemError(503, self._full, headers={"Retry-After": str(self._retry_seconds)})

    def release(self) -> None:
        """Release a slot."""
        self._free.release()

    @contextmanager
    def acquired(self) -> Iterator[None]:
        """Hold a slot while the block runs.

        Raises:
            ProblemError: 503, if none is free.
        """
        self.acquire()
        try:
            yield
        finally:
            self.release()
