"""The rollups of deleted runs stay exact, whenever the runs of a bucket were deleted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from canvas_sync_core.store.rollups.buckets import DAY, FIFTEEN_MINUTES, HOUR, floor
from canvas_sync_core.store.rollups.series import SeriesReader
from canvas_sync_core.store.rollups.writing import roll_up
from canvas_sync_core.store.run_deletion import delete_runs
from support.runs import snapshot, write

_NOW = datetime.now(UTC)
_DAY = floor(_NOW - 9 * DAY, DAY)


@pytest.fixture
def engine(emptied_engine: Engine) -> Engine:
    return emptied_engine


def _write(engine: Engine, *starts: datetime) -> None:
    write(engine, *(snapshot(f"{each} {_NOW}", start_time=each.timestamp()) for each in starts))
    while roll_up(engine, 60):
        pass


def _runs(engine: Engine, step: str) -> dict[timedelta, int]:
    """Return the number of runs of each slice that has some, by its start in the day."""
    found = SeriesReader(engine).read(_DAY, _DAY + DAY, step=step, zone=UTC).series
    points = [point for each in found for point in each.points]
    return {point.start - _DAY: point.runs for point in points if point.runs}


def _assert_runs(engine: Engine, by_quarter: dict[timedelta, int]) -> None:
    by_hour: dict[timedelta, int] = {}
    for start, runs in by_quarter.items():
        by_hour[start // HOUR * HOUR] = by_hour.get(start // HOUR * HOUR, 0) + runs
    assert _runs(engine, "15m") == by_quarter
    assert _runs(engine, "1h") == by_hour
    assert _runs(engine, "1d") == {timedelta(): sum(by_quarter.values())}


def test_a_run_that_came_after_its_bucket_was_deleted_adds_to_it(engine: Engine) -> None:
    _write(engine, _DAY, _DAY + 5 * HOUR)
    assert delete_runs(engine, _NOW) == 2
    _write(engine, _DAY + timedelta(seconds=1), _DAY + FIFTEEN_MINUTES)
    expected = {timedelta(): 2, FIFTEEN_MINUTES: 1, 5 * HOUR: 1}
    _assert_runs(engine, expected)
    assert delete_runs(engine, _NOW) == 2
    _assert_runs(engine, expected)
    roll_up(engine, 60)
    _assert_runs(engine, expected)


@pytest.mark.parametrize("count", [1, 4, 6])
def test_hours_that_are_deleted_in_part_count_deleted_and_other_runs(
    engine: Engine, count: int
) -> None:
    """The deletion ends inside an hour, at its end, or in a later one."""
    _write(engine, *(_DAY + number * FIFTEEN_MINUTES for number in range(10)))
    assert delete_runs(engine, _DAY + count * FIFTEEN_MINUTES) == count
    expected = {number * FIFTEEN_MINUTES: 1 for number in range(10)}
    _assert_runs(engine, expected)
    assert delete_runs(engine, _NOW) == 10 - count
    _assert_runs(engine, expected)
