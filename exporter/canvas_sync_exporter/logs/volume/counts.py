"""Counts of lines by time bucket and level, each counted or estimated."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping

from .time_buckets import TimeBuckets

__all__ = ["VolumeCounts"]

_MINUTE = 60


class VolumeCounts:
    """Adds up lines.

    Args:
        buckets: The time buckets.

    Attributes:
        buckets: The same.
        levels: Bucket number -> level -> number of lines.
        estimated: Numbers of the buckets with estimates.
    """

    def __init__(self, buckets: TimeBuckets) -> None:
        self.buckets = buckets
        self.levels: list[dict[str, float]] = [{} for _ in range(buckets.count)]
        self.estimated: set[int] = set()

    def add(self, moment: dt.datetime, level: str | None) -> None:
        """Add a line."""
        number = self.buckets.index(moment)
        if number is not None:
            self._add(number, level or "", 1)

    def estimate(self, number: int, levels: Mapping[str, int], times: float) -> None:
        """Add lines to a bucket from a sample.

        Args:
            number: The bucket.
            levels: The lines in the sample, by level.
            times: The bytes that it stands for, as a multiple of the bytes of the sample.
        """
        self.estimated.add(number)
        for level, lines in levels.items():
            self._add(number, level, lines * times)

    def add_minutes(self, level: str, minutes: Iterable[tuple[int, int]]) -> None:
        """Add whole minutes, which are spread evenly if buckets are shorter.

        Args:
            level: The level of the lines.
            minutes: Minutes since the Unix epoch, and the number of lines in each.
        """
        step = self.buckets.step
        for minute, lines in minutes:
            number = (minute * _MINUTE - self.buckets.start) // step
            if step >= _MINUTE:
                if 0 <= number < self.buckets.count:
                    self._add(number, level, lines)
                continue
            for each in range(max(0, number), min(self.buckets.count, number + _MINUTE // step)):
                self.estimated.add(each)
                self._add(each, level, lines * step / _MINUTE)

    def _add(self, number: int, level: str, lines: float) -> None:
        levels = self.levels[number]
        levels[level] = levels.get(level, 0) + lines
