"""Children: the single series that a caller keeps and updates.

A child knows its cells in a store, which is the process's metric file, or memory while the disk is
full. To update one, hold the lock of its :class:`~.files.MetricFiles`.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from .layout import SLOT_SIZE
from .mapped import ExemplarFile

__all__ = [
    "EXEMPLAR_SECONDS",
    "Child",
    "Counter",
    "Gauge",
    "Histogram",
    "Memory",
    "Store",
    "add_each",
    "set_each",
]

EXEMPLAR_SECONDS: Final = 1.0
"""Minimum time for which a bucket keeps an exemplar: no one scrapes more often."""


class Store(Protocol):
    """Stores values; ``values`` is replaced when the store grows."""

    values: memoryview[float]


class Memory:
    """A store in memory, for values that have no place in a file yet."""

    def __init__(self, size: int) -> None:
        self.values = memoryview(bytearray(8 * size)).cast("d")


class Child:
    """A series with its cells, initially in memory.

    Args:
        size: Number of cells.

    Attributes:
        store: Where its values are.
        cell: Its first cell there.
    """

    __slots__ = ("_cells", "cell", "store")

    def __init__(self, size: int) -> None:
        self.store: Store = Memory(size)
        self._cells: Sequence[int] = range(size)
        self.cell = 0

    @property
    def in_memory(self) -> bool:
        """Whether it is still in memory."""
        return isinstance(self.store, Memory)

    def move(self, store: Store, cells: Sequence[int]) -> None:
        """Move the values to ``cells`` of ``store`` and continue there."""
        for old, new in zip(self._cells, cells, strict=True):
            store.values[new] = self.store.values[old]
        self.store, self._cells, self.cell = store, cells, cells[0]


class Counter(Child):
    """A number that only increases."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(1)

    def add(self, amount: float = 1.0) -> None:
        """Add ``amount``, which is not negative."""
        self.store.values[self.cell] += amount


class Gauge(Child):
    """A number that can go up and down; it has no value and is not served until it is set."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(1)
        self.clear()

    def set(self, value: float) -> None:
        """Set it to ``value``."""
        self.store.values[self.cell] = value

    def clear(self) -> None:
        """Remove its value."""
        self.set(math.nan)


def add_each(counters: Iterable[Counter], amounts: Iterable[float | None]) -> None:
    """Add to each counter its amount, if there is one: cheaper than one call for each."""
    for counter, amount in zip(counters, amounts, strict=True):
        if amount:
            counter.store.values[counter.cell] += amount


def set_each(gauges: Iterable[Gauge], values: Iterable[float | None]) -> None:
    """Set each gauge to its value; None leaves it as it is."""
    for gauge, value in zip(gauges, values, strict=True):
        if value is not None:
            gauge.store.values[gauge.cell] = value


class Histogram(Child):
    """A distribution, with an exemplar for each bucket.

    Args:
        bounds: Upper bounds of the buckets, ascending, without infinity.
    """

    __slots__ = ("_bounds", "_exemplars", "_next_exemplar", "_slots")

    def __init__(self, bounds: Sequence[float]) -> None:
        super().__init__(len(bounds) + 2)
        self._bounds = bounds
        self._exemplars: ExemplarFile | None = None
        self._next_exemplar = [0.0] * (len(bounds) + 1)
        self._slots = 0

    @property
    def has_exemplars(self) -> bool:
        """Whether it keeps exemplars."""
        return self._exemplars is not None

    def attach(self, exemplars: ExemplarFile, slots: int) -> None:
        """Keep exemplars in the slots of ``exemplars`` that start at the offset ``slots``."""
        self._exemplars, self._slots = exemplars, slots

    def observe(self, value: float, trace_id: str | None = None, time: float = 0.0) -> None:
        """Count one value.

        Args:
            value: Not negative, not infinite.
            trace_id: The sampled trace it belongs to, as 32 hexadecimal digits.
            time: Time of the value, in seconds since the Unix epoch; used with ``trace_id``.

        Raises:
            ValueError: ``value`` is negative, infinite or not a number.
        """
        if not 0.0 <= value < math.inf:
            raise ValueError(f"a histogram cannot count the value {value}")
        values = self.store.values
        bucket = bisect_left(self._bounds, value)
        values[self.cell] += value
        values[self._cells[bucket + 1]] += 1.0
        if trace_id is not None and time >= self._next_exemplar[bucket]:
            self._keep_exemplar(bucket, trace_id, value, time)

    def _keep_exemplar(self, bucket: int, trace_id: str, value: float, time: float) -> None:
        if self._exemplars is not None:
            start = self._slots + bucket * SLOT_SIZE
            self._exemplars.write(start, trace_id, value, time, self._cells[bucket + 1])
            self._next_exemplar[bucket] = time + EXEMPLAR_SECONDS
