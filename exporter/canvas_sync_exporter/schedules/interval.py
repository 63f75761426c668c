"""Intervals: a run is due some time after the last one started, within working hours."""

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

    Counting from the last start works for a loop that sleeps between runs as well as for a cron job
    that was moved by ten minutes. Nothing is due outside the working hours; the first run is due
    one interval after they begin.

    Attributes:
        every: The interval.
        zone: The time zone of the hours.
        origin: The time to count from before the first start.
        starts: Start times of past runs, oldest first.
        hours: The working hours, each window longer than the interval; None means always.
    """

    every: timedelta
    zone: tzinfo
    origin: datetime
    starts: Sequence[datetime] = ()
    hours: WeeklyHours | None = None

    def due_between(self, after: datetime, until: datetime) -> Sequence[datetime]:
        """Return the due times in ``(after, until]``, oldest first."""
        due_times = []
        due = self.next_due(after)
        while due <= until:
            due_times.append(due)
            due = self.next_due(due)
        return due_times

    def next_due(self, after: datetime) -> datetime:
        """Return the first due time after ``after``."""
        index = bisect_right(self.starts, after)
        if index:
            anchor = self.starts[index - 1]
        elif self.starts:  # nothing was due before the first known start
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
        """Describe the schedule in words."""
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
