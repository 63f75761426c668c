"""The summary of one source: line counts by file, and the figures of its log."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import msgspec

from canvas_sync_core.names import Log

from .api import ApiSection
from .database import DbSection
from .failures import ErrorSection
from .progress import ProgressSection
from .records import (
    ApiRecord,
    ApiRecordOfRun,
    DbRecord,
    DbRecordOfRun,
    ErrorRecord,
    ProgressRecord,
    Record,
    RunRecord,
    RunRecordOfRun,
    utc,
)
from .runs import RunSection

__all__ = ["KINDS", "SHOWN_LINES", "FileLines", "Kind", "Section", "Summary"]

SHOWN_LINES: Final = 5
"""Maximum number of unreadable lines whose line numbers are stored for each file."""


class Section(Protocol):
    """The part of a summary that depends on the log."""

    unknown: dict[str, int]

    def add(self, records: Any, first: dt.datetime, last: dt.datetime, /) -> None:
        """Add one or more records from the period ``first`` to ``last``, in UTC."""

    def merge(self, newer: Any, /) -> None:
        """Add the section of later lines."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How the lines of a log are parsed and aggregated.

    Attributes:
        record: The fields that are parsed.
        record_of_run: The same with the fields that filters by run need.
        section: The aggregate.
    """

    record: type[Record]
    record_of_run: type[Record]
    section: type[Any]


KINDS: Final[Mapping[Log, Kind]] = {
    Log.OPERATIONS: Kind(RunRecord, RunRecordOfRun, RunSection),
    Log.API_CALLS: Kind(ApiRecord, ApiRecordOfRun, ApiSection),
    Log.DATABASE: Kind(DbRecord, DbRecordOfRun, DbSection),
    Log.ERRORS: Kind(ErrorRecord, ErrorRecord, ErrorSection),
    Log.PROGRESS: Kind(ProgressRecord, ProgressRecord, ProgressSection),
}


class FileLines(msgspec.Struct, array_like=True):
    """The lines of one file.

    Attributes:
        member: Its name inside an archive; empty otherwise.
        bytes: Number of bytes read.
        lines: Number of lines.
        unreadable: Number of lines that could not be parsed completely.
        numbers: Line numbers of the first unreadable ones.
    """

    member: str = ""
    bytes: int = 0
    lines: int = 0
    unreadable: int = 0
    numbers: list[int] = msgspec.field(default_factory=list)

    def append(self, later: FileLines) -> None:
        """Add the next part of the same file."""
        self.numbers += [self.lines + number for number in later.numbers]
        del self.numbers[SHOWN_LINES:]
        self.bytes += later.bytes
        self.lines += later.lines
        self.unreadable += later.unreadable


class Summary(msgspec.Struct, array_like=True):
    """The summary of a source.

    Attributes:
        section: One of the sections of :data:`KINDS`, or its encoded form.
        files: The file itself, or the members of an archive.
        first: The earliest time in any line; None without lines.
        last: The latest time in any line.
    """

    section: Any
    files: list[FileLines] = msgspec.field(default_factory=list)
    first: dt.datetime | None = None
    last: dt.datetime | None = None

    @classmethod
    def empty(cls, log: Log) -> Summary:
        """Return an empty summary."""
        return cls(KINDS[log].section())

    def add(self, records: list[Any]) -> None:
        """Add records of the log."""
        if not records:
            return
        times = [record.timestamp for record in records]
        first, last = utc(min(times)), utc(max(times))
        self.section.add(records, first, last)
        self._widen(first, last)

    def append(self, later: Summary) -> None:
        """Add the summary of the next part of the same source."""
        self.absorb(later)
        for lines in later.files:
            if self.files and self.files[-1].member == lines.member:
                self.files[-1].append(lines)
            else:
                self.files.append(lines)

    def absorb(self, newer: Summary) -> None:
        """Add the figures of another source, but not its files."""
        self.section.merge(newer.section)
        if newer.first is not None and newer.last is not None:
            self._widen(newer.first, newer.last)

    def _widen(self, first: dt.datetime, last: dt.datetime) -> None:
        self.first = first if self.first is None else min(self.first, first)
        self.last = last if self.last is None else max(self.last, last)
