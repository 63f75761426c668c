"""A line of a log as the API shows it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from canvas_sync_exporter.logs.search import FoundLine

__all__ = ["FoundPage", "FoundRecord", "found_record"]


@dataclass(frozen=True, slots=True)
class FoundRecord:
    """A line of a log.

    Attributes:
        log: The log that it is in.
        timestamp: When it was written.
        message: The human line.
        file: Name of the file that it was found in.
        record: All that it says, by the names of the log fields; a line of the text format says
            less than one of the JSON format.
    """

    log: str
    timestamp: dt.datetime
    message: str
    file: str
    record: dict[str, Any]


@dataclass(frozen=True, slots=True)
class FoundPage:
    """A part of what a search finds.

    Attributes:
        items: The lines, newest first. There may be fewer than asked for, or none, while there is a
            ``next``: a search of large archives is told in parts.
        next: ``cursor`` of the next part; null after the last one.
        unreadable_lines: How many lines of this part might have been wanted but cannot be read.
        problems: Files that cannot be read, or were deleted before they were searched.
    """

    items: list[FoundRecord]
    next: str | None
    unreadable_lines: int
    problems: list[str]


def found_record(line: FoundLine) -> FoundRecord:
    """Show a line."""
    message = str(line.fields.get("message", ""))
    return FoundRecord(line.log.value, line.time, message, line.place.name, line.fields)
