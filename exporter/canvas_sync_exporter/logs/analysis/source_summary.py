"""What is known of the files of one source: its lines, its bad lines, and a section."""

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
"""How many numbers of unreadable lines are kept for each file."""


class Section(Protocol):
    """The part of a summary that is each log's own."""

    unknown: dict[str, int]

    def add(self, records: Any, first: dt.datetime, last: dt.datetime, /) -> None:
        """Take in records, at least one, all of the time from ``first`` to ``last``, in UTC."""

    def merge(self, newer: Any, /) -> None:
        """Add the section of later lines."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How the lines of a log are read and summed up.

    Attributes:
        record: What is read of a line.
        record_of_run: What is read where lines are chosen by their run.
        section: What they are summed up in.
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
        bytes: How many bytes were read.
        lines: How many lines.
        unreadable: How many of them could not be read, or not to the last byte.
        numbers: The first of those.
    """

    member: str = ""
    bytes: int = 0
    lines: int = 0
    unreadable: int = 0
    numbers: list[int] = msgspec.field(default_factory=list)

    def append(self, later: FileLines) -> None:
        """Add what follows in the same file."""
        self.numbers += [self.lines + number for number in later.numbers]
        del self.numbers[SHOWN_LINES:]
        self.bytes += later.bytes
        self.lines += later.lines
        self.unreadable += later.unreadable


class Summary(msgspec.Struct, array_like=True):
    """All that is kept of a source.

    Attributes:
        section: One of the sections of :data:`KINDS`, or its encoded form.
        files: The one file, or those of an archive.
        first: The earliest moment that a line names.
        last: The latest.
    """

    section: Any
    files: list[FileLines] = msgspec.field(default_factory=list)
    first: dt.datetime | None = None
    last: dt.datetime | None = None

    @classmethod
    def empty(cls, log: Log) -> Summary:
        """Return the summary of nothing."""
        return cls(KINDS[log].section())

    def add(self, records: list[Any]) -> None:
        """Take in records of the log."""
        if not records:
            return
        times = [record.timestamp for record in records]
        first, last = utc(min(times)), utc(max(times))
        self.section.add(records, first, last)
        self._widen(first, last)

    def append(self, later: Summary) -> None:
        """Add the summary of what follows in the same file."""
        self.absorb(later)
        if self.files and later.files:
            self.files[-1].append(later.files[0])
        else:
            self.files += later.files

    def absorb(self, newer: Summary) -> None:
        """Add the figures of another source; its files stay its own."""
        self.section.merge(newer.section)
        if newer.first is not None and newer.last is not None:
            self._widen(newer.first, newer.last)

    def _widen(self, first: dt.datetime, last: dt.datetime) -> None:
        self.first = first if self.first is None else min(self.first, first)
        self.last = last if self.last is None else max(self.last, last)
