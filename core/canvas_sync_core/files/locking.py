"""Locks on files, by which processes find out who is alive and keep out of each other's way.

A lock of flock(2) belongs to the open file. So it excludes the threads of a process too, a forked
child inherits it, and it ends when the last descriptor of that open file is closed. Nothing here
waits for a lock in the kernel, because its owner may be a stopped process.
"""

from __future__ import annotations

import fcntl
import time
from typing import Final

from canvas_sync_core.clock import monotonic

__all__ = ["lock", "try_lock", "unlock"]

_POLL_SECONDS: Final = 0.001


def lock(fd: int) -> None:
    """Take the lock of a file that nobody else can have yet.

    Raises:
        BlockingIOError: Somebody has it.
        OSError: The file system knows no locks.
    """
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


def try_lock(
    fd: int, timeout: float = 0.0, *, shared: bool = False, poll_seconds: float = _POLL_SECONDS
) -> bool:
    """Take a lock, and return whether it is held now.

    Args:
        fd: The open file.
        timeout: Give up after so many seconds.
        shared: Allow others the lock too, if they also take it shared.
        poll_seconds: The time between two attempts.

    Raises:
        OSError: The file system knows no locks.
    """
    deadline = monotonic() + timeout
    operation = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    while True:
        try:
            fcntl.flock(fd, operation | fcntl.LOCK_NB)
        except BlockingIOError:
            if monotonic() >= deadline:
                return False
            time.sleep(poll_seconds)
        else:
            return True


def unlock(fd: int) -> None:
    """Release a lock. Closing is not enough where a child that was forked has the file open too."""
    fcntl.flock(fd, fcntl.LOCK_UN)
