"""A line of a log as the API shows it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from canvas_sync_exporter.logs.search import Facets, FoundLine, LinePosition

__all__ = [
    "ContextPage",
    "FacetPage",
    "FacetValue",
    "FoundPage",
    "FoundRecord",
    "facet_page",
    "found_record",
]


@dataclass(frozen=True, slots=True)
class FoundRecord:
    """A line of a log.

    Attributes:
        log: The log that it is in.
        timestamp: When it was written.
        message: The human-readable line.
        file: Name of the file that it was found in.
        position: Where it is. `logs/context` finds it again by this, also after rotation and
            archiving.
        record: All that it says, by the names of the log fields; a line of the text format says
            less than one of the JSON format.
    """

    log: str
    timestamp: dt.datetime
    message: str
    file: str
    position: str
    record: dict[str, Any]


@dataclass(frozen=True, slots=True)
class FoundPage:
    """A page of what a search finds.

    Attributes:
        items: The lines. There may be fewer than asked for, or none, while there is a ``next``: a
            search that takes long is answered page by page.
        next: ``cursor`` of the next page; null after the last one.
        searched_to: The time up to which all logs have been searched; null before the first line
            with a time, and after the last page.
        bytes_left: Number of bytes not searched yet; an estimate for archives.
        unreadable_lines: Number of lines of this page that might have matched but are unreadable.
        problems: Files that cannot be read, or were deleted before they were searched.
    """

    items: list[FoundRecord]
    next: str | None
    searched_to: dt.datetime | None
    bytes_left: int
    unreadable_lines: int
    problems: list[str]


@dataclass(frozen=True, slots=True)
class ContextPage:
    """A line and those around it, oldest first.

    Attributes:
        before: The lines before it.
        line: The line.
        after: The lines after it.
        is_complete: False if the search took too long to find all of them.
        problems: Files that cannot be read.
    """

    before: list[FoundRecord]
    line: FoundRecord
    after: list[FoundRecord]
    is_complete: bool
    problems: list[str]


@dataclass(frozen=True, slots=True)
class FacetValue:
    """A value and the number of lines that have it."""

    value: str
    lines: int


@dataclass(frozen=True, slots=True)
class FacetPage:
    """Which values the newest lines that match have.

    Attributes:
        lines: Number of lines that were counted.
        facets: Field -> its most frequent values.
        is_complete: Whether all lines that match were counted.
        searched_to: Only lines newer than this were counted; null if all were.
        bytes_left: Number of bytes that were not searched; an estimate for archives.
        problems: Files that cannot be read.
    """

    lines: int
    facets: dict[str, list[FacetValue]]
    is_complete: bool
    searched_to: dt.datetime | None
    bytes_left: int
    problems: list[str]


def facet_page(found: Facets) -> FacetPage:
    """Return facets as the API shows them."""
    return FacetPage(
        lines=found.lines,
        facets={
            name: [FacetValue(value, lines) for value, lines in values]
            for name, values in found.values.items()
        },
        is_complete=found.is_complete,
        searched_to=found.searched_to,
        bytes_left=found.bytes_left,
        problems=found.problems,
    )


def found_record(line: FoundLine) -> FoundRecord:
    """Show a line."""
    position = LinePosition.of(line).encode()
    message = str(line.fields.get("message", ""))
    return FoundRecord(
        log=line.log.value,
        timestamp=line.time,
        message=message,
        file=line.place.name,
        position=position,
        record=line.fields,
    )
