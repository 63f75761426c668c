"""When a cleanup is due: every night, or before logs run out of backups."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Final

from canvas_sync_core.files.log_names import live_name
from canvas_sync_core.files.modes import open_shared
from canvas_sync_core.logs.rotation import log_files
from canvas_sync_core.names import LOGS

__all__ = ["DueTimeFile", "backups_run_low", "last_due", "next_due"]

_DAY: Final = dt.timedelta(days=1)
_NAME: Final = "cleanup.due"


def last_due(now: dt.datetime, at: dt.time, zone: dt.tzinfo) -> dt.datetime:
    """Return the latest time, not after ``now``, at which a clock in ``zone`` showed ``at``.

    There is exactly one such time per day, even when clocks change: of a time that comes twice it
    is the first, and a skipped time is shifted by the change.

    Args:
        now: The time, with a time zone.
        at: Time of day.
        zone: Time zone of the clock.
    """
    return max(moment for moment in _moments_around(now, at, zone) if moment <= now)


def next_due(now: dt.datetime, at: dt.time, zone: dt.tzinfo) -> dt.datetime:
    """Return the first time after ``now`` at which a clock in ``zone`` shows ``at``."""
    return min(moment for moment in _moments_around(now, at, zone) if moment > now)


def _moments_around(now: dt.datetime, at: dt.time, zone: dt.tzinfo) -> list[dt.datetime]:
    """The due times of several days: a skipped time may move into the next day."""
    today = now.astimezone(zone).date()
    days = (today + number * _DAY for number in range(-2, 3))
    return [dt.datetime.combine(day, at, zone).astimezone(dt.UTC) for day in days]


def backups_run_low(log_dir: Path) -> bool:
    """Return whether a log has used up half of its backups.

    Once all are used, each rotation deletes lines that are in no archive; the other half is the
    reserve until a cleanup runs.

    Args:
        log_dir: Folder of the logs; may be missing.
    """
    if not log_dir.is_dir():
        return False
    return any(
        len(log_files(log_dir / live_name(log))) > 1 + backups // 2
        for log, (_, backups) in LOGS.items()
    )


class DueTimeFile:
    """The due time that was last completed, in a file that all processes share.

    Args:
        folder: Folder of the file; created if missing.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / _NAME

    def read(self) -> dt.datetime | None:
        """Return the time; None if there is none, or the file is invalid.

        Raises:
            OSError: The file cannot be read.
        """
        try:
            moment = dt.datetime.fromisoformat(self._path.read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            return None
        return moment if moment.tzinfo else None

    def covers(self, due: dt.datetime) -> bool:
        """Whether the cleanup for ``due`` has been completed."""
        seen = self.read()
        return seen is not None and seen >= due

    def write(self, due: dt.datetime) -> None:
        """Store a time in place: once the file exists, this works even on a full disk.

        Raises:
            OSError: The file cannot be written.
        """
        content = due.astimezone(dt.UTC).isoformat(timespec="microseconds").encode()
        fd = open_shared(self._path, os.O_WRONLY)
        try:
            os.pwrite(fd, content, 0)
            os.ftruncate(fd, len(content))
            os.fsync(fd)
        finally:
            os.close(fd)
