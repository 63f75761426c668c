"""Determines what a cleanup would do now, without changing anything."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path

from canvas_sync_core.files.identity import identity_of
from canvas_sync_core.files.log_names import live_name
from canvas_sync_core.logs.rotation import log_files
from canvas_sync_core.names import Log

from .irregular_files import irregular_files
from .retention_settings import RetentionSettings, make_retention_settings, old_archives
from .sources import require_log_folder
from .staging import staged_members, staging_folders, tail_offset

__all__ = ["CleanupPlan", "PlannedFile", "plan_cleanup"]


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file that would be archived, or deleted.

    Attributes:
        name: Name of the file.
        bytes: Number of bytes; for an oversized live log, those of the older lines.
    """

    name: str
    bytes: int


@dataclass(frozen=True, slots=True)
class CleanupPlan:
    """What a cleanup would do.

    Attributes:
        files: Log -> the files that would go into its archives, oldest first.
        archives: The archives that would be deleted.
        problems: What could not be archived, and why.
    """

    files: dict[str, list[PlannedFile]]
    archives: list[PlannedFile]
    problems: list[str] = field(default_factory=list)


def plan_cleanup(
    settings: RetentionSettings | None = None, *, now: dt.datetime | None = None
) -> CleanupPlan:
    """Return what a cleanup would do; nothing is changed, locked or waited for.

    Args:
        settings: What to keep; by default from the environment.
        now: The time, with a time zone; by default the current time.

    Raises:
        LogFolderError: The folder of the logs is missing or cannot be read.
        OSError: Another folder or a file cannot be read.
    """
    settings = settings or make_retention_settings()
    require_log_folder(settings.log_dir)
    old = old_archives(settings, now or dt.datetime.now(dt.UTC))
    problems = irregular_files(settings.log_dir, settings.archive_dir)
    return CleanupPlan(
        files={log.value: _planned(settings, log, problems) for log in Log},
        archives=[PlannedFile(archive.path.name, archive.size) for archive in old],
        problems=problems,
    )


def _planned(settings: RetentionSettings, log: Log, problems: list[str]) -> list[PlannedFile]:
    live = settings.log_dir / live_name(log)
    files = log_files(live)
    in_the_log = set(map(identity_of, files))
    waiting = [
        PlannedFile(member.name, member.length)
        for folder in staging_folders(settings.log_dir, log)
        for member in staged_members(folder)
        if identity_of(member.path) not in in_the_log  # otherwise the cleanup rolls it back
    ]
    try:
        taken = [PlannedFile(file.name, _taken(file, live, settings)) for file in reversed(files)]
    except PermissionError as error:
        name = Path(error.filename).name
        problems.append(f"{name}: {error.strerror}; of {log.value} nothing new can be archived")
        return waiting
    return waiting + [file for file in taken if file.bytes or file.name != live.name]


def _taken(file: Path, live: Path, settings: RetentionSettings) -> int:
    """Return how much of a file would be taken, after checking that it is readable."""
    size = file.stat().st_size
    if file == live and size <= settings.max_live_bytes:
        return 0
    with file.open("rb") as opened:
        return tail_offset(opened, size, settings.keep_lines) if file == live else size
