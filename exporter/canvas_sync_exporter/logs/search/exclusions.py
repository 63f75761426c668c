"""Negated filters: which lines a search leaves out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from canvas_sync_exporter.logs.task_ids import ids_in_logs

from .search_record import SearchRecord
from .texts import spellings

__all__ = ["NO_EXCLUSIONS", "Exclusions"]


@dataclass(frozen=True)
class Exclusions:
    """What a line must not match; one match is enough to leave it out.

    Attributes:
        texts: Texts that the raw line contains, with JSON escapes decoded.
        patterns: Regular expressions that match in the raw line.
        levels: Levels.
        user_ids: Users.
        course_ids: Courses.
        task_ids: Runs, by their task ids.
        trace_ids: Traces.
        statuses: Statuses, as in :class:`~.filters.LineFilter`.
        routes: Canvas route templates.
    """

    texts: tuple[str, ...] = ()
    patterns: tuple[Any, ...] = ()
    levels: tuple[str, ...] = ()
    user_ids: tuple[int, ...] = ()
    course_ids: tuple[int, ...] = ()
    task_ids: tuple[str, ...] = ()
    trace_ids: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    _spellings: tuple[bytes, ...] = field(init=False, repr=False, compare=False)
    _runs: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        spelled = tuple(each for text in self.texts for each in spellings(text))
        object.__setattr__(self, "_spellings", spelled)
        runs = frozenset(each for task_id in self.task_ids for each in ids_in_logs(task_id))
        object.__setattr__(self, "_runs", runs)

    def match_line(self, line: bytes) -> bool:
        """Return whether a raw line is excluded by its text."""
        return any(text in line for text in self._spellings) or any(
            pattern.search(line) is not None for pattern in self.patterns
        )

    def match_record(self, record: SearchRecord) -> bool:
        """Return whether a line is excluded by its fields."""
        return (
            record.level in self.levels
            or record.user_id in self.user_ids
            or record.course_id in self.course_ids
            or record.task_id in self._runs
            or record.trace_id in self.trace_ids
            or record.route in self.routes
            or any(status in self.statuses for status in record.statuses)
        )


NO_EXCLUSIONS: Final = Exclusions()
