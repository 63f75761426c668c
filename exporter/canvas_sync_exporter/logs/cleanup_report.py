"""The report of a cleanup, and the file that stores the latest one."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from canvas_sync_core.files.modes import write_shared

__all__ = ["CleanupReport", "LogCleanup", "save_report", "saved_report"]

_REPORT: Final = "cleanup.json"


@dataclass(frozen=True, slots=True)
class LogCleanup:
    """The result of a cleanup for one log.

    Attributes:
        log: Its name.
        archives: Names of the archives written.
        files: Number of files in them.
        bytes: Total size of those files.
        archive_bytes: Total size of the archives.
        error: Why it failed, completely or partly; None if it succeeded.
    """

    log: str
    archives: list[str]
    files: int
    bytes: int
    archive_bytes: int
    error: str | None


@dataclass(frozen=True, slots=True)
class CleanupReport:
    """The result of one cleanup.

    Attributes:
        time: When it started.
        duration_seconds: Its duration.
        logs: The result for each log.
        archives_deleted: Names of the deleted archives.
        reclaimed_bytes: By how many bytes logs and archives together shrank.
        errors: What went wrong; empty if it succeeded.
        problems: What was skipped because it has the name of a log or an archive but is neither.
    """

    time: dt.datetime
    duration_seconds: float
    logs: list[LogCleanup]
    archives_deleted: list[str]
    reclaimed_bytes: int
    errors: list[str]
    problems: list[str] = field(default_factory=list)

    @property
    def gain(self) -> str:
        """The outcome without a subject: ``freed 4096 bytes``."""
        if self.reclaimed_bytes < 0:
            return f"took {-self.reclaimed_bytes} bytes more than it freed"
        return f"freed {self.reclaimed_bytes} bytes"

    @property
    def status(self) -> str:
        """``success`` or ``failed``."""
        return "failed" if self.errors else "success"


def save_report(folder: Path, report: CleanupReport) -> None:
    """Store a report in the control folder, replacing the previous one.

    Raises:
        OSError: It cannot be written.
    """
    new = folder / f"{_REPORT}.new"
    write_shared(new, msgspec.json.encode(report))
    new.replace(folder / _REPORT)


def saved_report(folder: Path) -> CleanupReport | None:
    """Return the stored report; None if there is none from this version."""
    try:
        content = (folder / _REPORT).read_bytes()
        return msgspec.json.decode(content, type=CleanupReport)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
