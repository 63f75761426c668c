"""The newest lines of the five logs, merged by time, and those that follow."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

from canvas_sync_core.files.identity import Identity
from canvas_sync_core.files.log_names import live_name
from canvas_sync_core.names import Log

from .follow import FollowedLog
from .search import (
    FoundLine,
    LineFilter,
    LogSearch,
    Matcher,
    Place,
    SearchNotes,
)

__all__ = ["POLL_SECONDS", "LogTail"]

POLL_SECONDS: Final = 0.25
"""Seconds between two checks for new lines."""

_LOOKS: Final = 5
_ROUNDS: Final = 8  # of about a megabyte; the rest follows at the next check


class LogTail:
    """Returns the newest lines, then new ones as they are written.

    Args:
        log_dir: Folder of the logs.
        archive_dir: Folder of the archives; may be missing.
        logs: The logs.
        lines: Number of newest lines to start with.
        zone: Time zone of the clock in human lines.

    Attributes:
        newest: The newest lines, oldest first.
        problems: Files that could not be read, and why.

    Raises:
        LogFolderError: A folder is missing or cannot be read.
        OSError: A file cannot be read.
    """

    def __init__(
        self,
        log_dir: Path,
        archive_dir: Path,
        *,
        logs: tuple[Log, ...],
        lines: int,
        zone: dt.tzinfo = dt.UTC,
    ) -> None:
        wanted = LineFilter(logs=logs)
        self._matchers = {log: Matcher(log, wanted, SearchNotes(), zone) for log in logs}
        for look in range(1, _LOOKS + 1):
            with closing(LogSearch(log_dir, archive_dir, wanted, limit=lines, zone=zone)) as search:
                self.newest = list(search)[::-1]
                self.problems = search.notes.problems
                try:
                    self._followed = self._follow(log_dir, archive_dir, search.ends)
                except FileNotFoundError:  # archived while the newest lines were read
                    if look == _LOOKS:
                        raise
                else:
                    return

    def _follow(
        self, log_dir: Path, archive_dir: Path, ends: Mapping[Log, tuple[Identity, int]]
    ) -> list[FollowedLog]:
        with ExitStack() as opened:
            followed = [
                opened.enter_context(closing(FollowedLog(log_dir, archive_dir, log, ends.get(log))))
                for log in self._matchers
            ]
            self._opened = opened.pop_all()
        return followed

    def close(self) -> None:
        """Close the files."""
        self._opened.close()

    def poll(self) -> list[FoundLine]:
        """Return the lines written since the last call, oldest first; never waits.

        Raises:
            LogFolderError: The folder is not there any more, or cannot be read.
            OSError: A file cannot be read.
        """
        found: list[FoundLine] = []
        for followed in self._followed:
            place = Place(live_name(followed.log))
            for _ in range(_ROUNDS):
                data = followed.read()
                if not data:
                    break
                found += self._matchers[followed.log].matches(data, 0, place)
        return sorted(found, key=lambda line: line.time)
