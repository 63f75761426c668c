"""A part of a day is read as the day without the rest, and gives the same figures."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

from canvas_sync_core.store.retention import delete_runs
from canvas_sync_core.store.rollups.aggregates import Groups
from canvas_sync_core.store.rollups.buckets import DAY, HOUR, TimeBucket
from canvas_sync_core.store.rollups.parts_of_days import merge_span
from canvas_sync_core.store.rollups.tables import merge_groups
from canvas_sync_core.store.rollups.writing import roll_up
from support.runs import failed, snapshot, write

_MIDNIGHT = datetime(2025, 12, 22, tzinfo=UTC)


def _runs(engine: Engine) -> None:
    """Write runs of two days, of which some groups are in one hour only."""
    chance = random.Random(1)
    for number in range(160):
        start = (_MIDNIGHT + 2 * DAY * chance.random()).timestamp()
        duration = chance.lognormvariate(2, 2)
        make = failed if number % 7 == 0 else snapshot
        write(engine, make(f"run-{number}", start_time=start, duration=duration))
    noon = (_MIDNIGHT + 12 * HOUR).timestamp()
    write(engine, snapshot("rare", sync_type="rare", start_time=noon, duration=1e50))
    while roll_up(engine, 60):
        pass


def _assert_same(found: Groups, expected: Groups) -> None:
    assert found.keys() == expected.keys()
    for group, aggregate in expected.items():
        same = found[group]
        assert (same.runs, same.sums, same.newest) == (
            aggregate.runs,
            aggregate.sums,
            aggregate.newest,
        )
        for name, sketch in aggregate.measures.items():
            assert same.measures[name].buckets == sketch.buckets
            assert same.measures[name].total == pytest.approx(sketch.total)
            for value in ("count", "largest", "zeros"):
                assert getattr(same.measures[name], value) == getattr(sketch, value)


@pytest.mark.parametrize("is_deleted", [None, False, True])
def test_hours_of_a_day_have_the_figures_of_their_rollups(
    emptied_engine: Engine, is_deleted: bool | None
) -> None:
    engine = emptied_engine
    _runs(engine)
    delete_runs(engine, _MIDNIGHT + 9 * HOUR)
    while roll_up(engine, 60):
        pass
    with engine.connect() as connection:
        for first, last in ((0, 23), (1, 24), (5, 20), (11, 12), (12, 24), (-1, 23), (2, 47)):
            span = TimeBucket(HOUR, _MIDNIGHT + first * HOUR, _MIDNIGHT + last * HOUR)
            found: Groups = {}
            expected: Groups = {}
            merge_span(connection, span, found, is_deleted=is_deleted)
            merge_groups(connection, span, expected, is_deleted=is_deleted)
            _assert_same(found, expected)
