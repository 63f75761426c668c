"""A part of a day is read as the day without the rest, and gives the same figures."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, update

from canvas_sync_core.store.model import metrics_table
from canvas_sync_core.store.rollups import writing
from canvas_sync_core.store.rollups.aggregates import Groups
from canvas_sync_core.store.rollups.buckets import DAY, HOUR, BucketRange
from canvas_sync_core.store.rollups.parts_of_days import merge_range
from canvas_sync_core.store.rollups.tables import merge_groups
from canvas_sync_core.store.rollups.writing import roll_up
from canvas_sync_core.store.run_deletion import delete_runs
from support.runs import failed, snapshot, write

_MIDNIGHT = datetime(2025, 12, 22, tzinfo=UTC)


@pytest.fixture(name="engine", scope="module")
def _engine_with_deleted_runs(lasting_engine: Engine) -> Engine:
    """Runs of two days, of which some groups are in one hour only; the oldest ones are deleted."""
    chance = random.Random(1)
    noon = (_MIDNIGHT + 12 * HOUR).timestamp()
    runs = [snapshot("rare", sync_type="rare", start_time=noon, duration=1e50)]
    for number in range(100):
        start = (_MIDNIGHT + 2 * DAY * chance.random()).timestamp()
        make = failed if number % 7 == 0 else snapshot
        duration = chance.lognormvariate(2, 2)
        runs.append(make(f"run-{number}", start_time=start, duration=duration))
    write(lasting_engine, *runs)
    while roll_up(lasting_engine, 60):
        pass
    delete_runs(lasting_engine, _MIDNIGHT + 9 * HOUR)
    while roll_up(lasting_engine, 60):
        pass
    return lasting_engine


class _StoppedError(Exception):
    """After the first transactions."""


def _stop(_began: float) -> None:
    raise _StoppedError


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
    engine: Engine, is_deleted: bool | None
) -> None:
    with engine.connect() as connection:
        for first, last in ((0, 23), (1, 24), (5, 20), (11, 12), (12, 24), (-1, 23), (2, 47)):
            bucket_range = BucketRange(HOUR, _MIDNIGHT + first * HOUR, _MIDNIGHT + last * HOUR)
            found: Groups = {}
            expected: Groups = {}
            merge_range(connection, bucket_range, found, is_deleted=is_deleted)
            merge_groups(connection, bucket_range, expected, is_deleted=is_deleted)
            _assert_same(found, expected)


def test_a_day_that_is_not_recomputed_yet_is_not_read_for_its_other_hours(
    own_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    hours = {"early": 3, "late": 20}
    for name, hour in hours.items():
        write(own_engine, snapshot(name, start_time=(_MIDNIGHT + hour * HOUR).timestamp()))
    while roll_up(own_engine, 60):
        pass
    with own_engine.begin() as connection:
        connection.execute(update(metrics_table).values(sync_type="corrected"))
    monkeypatch.setattr(writing, "_TRANSACTION_S", 0.0)
    monkeypatch.setattr(writing, "_let_syncs_write", _stop)
    with pytest.raises(_StoppedError):
        roll_up(own_engine, 60)
    bucket_range = BucketRange(HOUR, _MIDNIGHT + 5 * HOUR, _MIDNIGHT + 24 * HOUR)
    found: Groups = {}
    with own_engine.connect() as connection:
        merge_range(connection, bucket_range, found)
    assert {group: each.runs for group, each in found.items()} == {("corrected", "success"): 1}
    assert found["corrected", "success"].measures["duration"].count == 1
