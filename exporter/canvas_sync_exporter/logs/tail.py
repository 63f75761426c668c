"""The newest lines of the five logs, merged by time, and those that follow."""

from __future__ import annotations

import datetime as dt
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial
from heapq import merge
from pathlib import Path
from typing import Final

from canvas_sync_core.files.identity import Identity
from canvas_sync_core.names import Log

from .follow import FollowedLog
from .search import (
    NOWHERE,
    FoundLine,
    LineFilter,
    LogSearch,
    Matcher,
    Order,
    Position,
    SearchNotes,
    decode_cursor,
    encode_cursor,
)

__all__ = ["POLL_SECONDS", "LogTail", "Skipped"]

POLL_SECONDS: Final = 0.25
"""Seconds between two checks for new lines."""

_ATTEMPTS: Final = 5
_ROUNDS: Final = 8  # of about a megabyte; the rest follows at the next check
_RESUME_SECONDS: Final = 5.0
_UNLIMITED: Final = 2**62


@dataclass(frozen=True, slots=True)
class Skipped:
    """Lines that were left out because there were too many.

    Attributes:
        lines: Number of lines.
        is_exact: Whether that is their number; otherwise there are more.
        next: `cursor` of a search, oldest first, that starts with them; null if the place where
            they start has been deleted.
    """

    lines: int
    is_exact: bool
    next: str | None


class LogTail:
    """Returns the newest lines, then new ones as they are written.

    Args:
        log_dir: Folder of the logs.
        archive_dir: Folder of the archives; may be missing.
        wanted: Which lines.
        lines: Number of newest lines to start with.
        after: :attr:`cursor` of an earlier tail, to start with the lines after it instead.
        most: Maximum number of lines returned at once; older ones are skipped. None for no limit.
        zone: Time zone of the times in human-readable lines.

    Attributes:
        newest: The newest lines, oldest first.
        skipped: What was left out before the lines that were returned last.
        problems: Files that could not be read, and why.

    Raises:
        BadCursorError: ``after`` is not the cursor of a tail.
        LogFolderError: A folder is missing or cannot be read.
        OSError: A file cannot be read.
    """

    def __init__(
        self,
        log_dir: Path,
        archive_dir: Path,
        wanted: LineFilter,
        *,
        lines: int,
        after: str | None = None,
        most: int | None = None,
        zone: dt.tzinfo = dt.UTC,
    ) -> None:
        self.newest: list[FoundLine] = []
        self.skipped: Skipped | None = None
        self.problems: list[str] = []
        self._folders = log_dir, archive_dir
        self._most = most
        self._matchers = {log: Matcher(log, wanted, SearchNotes(), zone) for log in wanted.logs}
        self._positions: dict[Log, Position] = {}
        self._wanted = wanted
        self._search = partial(LogSearch, *self._folders, zone=zone)
        for attempt in range(1, _ATTEMPTS + 1):
            ends = self._start(lines) if after is None else self._resume(after, lines)
            try:
                self._followed = self._follow(ends)
            except FileNotFoundError:  # archived while the newest lines were read
                if attempt == _ATTEMPTS:
                    raise
            else:
                return

    def _start(
        self, lines: int, since: dt.datetime | None = None
    ) -> Mapping[Log, tuple[Identity, int]]:
        """Read the newest lines; return the ends of the logs."""
        wanted = replace(self._wanted, since=since)
        with closing(self._search(wanted, limit=lines)) as found:
            self.newest = list(found)[::-1]
            self.problems = found.notes.problems
            first = {line.log: line.before for line in reversed(self.newest)}
            self._positions = {**found.end_positions, **first}
            return found.ends

    def _resume(self, after: str, lines: int) -> Mapping[Log, tuple[Identity, int]]:
        """Read the lines after a cursor; return the ends of the logs."""
        positions = decode_cursor(after, Order.OLDEST)
        search = partial(self._search, self._wanted)
        with (
            closing(search(limit=0)) as now,
            closing(
                search(limit=_UNLIMITED, order=Order.OLDEST, cursor=after, seconds=_RESUME_SECONDS)
            ) as missed,
        ):
            self._positions = {
                log: positions.get(log, end) for log, end in now.end_positions.items()
            }
            self._take(missed, after)
            self.problems = missed.notes.problems
            if missed.cursor is None and not missed.notes.has_lost_place:
                return {**now.ends, **missed.ends}
            searched_to = missed.searched_to
        if missed.notes.has_lost_place:
            ends, self.skipped = self._start(lines), Skipped(0, False, None)
            return ends
        # The time was too short: what was found counts as skipped, and so does what is in between.
        found = len(self.newest) + (self.skipped.lines if self.skipped else 0)
        ends = self._start(self._most or lines, searched_to)
        self.skipped = Skipped(found, False, after)
        return ends

    def _take(self, lines: Iterable[FoundLine], start: str) -> None:
        """Note the newest of some lines, and skip the others.

        Args:
            lines: The lines, oldest first.
            start: The cursor before them.
        """
        newest: deque[FoundLine] = deque()
        skipped = 0
        for line in lines:
            newest.append(line)
            if self._most is not None and len(newest) > self._most:
                self.advance(newest.popleft())
                skipped += 1
        self.newest = list(newest)
        self.skipped = Skipped(skipped, True, start) if skipped else None

    def _follow(self, ends: Mapping[Log, tuple[Identity, int]]) -> list[FollowedLog]:
        with ExitStack() as opened:
            followed = [
                opened.enter_context(closing(FollowedLog(*self._folders, log, ends.get(log))))
                for log in self._matchers
            ]
            self._opened = opened.pop_all()
        return followed

    def close(self) -> None:
        """Close the files."""
        self._opened.close()

    def advance(self, line: FoundLine) -> str:
        """Return the cursor after a line; call it for each line that was returned, in order."""
        if line.place.head != NOWHERE or line.place.archive:
            self._positions[line.log] = line.after
        return encode_cursor(Order.OLDEST, self._positions)

    @property
    def cursor(self) -> str:
        """The cursor after everything that has been read so far."""
        for followed in self._followed:
            if followed.position is not None:
                self._positions[followed.log] = followed.position
        return encode_cursor(Order.OLDEST, self._positions)

    def poll(self) -> list[FoundLine]:
        """Return the lines written since the last call, oldest first; never waits.

        Raises:
            LogFolderError: The folder is gone, or cannot be read.
            OSError: A file cannot be read.
        """
        found: list[list[FoundLine]] = []
        for followed in self._followed:
            matcher = self._matchers[followed.log]
            lines: list[FoundLine] = []
            for _ in range(_ROUNDS):
                if not (blocks := followed.read()):
                    break
                for block in blocks:
                    lines += matcher.matches(block.data, block.start, block.place)
            found.append(lines)
        start = encode_cursor(Order.OLDEST, self._positions)
        self._take(merge(*found, key=lambda line: line.time), start)
        return self.newest
