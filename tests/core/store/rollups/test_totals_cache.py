"""The totals of days and of consecutive days are added up once."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date

import pytest

from canvas_sync_core.store.rollups import totals_cache
from canvas_sync_core.store.rollups.buckets import LocalDay, local_day
from canvas_sync_core.store.rollups.totals import RollupTotals
from canvas_sync_core.store.rollups.totals_cache import TotalsCache

_MONDAY = date(2025, 12, 22)


def _day(number: int = 0) -> LocalDay:
    return local_day(_MONDAY.replace(day=_MONDAY.day + number), UTC)


def _totals(runs: int) -> RollupTotals:
    return RollupTotals({"full": Counter({"success": runs})})


def test_days_are_added_up_once() -> None:
    cache, days = TotalsCache(), (_totals(1), _totals(2))
    total = cache.sum_of(_day(), days)
    assert total.runs == {"full": Counter({"success": 3})}
    assert cache.sum_of(_day(), days) is total
    assert [each.runs["full"].total() for each in days] == [1, 2]


def test_days_are_added_up_again_when_one_changed() -> None:
    cache, first = TotalsCache(), _totals(1)
    cache.sum_of(_day(), (first, _totals(2)))
    assert cache.sum_of(_day(), (first, _totals(4))).runs["full"].total() == 5
    assert cache.sum_of(_day(1), (first,)).runs["full"].total() == 1


def test_the_oldest_sum_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(totals_cache, "_MOST_SUMS", 2)
    cache, days = TotalsCache(), (_totals(1),)
    sums = [cache.sum_of(_day(number), days) for number in range(3)]
    assert [cache.sum_of(_day(number), days) is sums[number] for number in (1, 2, 0)] == [
        True,
        True,
        False,
    ]


def test_a_day_is_read_again_when_its_generation_grew() -> None:
    cache, read = TotalsCache(), [_totals(1), _totals(2)]
    for generation, expected in ((1, 0), (1, 0), (2, 1)):
        found = cache.get_or_read(_day(), generation, lambda: read[generation - 1])  # noqa: B023
        assert found is read[expected]
