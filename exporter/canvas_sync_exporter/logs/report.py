"""What a cleanup did, and the file that keeps what the newest one did."""

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
    """What the cleanup did for one log.

    Attributes:
        log: Its name.
        archives: Names of the archives written.
        files: How many files went into them.
        bytes: How many bytes those had.
        archive_bytes: How many bytes the archives take.
        error: Why it could not be done, or not all of it; None when all went well.
    """

    log: str
    archives: list[str]
    files: int
    bytes: int
    archive_bytes: int
    error: str | None


@dataclass(frozen=True, slots=True)
class CleanupReport:
    """What one cleanup did.

    Attributes:
        time: When it began.
        duration_seconds: How long it took.
        logs: Each log.
        archives_deleted: Names of the archives that were too old.
        reclaimed_bytes: By how much the logs and archives together became smaller.
        errors: What went wrong; empty when all went well.
        problems: What has the name of a log or an archive but could be none, and was passed over.
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
        """What it brought, without a subject: ``freed 4096 bytes``."""
        if self.reclaimed_bytes < 0:
            return f"took {-self.reclaimed_bytes} bytes more than it freed"
        return f"freed {self.reclaimed_bytes} bytes"

    @property
    def status(self) -> str:
        """``success`` or ``failed``."""
        return "failed" if self.errors else "success"


def save_report(folder: Path, report: CleanupReport) -> None:
    """Keep a report in the control folder, in place of the one before.

    Raises:
        OSError: It cannot be written.
    """
    new = folder / f"{_REPORT}.new"
    write_shared(new, msgspec.json.encode(report))
    new.replace(folder / _REPORT)


def saved_report(folder: Path) -> CleanupReport | None:
    """Return the report that was kept; None when there is none of this version."""
    try:
        content = (folder / _REPORT).read_bytes()
        return msgspec.json.decode(content, type=CleanupReport)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
