"""Opening a log for appending, and telling in what state its end is."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

from canvas_sync_core.files.modes import open_shared

__all__ = ["ends_torn", "open_for_append"]

_GLANCE_SECONDS: Final = 0.001


def open_for_append(path: Path) -> int:
    """Open a log; it and its folder are made when missing.

    Raises:
        OSError: It cannot be opened or made.
    """
    return open_shared(path, os.O_RDWR | os.O_APPEND)


def ends_torn(fd: int) -> bool:
    """Tell whether a file ends within a line, as when a process was killed while it wrote.

    A write of another process that is under way looks the same, page by page; so look again. Should
    that one still be under way, a blank line comes of it, which readers pass over.
    """
    if _ends_within_a_line(fd):
        time.sleep(_GLANCE_SECONDS)
        return _ends_within_a_line(fd)
    return False


def _ends_within_a_line(fd: int) -> bool:
    size = os.fstat(fd).st_size
    return size > 0 and os.pread(fd, 1, size - 1) != b"\n"
