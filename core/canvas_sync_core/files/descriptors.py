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
from pathlib import Path
from typing import Final

from canvas_sync_core.asynchronous import raise_if_asynchronous

__all__ = [
    "close_ours",
    "is_closed",
    "is_open",
    "keep_for_good",
    "open_numbers",
    "out_of_the_way",
    "reserve",
]

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


def open_numbers() -> set[int]:
    """Return the numbers of all descriptors; none where the system does not list them."""
    try:
        listed = [int(file.name) for file in Path("/dev/fd").iterdir()]
    except (OSError, ValueError) as error:
        raise_if_asynchronous(error)
        return set()
    return set(filter(is_open, listed))  # the one that listed them is closed by now


def reserve(number: int) -> bool:
    """Open a descriptor with a number; return False if another file has it.

    It can be neither written nor locked for writing.
    """
    null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    if null == number:
        return True
    try:
        next_free = fcntl.fcntl(null, fcntl.F_DUPFD_CLOEXEC, number)
    finally:
        os.close(null)
    if next_free != number:
        os.close(next_free)
    return next_free == number


def keep_for_good(memory: mmap.mmap) -> None:
    """Keep a map from being closed, whose own descriptor the app has closed.

    Its number may belong to a file of the app by now, which would be closed with it.
    """
    _leaked.append(memory)
