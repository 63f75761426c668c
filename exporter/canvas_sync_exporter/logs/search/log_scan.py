"""Searches one log from one end to the other, step by step."""

from __future__ import annotations

import datetime as dt
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from typing import Final

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.sources import LogSource, open_plain

from .archive_scan import ArchiveScan
from .filters import LineFilter
from .matching import FoundLine, Matcher, SearchNotes
from .order import Order
from .plain_scan import PlainScan
from .positions import FROM_START, Position

__all__ = ["LogScan"]

_START: Final = {
    Order.NEWEST: dt.datetime.max.replace(tzinfo=dt.UTC),
    Order.OLDEST: dt.datetime.min.replace(tzinfo=dt.UTC),
}
_REST: Final = {Order.NEWEST: ("older", "until"), Order.OLDEST: ("newer", "since")}
_PLACE: Final = {Order.NEWEST: -1, Order.OLDEST: 0}


class LogScan:
    """Finds the lines of one log.

    All plain files are opened at the start, so that a rotation or cleanup removes nothing.

    Args:
        log: Which log.
        sources: Its files, oldest first.
        wanted: Which lines.
        limit: Maximum number of lines.
        notes: Collects what cannot be read.
        order: Which lines come first.
        zone: Time zone of the times in human-readable lines.

    Attributes:
        end: Its newest file, unless it is an archive, and the offset after its newest line.
        end_position: The position after its newest line.

    Raises:
        FileNotFoundError: A file has been moved since it was listed.
    """

    def __init__(
        self,
        log: Log,
        sources: Sequence[LogSource],
        wanted: LineFilter,
        limit: int,
        notes: SearchNotes,
        *,
        order: Order,
        zone: dt.tzinfo,
    ) -> None:
        self._found: deque[FoundLine] = deque()
        self._order = order
        self._reached = _START[order]
        self._current = _PLACE[order]  # of the file that is being searched
        self._log = log
        self._notes = notes
        self._matcher = Matcher(log, wanted, notes, zone)
        self._wanted = wanted
        self._is_begun = False
        self._limit = limit
        self._opened = ExitStack()
        with self._opened:
            scans: list[PlainScan | ArchiveScan] = []
            for source in sources:
                try:
                    scans.append(self._scan(source, _plain(scans)))
                except PermissionError as error:
                    notes.problems.append(f"{source.path.name}: {error.strerror}")
            self.end = scans[-1].end if scans and isinstance(scans[-1], PlainScan) else None
            self.end_position = _end_of(scans)
            self._scans = [scan for scan in scans if not scan.is_done]
            self._opened = self._opened.pop_all()

    def _scan(self, source: LogSource, older: Sequence[PlainScan]) -> PlainScan | ArchiveScan:
        if source.is_archive:
            return ArchiveScan(source, self._limit, self._order, self._matcher.times.zone)
        raw = self._opened.enter_context(open_plain(source))
        return PlainScan(source, raw, older, self._matcher.times, self._order)

    def close(self) -> None:
        """Close the files."""
        self._opened.close()

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to return or to search."""
        return not self._scans and not self._found

    @property
    def has_found(self) -> bool:
        """Whether a match is waiting."""
        return bool(self._found)

    @property
    def left(self) -> int:
        """Number of bytes not searched yet."""
        return sum(scan.left for scan in self._scans)

    @property
    def time(self) -> dt.datetime:
        """When the next match was written or, as long as there is none, the last line searched."""
        return self._found[0].time if self._found else self._reached

    @property
    def has_started(self) -> bool:
        """Whether :attr:`time` is that of a line, not of the end where the search starts."""
        return self.time != _START[self._order]

    @property
    def position(self) -> Position | None:
        """Where to continue; None if nothing is left."""
        if self._found:
            is_newest_first = self._order is Order.NEWEST
            return self._found[0].after if is_newest_first else self._found[0].before
        return self._scans[self._current].position if self._scans else None

    def take(self) -> FoundLine:
        """Return the next match."""
        return self._found.popleft()

    def advance(self) -> None:
        """Search a further block of a file, or an archive.

        Raises:
            OSError: A file cannot be read.
        """
        scan = self._scans[self._current]
        if not self._is_begun:
            self._is_begun = True
            scan.begin(self._wanted)
            if (
                scan.is_past and self._order is Order.NEWEST
            ):  # other plain files are cheap to check, each for its own clock
                self._scans[:-1] = _plain(self._scans[:-1])
        if not scan.is_done:
            self._found.extend(scan.step(self._matcher))
        self._reached = scan.reached or self._reached
        if scan.is_done:
            self._leave()

    def _leave(self) -> None:
        self._scans.pop(self._current)
        self._is_begun = False

    def resume(self, position: Position) -> None:
        """Continue at the position of an earlier search, wherever its lines are now.

        If it is gone, that is added to the notes, and only what certainly comes after it in the
        order of the search is searched.
        """
        if position == FROM_START and self._order is Order.OLDEST:
            return
        if position.archive:
            self._resume_in_archive(position)
            return
        for index in reversed(range(len(self._scans))):
            number = self._scans[index].find(position)
            if number is not None:
                self._resume_at(index, number, position.end)
                return
        self._scans.clear()
        self._notes.has_lost_place = True
        rest, bound = _REST[self._order]
        self._notes.problems.append(
            f"{self._log.value}: the file in which the search would continue is gone; what is "
            f"{rest} was not searched. Start a new search with `{bound}` set to the time of the "
            "last line"
        )

    def _resume_in_archive(self, position: Position) -> None:
        while self._scans:
            scan = self._scans[self._current]
            if isinstance(scan, ArchiveScan) and scan.is_at(position):
                scan.go_on(position)
                return
            if self._is_beyond(scan, position):
                break
            self._scans.pop(self._current)
        self._notes.has_lost_place = True
        self._notes.problems.append(
            f"{position.archive} was deleted before it was searched to its end"
        )

    def _is_beyond(self, scan: PlainScan | ArchiveScan, position: Position) -> bool:
        if isinstance(scan, ArchiveScan):
            return scan.is_beyond(position)
        return self._order is Order.OLDEST

    def _resume_at(self, index: int, number: int, end: int) -> None:
        """Continue in a file or, if its newer lines were moved, in the files after it."""
        for place in range(index, len(self._scans)):
            end = self._scans[place].resume(number, end)
            number = 0
            if not end:
                self._drop_searched(place)
                return

    def _drop_searched(self, place: int) -> None:
        if self._order is Order.NEWEST:
            del self._scans[place + 1 :]
        else:
            del self._scans[:place]


def _plain(scans: Iterable[PlainScan | ArchiveScan]) -> list[PlainScan]:
    return [scan for scan in scans if isinstance(scan, PlainScan)]


def _end_of(scans: Sequence[PlainScan | ArchiveScan]) -> Position:
    """Return the position after the newest line; empty files have no first bytes to be found by."""
    for scan in reversed(scans):
        if isinstance(scan, ArchiveScan) or scan.size:
            return scan.end_position
    return FROM_START
