"""Makes changes of a folder survive a power cut."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["sync_folder"]


def sync_folder(folder: Path) -> None:
    """Write a folder to disk, so that files created, renamed or removed in it stay so.

    ``fsync`` of a file writes its content to disk, but not its name.

    Raises:
        OSError: The folder cannot be opened, or its disk fails.
    """
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
