"""When a cleanup is due: every night, until when that was seen to, and before logs run over."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Final

from canvas_sync_core.files.log_names import live_name
from canvas_sync_core.files.modes import open_shared
from canvas_sync_core.logs.rotation import log_files
from canvas_sync_core.names import LOGS

__all__ = ["DueRecord", "backups_run_low", "last_due", "next_due"]

_DAY: Final = dt.timedelta(days=1)
_NAME: Final = "cleanup.due"


def last_due(now: dt.datetime, at: dt.time, zone: dt.tzinfo) -> dt.datetime:
    """Return the newest moment, not after ``now``, at which a clock in ``zone`` showed ``at``.

    It is one moment a day, on the days too when clocks are set: of a time that comes twice it is
    the first, and one that is left out is that much later.

    Args:
        now: The time, with a time zone.
        at: Time of day.
        zone: Time zone of the clock.
    """
    return max(moment for moment in _moments_around(now, at, zone) if moment <= now)


def next_due(now: dt.datetime, at: dt.time, zone: dt.tzinfo) -> dt.datetime:
    """Return the first moment after ``now`` at which a clock in ``zone`` shows ``at``."""
    return min(moment for moment in _moments_around(now, at, zone) if moment > now)


def _moments_around(now: dt.datetime, at: dt.time, zone: dt.tzinfo) -> list[dt.datetime]:
    """The moments of several days: a time that is left out may move into the next day."""
    today = now.astimezone(zone).date()
    days = (today + number * _DAY for number in range(-2, 3))
    return [dt.datetime.combine(day, at, zone).astimezone(dt.UTC) for day in days]


def backups_run_low(log_dir: Path) -> bool:
    """Return whether a log has used up half of its backups.

    Once all are used, each rotation throws away lines that are in no archive; the other half is
    for the time until a cleanup comes.

    Args:
        log_dir: Folder of the logs; may be missing.
    """
    if not log_dir.is_dir():
        return False
    return any(
        len(log_files(log_dir / live_name(log))) > 1 + backups // 2
        for log, (_, backups) in LOGS.items()
    )


class DueRecord:
    """The newest due moment that a cleanup has seen to, in a file that all processes share.

    Args:
        folder: Folder of the file; made when missing.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / _NAME

    def read(self) -> dt.datetime | None:
        """Return the moment; None when none was noted, or nothing that makes sense.

        Raises:
            OSError: The file cannot be read.
        """
        try:
            moment = dt.datetime.fromisoformat(self._path.read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            return None
        return moment if moment.tzinfo else None

    def covers(self, due: dt.datetime) -> bool:
        """Whether ``due`` has been seen to."""
        seen = self.read()
        return seen is not None and seen >= due

    def write(self, due: dt.datetime) -> None:
        """Note a moment, in place: once the file is there, a full disk does not keep it away.

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
