"""A bound on what is answered at the same time: whoever comes too many is told to come back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from .problems import ProblemError

__all__ = ["ConcurrencyLimit"]


class ConcurrencyLimit:
    """Places for so many requests.

    Args:
        limit: How many there are.
        full: What a client is told when all are taken.
        retry_seconds: When it may try again.
    """

    def __init__(self, limit: int, full: str, *, retry_seconds: int) -> None:
        self._free = threading.BoundedSemaphore(limit)
        self._full = full
        self._retry_seconds = retry_seconds

    def acquire(self) -> None:
        """Take a place.

        Raises:
            ProblemError: 503, when none is free.
        """
        if not self._free.acquire(blocking=False):
            raise ProblemError(503, self._full, headers={"Retry-After": str(self._retry_seconds)})

    def release(self) -> None:
        """Return a place back that was taken."""
        self._free.release()

    @contextmanager
    def acquired(self) -> Iterator[None]:
        """Take a place for as long as the block runs.

        Raises:
            ProblemError: 503, when none is free.
        """
        self.acquire()
        try:
            yield
        finally:
            self.release()
