"""Reserves disk space for mapped files.

A write to a mapped page without disk space, as in a sparse file, kills the process with SIGBUS.
"""

from __future__ import annotations

import os

__all__ = ["reserve"]


def reserve(fd: int, start: int, size: int) -> None:
    """Allocate ``size`` bytes at the offset ``start`` of a new or growing file.

    Raises:
        OSError: There is no space.
    """
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(fd, start, size)
    else:  # macOS
        os.pwrite(fd, bytes(size), start)
