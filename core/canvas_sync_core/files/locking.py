"""Locks on files, with which processes find out who is alive and exclude each other.

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
    """Lock a new file, which no other process can have locked yet.

    Raises:
        BlockingIOError: Another process has locked it.
        OSError: The file system does not support locks.
    """
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


def try_lock(
    fd: int, timeout: float = 0.0, *, shared: bool = False, poll_seconds: float = _POLL_SECONDS
) -> bool:
    """Try to take a lock; return whether it is held now.

    Args:
        fd: The open file.
        timeout: Seconds after which to give up.
        shared: Whether others may hold the lock at the same time, if they also take it shared.
        poll_seconds: Seconds between two attempts.

    Raises:
        OSError: The file system does not support locks.
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
    """Release a lock. Closing is not enough: a forked child may have the file open too."""
    fcntl.flock(fd, fcntl.LOCK_UN)
