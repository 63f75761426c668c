"""Divides a period into slices for a chart. Pure functions."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from itertools import pairwise
from typing import Final

from .buckets import DAY, FIFTEEN_MINUTES, HOUR, ceiling, floor

__all__ = ["STEPS", "Slice", "choose_step", "slices"]

STEPS: Final[dict[str, timedelta]] = {
    "15m": FIFTEEN_MINUTES,
    "30m": 2 * FIFTEEN_MINUTES,
    "1h": HOUR,
    "2h": 2 * HOUR,
    "3h": 3 * HOUR,
    "4h": 4 * HOUR,
    "6h": 6 * HOUR,
    "12h": 12 * HOUR,
    "1d": DAY,
    "7d": 7 * DAY,
    "28d": 28 * DAY,
    "364d": 364 * DAY,
}
"""Lengths of slices; those of less than a day divide it."""
_FAST: Final = ("15m", "1h", "1d", "7d", "28d", "364d")
"""Steps that are composed of few rollups."""


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of a period; both bounds are starts of 15-minute buckets."""

    begin: datetime
    end: datetime

    def utc_days_among(self, days: Sequence[datetime]) -> Sequence[datetime]:
        """Return those of the UTC days that it overlaps; it may be years long.

        Args:
            days: Starts of UTC days, in order.
        """
        return days[bisect_left(days, floor(self.begin, DAY)) : bisect_left(days, self.end)]


def choose_step(length: timedelta, most: int) -> str:
    """Return the shortest step that divides a period into a limited number of slices.

    Args:
        length: Length of the period.
        most: Maximum number of slices.
    """
    short_enough = (name for name in _FAST if length / STEPS[name] + 2 <= most)
    return next(short_enough, _FAST[-1])


def slices(begin: datetime, end: datetime, step: timedelta, zone: tzinfo) -> list[Slice]:
    """Divide a period at multiples of a step; the first and the last slice may be shorter.

    A slice of less than a day never extends beyond midnight, so the last one of a day on which
    clocks change may be shorter or, for steps of 12 hours, there may be a third one. Slices of
    several days begin on a Monday.

    Args:
        begin: Start of a 15-minute bucket.
        end: Start of a 15-minute bucket.
        step: One of :data:`STEPS`.
        zone: Time zone of the days.
    """
    edges = sorted({begin, end, *_edges(begin, end, step, zone)})
    return [Slice(*each) for each in pairwise(edges) if begin <= each[0] and each[1] <= end]


def _edges(begin: datetime, end: datetime, step: timedelta, zone: tzinfo) -> Iterator[datetime]:
    """Yield multiples of a step from before a period until after it."""
    days = max(1, step // DAY)
    day = begin.astimezone(zone).date()
    day -= timedelta(days=(day.toordinal() - 1) % days)  # ordinal 1 is a Monday
    midnight = datetime.combine(day, time(), zone).astimezone(UTC)
    while midnight < end:
        day += timedelta(days=days)
        following = datetime.combine(day, time(), zone).astimezone(UTC)
        edge = midnight
        while edge < following:
            # No zone of today has an offset that is not a multiple of 15 minutes, but old ones had.
            yield ceiling(edge, FIFTEEN_MINUTES)
            edge += step if step < DAY else following - midnight
        midnight = following
    yield midnight
