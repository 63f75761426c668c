"""A cache of the totals of days, shared by all threads."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from canvas_sync_core.locks import RLock

from .buckets import LocalDay
from .generation_cache import GenerationCache
from .totals import RollupTotals

__all__ = ["TotalsCache"]

_MOST_DAYS: Final = 4_000
_MOST_SUMS: Final = 50


class TotalsCache:
    """Caches the totals of each day, and the sums of consecutive days."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._days: GenerationCache[RollupTotals] = GenerationCache(_MOST_DAYS)
        self._sums: OrderedDict[LocalDay, tuple[tuple[RollupTotals, ...], RollupTotals]] = (
            OrderedDict()
        )

    def get_or_read(
        self, day: LocalDay, generation: int, read: Callable[[], RollupTotals]
    ) -> RollupTotals:
        """Return the totals of a day; on a miss, read and cache them.

        Args:
            day: The day.
            generation: The generation of its rollups.
            read: Reads the totals from the database.
        """
        return self._days.get_or_read(day, generation, read)

    def sum_of(self, first: LocalDay, totals_of_days: tuple[RollupTotals, ...]) -> RollupTotals:
        """Add up the totals of consecutive days, or return the cached sum.

        Args:
            first: The first day; the sum is cached under it.
            totals_of_days: The totals of that day and of the days after it.
        """
        with self._lock:
            known = self._sums.get(first)
        if known is not None and known[0] == totals_of_days:
            return known[1]
        total = RollupTotals()
        for totals in totals_of_days:
            total.add(totals)
        with self._lock:
            self._sums[first] = (totals_of_days, total)
            if len(self._sums) > _MOST_SUMS:
                self._sums.popitem(last=False)
        return total
