"""Descriptors that stay open for the life of a process, beside those of the app.

A program that becomes a daemon may close all descriptors, ours too, and its next files then get
their numbers: our lines and counts would go into its data.
"""

from __future__ import annotations

import errno
import fcntl
import itertools
import mmap
import os
import resource
from typing import Final

__all__ = ["close_ours", "is_closed", "is_open", "keep_for_good", "out_of_the_way"]

_MOST: Final = 1024
"""Descriptors from here on would make a few tools slow that look at each possible number."""
_moved: Final = itertools.count()
_leaked: Final[list[mmap.mmap]] = []


def out_of_the_way(fd: int) -> int:
    """Move a descriptor to a high number, which other files get only when hundreds are open.

    Each gets another number, so that a log that is opened again does not get that of another log
    which was closed as well, and whose lines it would then get.

    Returns:
        The new descriptor; ``fd`` itself if the process may not have so many.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = _MOST if soft == resource.RLIM_INFINITY else min(soft, _MOST)
    lowest = limit * 3 // 4 + next(_moved) % max(1, limit // 4)
    try:
        moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, lowest)
    except OSError:  # no number is left there
        return fd
    os.close(fd)
    return moved


def is_closed(error: OSError) -> bool:
    """Return whether an operation failed because the app has closed our descriptor."""
    return error.errno == errno.EBADF


def close_ours(fd: int) -> None:
    """Close a descriptor unless the app has done so."""
    try:
        os.close(fd)
    except OSError as error:
        if not is_closed(error):
            raise


def is_open(fd: int) -> bool:
    """Return whether the app has left a descriptor of ours open."""
    try:
        os.fstat(fd)
    except OSError as error:
        if not is_closed(error):
            raise
        return False
    return True


def keep_for_good(memory: mmap.mmap) -> None:
    """Keep a map from being closed, whose own descriptor the app has closed.

    Its number may belong to a file of the app by now, which would be closed with it.
    """
    _leaked.append(memory)
