"""Progress: the longest periods in which a run logged nothing."""

from __future__ import annotations

import datetime as dt
from typing import Final

import msgspec

from canvas_sync_core.names import OTHER

from .counts import count, merge_counts
from .records import ProgressRecord, utc

__all__ = ["Gap", "Line", "ProgressSection"]

_MOST_GAPS: Final = 100
_MOST_RUNS: Final = 4096  # concurrent runs
_LONGEST: Final = 200


class Line(msgspec.Struct, array_like=True):
    """One progress line of a run."""

    timestamp: dt.datetime
    percent: float
    message: str


class Gap(msgspec.Struct, array_like=True):
    """The time between two lines of a run."""

    seconds: float
    task_id: str
    user_id: int | None
    before: Line
    after: Line


class ProgressSection(msgspec.Struct, array_like=True):
    """The summary of ``progress.log``.

    Attributes:
        firsts: The first lines of the runs seen first; together with an earlier line in an older
            file, each makes a gap.
        lasts: The last lines of the runs seen last.
    """

    lines: int = 0
    gaps: list[Gap] = msgspec.field(default_factory=list)
    firsts: dict[str, tuple[Line, int | None]] = msgspec.field(default_factory=dict)
    lasts: dict[str, Line] = msgspec.field(default_factory=dict)
    unknown: dict[str, int] = msgspec.field(default_factory=dict)

    def add(self, records: list[ProgressRecord], first: dt.datetime, last: dt.datetime) -> None:
        """Add records from the period ``first`` to ``last``, in UTC."""
        for record in records:
            if record.event == "progress" and record.task_id is not None:
                self._follow(record.task_id, record)
            else:
                count(self.unknown, record.event, OTHER)
        self._keep_longest()

    def merge(self, newer: ProgressSection) -> None:
        """Add the summary of later lines."""
        self.lines += newer.lines
        self.gaps += newer.gaps
        for task_id, (line, user_id) in newer.firsts.items():
            before = self.lasts.get(task_id)
            if before is not None:
                self._note(Gap(_seconds(before, line), task_id, user_id, before, line))
            elif len(self.firsts) < _MOST_RUNS:
                self.firsts.setdefault(task_id, (line, user_id))
        for task_id, line in newer.lasts.items():
            self._remember(task_id, line)
        merge_counts(self.unknown, newer.unknown, OTHER)
        self._keep_longest()

    def _follow(self, task_id: str, record: ProgressRecord) -> None:
        line = Line(utc(record.timestamp), record.percent, record.progress_message[:_LONGEST])
        before = self.lasts.get(task_id)
        if before is not None:
            self._note(Gap(_seconds(before, line), task_id, record.user_id, before, line))
        elif len(self.firsts) < _MOST_RUNS:
            self.firsts.setdefault(task_id, (line, record.user_id))
        self._remember(task_id, line)
        self.lines += 1

    def _note(self, gap: Gap) -> None:
        self.gaps.append(gap)
        if len(self.gaps) > 10 * _MOST_GAPS:
            self._keep_longest()

    def _remember(self, task_id: str, line: Line) -> None:
        self.lasts.pop(task_id, None)  # so that the run moves to the end
        self.lasts[task_id] = line
        if len(self.lasts) > _MOST_RUNS:
            del self.lasts[next(iter(self.lasts))]

    def _keep_longest(self) -> None:
        self.gaps = sorted(self.gaps, key=_longest_first)[:_MOST_GAPS]


def _longest_first(gap: Gap) -> tuple[float, dt.datetime, str]:
    return -gap.seconds, gap.before.timestamp, gap.task_id


def _seconds(before: Line, after: Line) -> float:
    return max(0.0, (after.timestamp - before.timestamp).total_seconds())
