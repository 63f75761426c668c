"""A cache of the totals of days, shared by all threads."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from canvas_sync_core.locks import Lock, RLock

from .buckets import LocalDay
from .totals import Totals

__all__ = ["TotalsCache"]

_MOST_DAYS: Final = 4_000
_MOST_SUMS: Final = 50


class TotalsCache:
    """Caches the totals of each day with the generation of its rollups.

    Nothing has to be invalidated: the generation of a day increases with each change of its
    rollups, so totals of an older generation are no longer found.
    """

    def __init__(self) -> None:
        # Two locks: _lock guards the dictionaries and is held briefly; _reading is held while the
        # database is read, so that concurrent clients after a start read each day only once.
        # Threads that find their day in the cache never wait for the database.
        self._lock = RLock()
        self._reading = Lock()
        self._days: OrderedDict[LocalDay, tuple[int, Totals]] = OrderedDict()
        self._sums: OrderedDict[LocalDay, tuple[tuple[Totals, ...], Totals]] = OrderedDict()

    def get_or_read(self, day: LocalDay, generation: int, read: Callable[[], Totals]) -> Totals:
        """Return the totals of a day; on a miss, read and cache them.

        Args:
            day: The day.
            generation: The generation of its rollups.
            read: Reads the totals from the database.
        """
        cached = self._get(day, generation)
        if cached is not None:
            return cached
        with self._reading:
            totals = self._get(day, generation)  # another thread may have read them meanwhile
            if totals is None:
                totals = read()
                self._put(day, generation, totals)
        return totals

    def sum_of(self, first: LocalDay, totals_of_days: tuple[Totals, ...]) -> Totals:
        """Add up the totals of consecutive days, or return the cached sum.

        Args:
            first: The first day; the sum is cached under it.
            totals_of_days: The totals of that day and of the days after it.
        """
        with self._lock:
            known = self._sums.get(first)
        if known is not None and known[0] == totals_of_days:
            return known[1]
        total = Totals()
        for totals in totals_of_days:
            total.add(totals)
        with self._lock:
            self._sums[first] = (totals_of_days, total)
            if len(self._sums) > _MOST_SUMS:
                self._sums.popitem(last=False)
        return total

    def _get(self, day: LocalDay, generation: int) -> Totals | None:
        with self._lock:
            cached = self._days.get(day)
            if cached is None or cached[0] != generation:
                return None
            self._days.move_to_end(day)
            return cached[1]

    def _put(self, day: LocalDay, generation: int, totals: Totals) -> None:
        with self._lock:
            self._days[day] = (generation, totals)
            self._days.move_to_end(day)
            if len(self._days) > _MOST_DAYS:
                self._days.popitem(last=False)
