"""What a file system may lose in a power cut although a program has written it."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["sync_folder"]


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk: those of files that were made, moved or removed.

    ``fsync`` of a file brings its content to the disk, and not its name.

    Raises:
        OSError: The folder cannot be opened, or its disk fails.
    """
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
