"""Evenly spaced time buckets with round bounds."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

__all__ = ["TimeBuckets"]

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_DAY: Final = 86400
_STEPS: Final = (
    *(1, 2, 5, 10, 15, 30),
    *(60, 120, 300, 600, 900, 1800),
    *(3600, 7200, 10800, 21600, 43200, _DAY),
)


@dataclass(frozen=True, slots=True)
class TimeBuckets:
    """Time buckets.

    Attributes:
        start: Start of the first bucket, in seconds since the Unix epoch; a multiple of ``step``.
        step: Length of a bucket in seconds.
        count: Number of buckets.
    """

    start: int
    step: int
    count: int

    @classmethod
    def covering(cls, since: dt.datetime, until: dt.datetime, at_most: int) -> TimeBuckets:
        """Return buckets that cover a period.

        Args:
            since: Start of the period.
            until: End of the period, later than ``since``.
            at_most: Maximum number of buckets, at least 2.
        """
        low, high = _seconds(since), -_seconds_down(_EPOCH - until)
        for step in _STEPS:
            found = cls._of_step(low, high, step)
            if found.count <= at_most:
                return found
        days = -(-(high - low) // (_DAY * (at_most - 1)))
        return cls._of_step(low, high, days * _DAY)

    @classmethod
    def _of_step(cls, low: int, high: int, step: int) -> TimeBuckets:
        start = low // step * step
        return cls(start, step, max(1, -(-(high - start) // step)))

    @property
    def end(self) -> int:
        """End of the last bucket, in seconds since the Unix epoch."""
        return self.start + self.step * self.count

    def edges(self) -> list[dt.datetime]:
        """Return the bounds of all buckets."""
        return [moment_of(self.start + number * self.step) for number in range(self.count + 1)]

    def index(self, moment: dt.datetime) -> int | None:
        """Return the number of the bucket that a time is in; None if it is in none."""
        number = (_seconds(moment) - self.start) // self.step
        return number if 0 <= number < self.count else None


def moment_of(seconds: int) -> dt.datetime:
    """Return a time from the seconds since the Unix epoch, within the years that can be written."""
    try:
        return _EPOCH + dt.timedelta(seconds=seconds)
    except OverflowError:
        edge = dt.datetime.max if seconds > 0 else dt.datetime.min
        return edge.replace(tzinfo=dt.UTC)


def _seconds(moment: dt.datetime) -> int:
    return _seconds_down(moment - _EPOCH)


def _seconds_down(length: dt.timedelta) -> int:
    return length // dt.timedelta(seconds=1)
