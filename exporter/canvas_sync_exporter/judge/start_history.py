"""Past starts of a sync type, by calendar day in a time zone."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import pairwise

from canvas_sync_exporter.schedules.local_time import shift_days, start_of_day

__all__ = ["StartHistory", "same_time_on_day"]

_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)


@dataclass(frozen=True)
class StartHistory:
    """The starts of one sync type.

    Attributes:
        starts: Oldest first, in UTC.
        zone: The time zone that defines the days.
    """

    starts: Sequence[datetime]
    zone: tzinfo

    def of_day(self, day: date) -> Sequence[datetime]:
        """Return the starts of one day."""
        return self.between(self.start_of(day), self.end_of(day))

    def start_of(self, day: date) -> datetime:
        """Return when a day begins."""
        return start_of_day(day, self.zone)

    def end_of(self, day: date) -> datetime:
        """Return when a day ends."""
        return start_of_day(day + _DAY, self.zone)

    def between(self, start: datetime, end: datetime) -> Sequence[datetime]:
        """Return the starts in ``[start, end)``."""
        return self.starts[bisect_left(self.starts, start) : bisect_left(self.starts, end)]

    def last_before(self, end: datetime) -> datetime | None:
        """Return the last start before a time; None if there is none."""
        index = bisect_left(self.starts, end)
        return self.starts[index - 1] if index else None

    def first_after(self, start: datetime) -> datetime | None:
        """Return the first start after a time; None if there is none."""
        index = bisect_right(self.starts, start)
        return self.starts[index] if index < len(self.starts) else None

    def gaps_before(self, end: datetime, count: int) -> list[timedelta]:
        """Return the last ``count`` gaps between starts up to a time, or fewer."""
        index = bisect_right(self.starts, end)
        return [b - a for a, b in pairwise(self.starts[max(0, index - count - 1) : index])]

    def weeks_before(self, time: datetime) -> int:
        """Return how many whole weeks of history there are before a time."""
        return max(0, (time - self.starts[0]) // _WEEK)


def same_time_on_day(time: datetime, days: int, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return the same time ``days`` days later, by local time and by UTC, the earlier one first.

    The two differ when the clock changed in between: a scheduler may follow local time or UTC, and
    the past does not show which.
    """
    local, exact = shift_days(time, days, zone), time.astimezone(UTC) + days * _DAY
    return (local, exact) if local <= exact else (exact, local)
