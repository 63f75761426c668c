"""RollupTotals are added up, and copied before they change."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from canvas_sync_core.names import ITEMS
from canvas_sync_core.sketch import Sketch
from canvas_sync_core.store.rollups.aggregates import SUMMED, Aggregate
from canvas_sync_core.store.rollups.totals import RollupTotals, sketch_statistics
from canvas_sync_core.store.statistics import NO_VALUES

_NOON = datetime(2025, 12, 22, 12, tzinfo=UTC)
_NEVER = [None] * (len(ITEMS) - 1)


def _aggregate(runs: int, hours: int) -> Aggregate:
    made = Aggregate(runs, [runs] * len(SUMMED))
    made.measures["duration"].add([float(runs)] * runs)
    made.newest = [_NOON + timedelta(hours=hours), *_NEVER]
    return made


def test_groups_are_added_by_sync_type_and_status() -> None:
    totals = RollupTotals()
    totals.add_groups({("full", "success"): _aggregate(2, 1), ("full", "failed"): _aggregate(1, 9)})
    totals.add_groups(
        {("full", "success"): _aggregate(3, 0), ("grades", "failed"): _aggregate(1, 9)}
    )
    assert totals.runs == {
        "full": Counter({"success": 5, "failed": 1}),
        "grades": Counter({"failed": 1}),
    }
    assert totals.sums == [7] * len(SUMMED)
    assert totals.statistics["duration"].count == 7
    assert totals.statistics["db_time"] == NO_VALUES


def test_only_successful_runs_bring_items_up_to_date() -> None:
    totals = RollupTotals()
    totals.add_groups(
        {("full", "success"): _aggregate(1, 1), ("full", "partial"): _aggregate(1, 9)}
    )
    totals.add_groups(
        {("full", "success"): _aggregate(1, 0), ("grades", "failed"): _aggregate(1, 9)}
    )
    assert totals.newest == {"full": [_NOON + timedelta(hours=1), *_NEVER]}


def test_a_copy_can_be_added_to_without_a_change_of_the_original() -> None:
    original = RollupTotals()
    assert original.is_empty
    original.add_groups({("full", "success"): _aggregate(2, 0)})
    copy = original.copy()
    copy.add_groups({("full", "success"): _aggregate(3, 1)})
    assert (original.runs["full"].total(), copy.runs["full"].total()) == (2, 5)
    assert (original.sums[0], copy.sums[0]) == (2, 5)
    assert [each.measures["duration"].count for each in (original, copy)] == [2, 5]
    assert original.newest["full"][0] == _NOON
    assert not original.is_empty


def test_a_sketch_gives_count_average_percentiles_and_maximum() -> None:
    sketch = Sketch()
    sketch.add([float(each) for each in range(1, 201)])
    found = sketch_statistics(sketch)
    assert (found.count, found.average, found.max) == (200, 100.5, 200)
    assert (found.p50, found.p95, found.p99) == pytest.approx((100, 190, 198), rel=0.0101)
    assert sketch_statistics(Sketch()) == NO_VALUES
