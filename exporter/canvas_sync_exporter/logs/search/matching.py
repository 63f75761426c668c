"""Finds matching lines."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.lines import LineReader
from canvas_sync_exporter.logs.reader import LINE_LIMIT

from .filters import LineFilter
from .line_times import LineTimes
from .positions import NOWHERE, Head, Position
from .search_record import SearchRecord

__all__ = ["FoundLine", "Matcher", "Place", "SearchNotes"]

_DIGEST_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class Place:
    """A file that contains matches.

    Attributes:
        name: Its display name.
        head: Its identity; not set in an archive, and where it is not needed.
        archive: Name of its archive; empty if it is in none.
        rank: Index of the file, as in :class:`Position`.
    """

    name: str
    head: Head = NOWHERE
    archive: str = ""
    rank: int = 0


@dataclass(frozen=True, slots=True)
class FoundLine:
    """A match.

    Attributes:
        log: Its log.
        time: When it was written.
        place: Its file.
        fields: Its contents, by the names of the log fields; a human-readable line has fewer.
        start: Offset of its start in the file.
        end: Offset after it.
        digest: The hash of its bytes, without its newline.
    """

    log: Log
    time: dt.datetime
    place: Place
    fields: dict[str, Any]
    start: int
    end: int
    digest: bytes

    @property
    def before(self) -> Position:
        """The position before it."""
        return Position(self.start, self.place.head, self.place.archive, self.place.rank)

    @property
    def after(self) -> Position:
        """The position after it."""
        return Position(self.end, self.place.head, self.place.archive, self.place.rank)


@dataclass(slots=True)
class SearchNotes:
    """What a search could not read.

    Attributes:
        unreadable_lines: Number of lines that might have matched but are not completely readable.
        problems: Which files cannot be read, and why.
        has_lost_place: Whether the place where a search was to continue has been deleted.
    """

    unreadable_lines: int = 0
    problems: list[str] = field(default_factory=list)
    has_lost_place: bool = False


class Matcher:
    """Finds the wanted lines of one log in blocks of lines.

    Args:
        log: Which log.
        wanted: Which lines.
        notes: Gets what cannot be read.
        zone: Time zone of the times in human-readable lines.

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
        self._full_reader = LineReader(log, SearchRecord, zone)
        self._whole = LineReader(log, dict[str, Any], zone)

    def matches(self, data: bytes | memoryview, start: int, place: Place) -> Iterator[FoundLine]:
        """Find the wanted lines of a block, in the order of the file.

        Args:
            data: Whole lines.
            start: Offset of the first in its file.
            place: The file.
        """
        if not self._wanted.may_be_in(data):
            return
        end, last = start, start + len(data)
        for line in bytes(data).split(b"\n"):
            begin, end = end, min(end + len(line) + 1, last)
            if not line or not self._wanted.may_be(line):
                continue
            if len(line) >= LINE_LIMIT:
                self.notes.unreadable_lines += 1
                continue
            record, is_whole = self._full_reader.read_line(line)
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
                    digest=hashlib.blake2b(line, digest_size=_DIGEST_BYTES).digest(),
                )
