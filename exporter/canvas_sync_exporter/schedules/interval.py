"""Intervals: a run is due a certain time after the last one started, within working hours."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from .durations import describe_duration
from .hours import WeeklyHours

__all__ = ["IntervalSchedule"]


@dataclass(frozen=True, slots=True)
class IntervalSchedule:
    """A run is due one interval after the last start, and again each interval until it starts.

    It counts from the last start, so that a loop that sleeps between its runs and a cron job that
    was moved by ten minutes are both understood. Outside the working hours nothing is due; the
    first run is due one interval after they begin.

    Attributes:
        every: The interval.
        zone: Whose clock the hours mean.
        origin: From when it counts as long as there was no start.
        starts: When runs have started, oldest first.
        hours: The working hours; None: always. None of them is shorter than the interval.
    """

    every: timedelta
    zone: tzinfo
    origin: datetime
    starts: Sequence[datetime] = ()
    hours: WeeklyHours | None = None

    def due_between(self, after: datetime, until: datetime) -> Sequence[datetime]:
        """Return the due times in ``(after, until]``, oldest first."""
        found = []
        due = self.next_due(after)
        while due <= until:
            found.append(due)
            due = self.next_due(due)
        return found

    def next_due(self, after: datetime) -> datetime:
        """Return the first due time after ``after``."""
        index = bisect_right(self.starts, after)
        if index:
            anchor = self.starts[index - 1]
        elif self.starts:  # before the first known start nothing was due
            index, anchor = 1, self.starts[0]
        else:
            anchor = self.origin
        due = self._count(anchor, max(after, anchor))
        while index < len(self.starts) and self.starts[index] <= due:
            anchor = self.starts[index]
            index += 1
            due = self._count(anchor, anchor)
        return due

    def describe(self) -> str:
        """Describe it in words."""
        words = f"every {describe_duration(self.every)}"
        return words if self.hours is None else f"{words}, {self.hours.text} ({self.zone})"

    def _count(self, anchor: datetime, after: datetime) -> datetime:
        """Return the first due time after ``after`` if no run starts after ``anchor``."""
        if self.hours is None:
            return anchor + max(1, (after - anchor) // self.every + 1) * self.every
        for opening, closing in self.hours.from_time(after, self.zone):
            base = max(anchor, opening)
            due = base + max(1, (after - base) // self.every + 1) * self.every
            if due < closing:
                return due
        raise AssertionError("hours of the week have no end")
