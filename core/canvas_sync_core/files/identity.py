"""Identifies files that other processes rename, replace and remove."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from canvas_sync_core.asynchronous import raise_if_asynchronous

__all__ = ["FileState", "Identity", "file_state", "identity_of", "is_in_place", "status_identity"]

Identity = tuple[int, int]
"""Device and inode: the same for all names and descriptors of a file, as long as one is left."""
FileState = tuple[Identity, int, int]
"""Identity, size, and time of the last change: different after each write."""


def status_identity(status: os.stat_result) -> Identity:
    """Return the identity of the file that a status describes."""
    return status.st_dev, status.st_ino


def identity_of(file: int | Path) -> Identity | None:
    """Return the identity of the file behind a descriptor or path; None if there is none.

    Raises:
        OSError: It cannot be determined, for instance in a folder without permission.
    """
    try:
        return status_identity(os.fstat(file) if isinstance(file, int) else file.stat())
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ELOOP):
            return None
        raise


def file_state(path: Path) -> FileState | None:
    """Return what a write to a path would change; None when the path leads to nothing readable."""
    try:
        found = path.stat()
    except OSError as error:
        raise_if_asynchronous(error)
        return None
    return status_identity(found), found.st_size, found.st_mtime_ns


def is_in_place(path: Path, descriptor: int) -> bool:
    """Return whether an open file still has its name: nobody removed, moved or replaced it."""
    try:
        return status_identity(path.stat()) == status_identity(os.fstat(descriptor))
    except OSError as error:
        raise_if_asynchronous(error)
        return False
