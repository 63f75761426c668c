"""Space for mapped files: a write into a hole on a full disk kills by SIGBUS."""

from __future__ import annotations

import os

__all__ = ["reserve"]


def reserve(fd: int, start: int, size: int) -> None:
    """Take ``size`` bytes from the offset ``start`` of a new or growing file.

    Raises:
        OSError: There is no space.
    """
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(fd, start, size)
    else:  # macOS
        os.pwrite(fd, bytes(size), start)
