"""How much space the logs use: sizes, lines, backups, archives, free space."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from canvas_sync_core.names import Log

from .archive import archives
from .on_disk import files_on_disk

__all__ = ["LogStatus", "free_bytes", "log_status"]

_BUFFER_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class LogStatus:
    """How much space one log uses.

    Attributes:
        log: Its name.
        bytes: Size of the live log, its backups, its staged files, and the files that another
            program rotated.
        lines: Number of lines in these files, except compressed ones.
        backups: Number of these files, without the live log.
        archives: Number of archives.
        archive_bytes: Their size.
    """

    log: str
    bytes: int
    lines: int
    backups: int
    archives: int
    archive_bytes: int


def log_status(log_dir: Path, archive_dir: Path) -> list[LogStatus]:
    """Return how much space each log uses.

    Args:
        log_dir: Folder of the logs; may be missing.
        archive_dir: Folder of the archives; may be missing.
    """
    sizes: dict[Log, list[int]] = {log: [] for log in Log}
    for archive in archives(archive_dir):
        sizes[archive.log].append(archive.size)
    return [_status(log_dir, log, sizes[log]) for log in Log]


def free_bytes(folder: Path) -> int:
    """Return the free space on the disk of a folder, or of its nearest existing parent."""
    while not folder.exists():
        folder = folder.parent
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


def _status(log_dir: Path, log: Log, archive_sizes: list[int]) -> LogStatus:
    files = files_on_disk(log_dir, log)
    lines = [0 if file.is_compressed else _lines(file.path) for file in files]
    return LogStatus(
        log=log.value,
        bytes=sum(file.bytes for file in files),
        lines=sum(lines),
        backups=sum(not file.is_live for file in files),
        archives=len(archive_sizes),
        archive_bytes=sum(archive_sizes),
    )


def _lines(file: Path) -> int:
    """Count the lines of a file; 0 if it has just been rotated away."""
    lines = 0
    buffer = bytearray(_BUFFER_BYTES)
    view = memoryview(buffer)
    try:
        with file.open("rb", buffering=0) as raw:
            while length := raw.readinto(buffer):
                lines += bytes(view[:length]).count(b"\n")
    except FileNotFoundError:
        return 0
    return lines
