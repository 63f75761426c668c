"""Facets: which values the lines that match a search have, and how often."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from .filters import LineFilter
from .matching import FoundLine
from .search import LogSearch
from .search_record import SearchRecord

__all__ = ["FACETS", "FacetCounter", "Facets", "count_facets"]

FACETS: Final = ("log", "level", "status", "route", "user_id", "course_id", "task_id")
"""The fields whose values are counted: those that searches filter by."""


@dataclass(frozen=True, slots=True)
class Facets:
    """The values of the newest lines that match.

    Attributes:
        lines: Number of lines that were counted.
        values: Field -> its most frequent values with the number of lines that have them.
        searched_to: Only newer lines were counted; None if all lines were.
        bytes_left: Number of bytes that were not searched.
        is_complete: Whether all lines were counted.
        problems: Which files cannot be read, and why.
    """

    lines: int
    values: dict[str, list[tuple[str, int]]]
    searched_to: dt.datetime | None
    bytes_left: int
    is_complete: bool
    problems: list[str]


class FacetCounter:
    """Counts the values of lines.

    Attributes:
        lines: Number of lines that were counted.
    """

    def __init__(self) -> None:
        self.lines = 0
        self._counts: dict[str, Counter[str]] = {name: Counter() for name in FACETS}

    def add(self, line: FoundLine) -> None:
        """Count the values of a line."""
        self.lines += 1
        self._counts["log"][line.log.value] += 1
        statuses = {status for status in _statuses(line) if status is not None}
        self._counts["status"].update(statuses)
        for name in ("level", "route", "user_id", "course_id", "task_id"):
            if (value := line.fields.get(name)) is not None:
                self._counts[name][str(value)] += 1

    def values(self, most: int) -> dict[str, list[tuple[str, int]]]:
        """Return field -> its most frequent values with the number of lines that have them."""
        return {name: count.most_common(most) for name, count in self._counts.items()}


def count_facets(
    log_dir: Path,
    archive_dir: Path,
    wanted: LineFilter,
    *,
    most_lines: int,
    most_values: int,
    seconds: float,
    zone: dt.tzinfo = dt.UTC,
) -> Facets:
    """Count the values of the newest lines that match.

    Args:
        log_dir: Folder of the logs.
        archive_dir: Folder of the archives; may be missing.
        wanted: Which lines.
        most_lines: Maximum number of lines to count.
        most_values: Maximum number of values of a field.
        seconds: Time limit.
        zone: Time zone of the times in human-readable lines.

    Raises:
        LogFolderError: A folder is missing or cannot be read.
        OSError: A file cannot be read.
    """
    counter = FacetCounter()
    search = LogSearch(log_dir, archive_dir, wanted, limit=most_lines, seconds=seconds, zone=zone)
    with closing(search):
        for line in search:
            counter.add(line)
        return Facets(
            lines=counter.lines,
            values=counter.values(most_values),
            searched_to=search.searched_to,
            bytes_left=search.bytes_left,
            is_complete=search.cursor is None,
            problems=search.notes.problems,
        )


def _statuses(line: FoundLine) -> tuple[str | None, ...]:
    return msgspec.convert(line.fields, SearchRecord).statuses
