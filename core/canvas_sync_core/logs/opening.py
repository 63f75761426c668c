"""Opening a log for appending, and checking whether it ends in the middle of a line."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

from canvas_sync_core.files.descriptors import out_of_the_way
from canvas_sync_core.files.modes import open_shared

__all__ = ["ends_torn", "open_for_append"]

_GLANCE_SECONDS: Final = 0.001


def open_for_append(path: Path) -> int:
    """Open a log; create it and its folder if missing.

    Raises:
        OSError: It cannot be opened or made.
    """
    return out_of_the_way(open_shared(path, os.O_RDWR | os.O_APPEND))


def ends_torn(fd: int) -> bool:
    """Return whether a file ends within a line, as when a process was killed while it wrote.

    A write in progress by another process looks the same, since it proceeds page by page, so look
    again. If it is still in progress then, the result is a blank line, which readers ignore.
    """
    if _ends_within_a_line(fd):
        time.sleep(_GLANCE_SECONDS)
        return _ends_within_a_line(fd)
    return False


def _ends_within_a_line(fd: int) -> bool:
    size = os.fstat(fd).st_size
    return size > 0 and os.pread(fd, 1, size - 1) != b"\n"
