"""How much the logs take: sizes, lines, backups, archives, free room."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from canvas_sync_instrumentation.logfile.rotation import log_files
from canvas_sync_instrumentation.names import Log

from .archive import archives
from .claims import claimed_members, claims

__all__ = ["LogStatus", "free_bytes", "log_status"]

_BUFFER_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class LogStatus:
    """What one log takes.

    Attributes:
        log: Its name.
        bytes: Size of the live log and its backups.
        lines: Lines in them.
        backups: How many backups there are, those included that wait for their archive.
        archives: How many archives there are.
        archive_bytes: Their size.
    """

    log: str
    bytes: int
    lines: int
    backups: int
    archives: int
    archive_bytes: int


def log_status(log_dir: Path, archive_dir: Path) -> list[LogStatus]:
    """Look at each of the logs.

    Args:
        log_dir: Folder of the logs; may be missing.
        archive_dir: Folder of the archives; may be missing.
    """
    sizes: dict[Log, list[int]] = {log: [] for log in Log}
    for archive in archives(archive_dir):
        sizes[archive.log].append(archive.size)
    return [_status(log_dir, log, sizes[log]) for log in Log]


def free_bytes(folder: Path) -> int:
    """Return the room left on the disk of a folder, or of its nearest parent that exists."""
    while not folder.exists():
        folder = folder.parent
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


def _status(log_dir: Path, log: Log, archive_sizes: list[int]) -> LogStatus:
    live = log_dir / f"{log.value}.log"
    files = log_files(live) if log_dir.is_dir() else []
    waiting = [member for claim in claims(log_dir, log) for member in claimed_members(claim)]
    counts = [_count(file) for file in [*files, *(member.path for member in waiting)]]
    return LogStatus(
        log=log.value,
        bytes=sum(size for size, _ in counts),
        lines=sum(lines for _, lines in counts),
        backups=len(files) + len(waiting) - (live in files),
        archives=len(archive_sizes),
        archive_bytes=sum(archive_sizes),
    )


def _count(file: Path) -> tuple[int, int]:
    """Return bytes and lines of a file; nothing of one that was rotated away just now."""
    size = lines = 0
    buffer = bytearray(_BUFFER_BYTES)
    view = memoryview(buffer)
    try:
        with file.open("rb", buffering=0) as raw:
            while length := raw.readinto(buffer):
                size += length
                lines += bytes(view[:length]).count(b"\n")
    except FileNotFoundError:
        return 0, 0
    return size, lines
