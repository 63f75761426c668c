"""Percentiles of any number of values in a few kilobytes.

A sketch counts values in buckets whose bounds grow by a constant factor (as DDSketch does: Masson,
Rim, Lee 2019). Merging two sketches gives the sketch of all their values.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import repeat
from operator import mul
from typing import Final

import msgspec

__all__ = ["GAMMA", "LARGEST", "Sketch"]

GAMMA: Final = 1.02
"""Growth factor of the buckets; percentiles are within 1 %."""

LARGEST: Final = 1e100
"""Larger values, and negative ones, are ignored: they are mistakes, and sums would overflow."""

_SCALE: Final = 1 / math.log2(GAMMA)  # twice as fast as math.log
_SMALLEST: Final = 1e-9  # a nanosecond: shorter values count as zero


class Sketch(msgspec.Struct, array_like=True):
    """Count, sum, maximum and distribution of durations in seconds.

    Attributes:
        count: Number of values.
        total: Their sum.
        largest: The largest of them, exactly.
        zeros: Number of values that are zero, or too small to distinguish from it.
        buckets: Exponent -> number of values between that power of :data:`GAMMA` and the next.
    """

    count: int = 0
    total: float = 0.0
    largest: float = 0.0
    zeros: int = 0
    buckets: dict[int, int] = msgspec.field(default_factory=dict)

    def add(self, values: Sequence[float]) -> None:
        """Count values; ignore those out of range or not a number, which SQL by hand may write."""
        total = sum(values)
        if not abs(total) <= LARGEST or min(values, default=0.0) < -LARGEST:
            values = [value for value in values if abs(value) <= LARGEST]
            total = sum(values)
        if not values:
            return
        self.count += len(values)
        if min(values) < _SMALLEST:
            positive = [value for value in values if value >= _SMALLEST]
            self.zeros += len(values) - len(positive)
            values = positive
            total = sum(values)
        self.total += total
        self.largest = max(self.largest, max(values, default=0.0))
        self._count(Counter(map(math.floor, map(mul, map(math.log2, values), repeat(_SCALE)))))

    def add_repeated(self, value: float, times: int) -> None:
        """Count one value several times; ignore one out of range."""
        if times > 0 and abs(value) <= LARGEST:
            one = Sketch()
            one.add([value])
            one.count, one.total, one.zeros = times, one.total * times, one.zeros * times
            one.buckets = dict.fromkeys(one.buckets, times)
            self.merge(one)

    def merge(self, other: Sketch) -> None:
        """Add the counts of another sketch."""
        self.count += other.count
        self.total += other.total
        self.largest = max(self.largest, other.largest)
        self.zeros += other.zeros
        self._count(other.buckets)

    def subtract(self, other: Sketch) -> None:
        """Remove the counts of a sketch that was added before; sum and maximum stay as they are."""
        self.count -= other.count
        self.zeros -= other.zeros
        buckets = self.buckets
        for bucket, count in other.buckets.items():
            left = buckets.get(bucket, 0) - count
            if left > 0:
                buckets[bucket] = left
            else:
                buckets.pop(bucket, None)

    def _count(self, found: dict[int, int]) -> None:
        buckets = self.buckets
        if not buckets:
            buckets.update(found)
            return
        known = buckets.get  # looked up once, because an answer merges thousands of sketches
        for bucket, count in found.items():
            buckets[bucket] = known(bucket, 0) + count

    @property
    def average(self) -> float | None:
        """The exact mean; None without values."""
        return self.total / self.count if self.count else None

    def quantile(self, share: float) -> float | None:
        """Return a quantile by nearest rank, at most 1 % off.

        Args:
            share: From 0 to 1; 0.95 is the 95th percentile.

        Returns:
            The value; None without values.
        """
        if not self.count:
            return None
        rank = max(1, math.ceil(share * self.count))
        if rank >= self.count:
            return self.largest
        rank -= self.zeros
        if rank <= 0:
            return 0.0
        for bucket in sorted(self.buckets):
            rank -= self.buckets[bucket]
            if rank <= 0:
                middle: float = GAMMA ** (bucket + 0.5)
                return min(middle, self.largest)
        raise AssertionError("the buckets hold fewer values than were counted")
