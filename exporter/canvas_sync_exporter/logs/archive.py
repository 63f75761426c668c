"""Archives: ``<log>-<time>.tar.gz``; a file that has this name is complete."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from canvas_sync_core.files.log_names import ARCHIVE_TIME, live_name, regular_names
from canvas_sync_core.names import Log

__all__ = [
    "Archive",
    "ArchiveDamagedError",
    "Member",
    "archive_name",
    "archives",
    "damaged",
]


class ArchiveDamagedError(OSError):
    """An archive does not read back as it was written."""


@dataclass(frozen=True, slots=True)
class Member:
    """What goes into an archive: the first ``length`` bytes of ``path``, under ``name``."""

    path: Path
    name: str
    length: int


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive of one log."""

    path: Path
    log: Log
    time: dt.datetime
    size: int


def archive_name(log: Log, moment: dt.datetime) -> str:
    """Return an archive's name without its suffix."""
    return f"{log.value}-{moment.astimezone(dt.UTC).strftime(ARCHIVE_TIME)}"


def archives(folder: Path) -> list[Archive]:
    """List the archives in a folder, oldest first; other files are ignored."""
    if not folder.is_dir():
        return []
    found = [archive for log in Log for archive in _archives(folder, log)]
    return sorted(found, key=lambda each: (each.time, each.path))


def _archives(folder: Path, log: Log) -> Iterator[Archive]:
    for file in regular_names(live_name(log), folder):
        path = folder / file.name
        if file.time is not None:
            with suppress(FileNotFoundError):  # deleted just now
                yield Archive(path, log, file.time, path.stat().st_size)


def damaged(path: Path, error: BaseException) -> ArchiveDamagedError:
    """Return the error of an archive that cannot be read further."""
    return ArchiveDamagedError(f"{path.name} is damaged: {error}")
