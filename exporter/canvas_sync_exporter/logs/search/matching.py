"""Finding the wanted lines among others."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.lines import LineReader
from canvas_sync_exporter.logs.reader import LINE_LIMIT

from .filters import LineFilter, SearchRecord
from .line_times import LineTimes
from .positions import NOWHERE, Head, Position

__all__ = ["FoundLine", "Matcher", "Place", "SearchNotes"]


@dataclass(frozen=True, slots=True)
class Place:
    """A file in which lines are found.

    Attributes:
        name: What to call it.
        head: What it is known by; nothing in an archive, and where nobody will come back.
        archive: Name of the archive that it is in; empty when it is in none.
        rank: Which file, as a :class:`Position` counts them.
    """

    name: str
    head: Head = NOWHERE
    archive: str = ""
    rank: int = 0


@dataclass(frozen=True, slots=True)
class FoundLine:
    """A line that was searched for.

    Attributes:
        log: The log that it is in.
        time: When it was written.
        place: The file that it was found in.
        fields: What it says, by the names of the log fields; a human line says less.
        start: Offset of its beginning in the file.
        end: Offset behind it.
    """

    log: Log
    time: dt.datetime
    place: Place
    fields: dict[str, Any]
    start: int
    end: int

    @property
    def before(self) -> Position:
        """The place before it."""
        return Position(self.start, self.place.head, self.place.archive, self.place.rank)

    @property
    def after(self) -> Position:
        """The place behind it."""
        return Position(self.end, self.place.head, self.place.archive, self.place.rank)


@dataclass(slots=True)
class SearchNotes:
    """What a search could not read.

    Attributes:
        unreadable_lines: How many lines might have been wanted, but cannot be read from their
            beginning to their end.
        problems: Which files cannot be read, and why.
    """

    unreadable_lines: int = 0
    problems: list[str] = field(default_factory=list)


class Matcher:
    """Finds the wanted lines of one log in blocks of lines.

    Args:
        log: Which log.
        wanted: Which lines.
        notes: Gets what cannot be read.
        zone: Time zone of the clock in human lines.

    Attributes:
        notes: The notes.
        times: Reads when lines were written.
    """

    def __init__(
        self, log: Log, wanted: LineFilter, notes: SearchNotes, zone: dt.tzinfo = dt.UTC
    ) -> None:
        self.notes = notes
        self.times = LineTimes(zone)
        self._log = log
        self._wanted = wanted
        self._asked = LineReader(log, SearchRecord, zone)
        self._whole = LineReader(log, dict[str, Any], zone)

    def matches(self, data: bytes, start: int, place: Place) -> Iterator[FoundLine]:
        """Find the wanted lines of a block, in the order of the file.

        Args:
            data: Whole lines.
            start: Offset of the first in its file.
            place: The file.
        """
        if not self._wanted.may_be_in(data):
            return
        end, last = start, start + len(data)
        for line in data.split(b"\n"):
            begin, end = end, min(end + len(line) + 1, last)
            if not line or not self._wanted.may_be(line):
                continue
            if len(line) >= LINE_LIMIT:
                self.notes.unreadable_lines += 1
                continue
            record, is_whole = self._asked.read_line(line)
            self.notes.unreadable_lines += not is_whole
            if record is None or not self._wanted.wants(record):
                continue
            fields, _ = self._whole.read_line(line)
            if fields is not None:
                yield FoundLine(
                    log=self._log,
                    time=record.timestamp,
                    place=place,
                    fields=fields,
                    start=begin,
                    end=end,
                )
