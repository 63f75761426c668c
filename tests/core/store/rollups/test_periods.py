from __future__ import annotations

import dataclasses
import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, delete, func, select, update

from canvas_sync_core.errors import StorageError
from canvas_sync_core.names import RunStatus
from canvas_sync_core.store.database import downgrade
from canvas_sync_core.store.model import metrics_table
from canvas_sync_core.store.rollups.aggregates import Aggregate
from canvas_sync_core.store.rollups.periods import Period, count_periods, read_periods
from canvas_sync_core.store.rollups.writing import roll_up
from canvas_sync_core.store.run_deletion import delete_runs
from support.runs import failed, running, snapshot, write

DAY = timedelta(days=1)
FIRST = datetime(2026, 3, 28, tzinfo=UTC)
PERIODS = [
    Period(FIRST + timedelta(hours=23), FIRST + timedelta(days=2, hours=22)),
    Period(FIRST, FIRST + 4 * DAY),
    Period(FIRST + timedelta(hours=3), FIRST + timedelta(hours=3, minutes=15)),
    Period(FIRST + 20 * DAY, FIRST + 21 * DAY),
]


@pytest.fixture
def engine(emptied_engine: Engine) -> Engine:
    return emptied_engine


def write_random_runs(engine: Engine, count: int, prefix: str = "run") -> None:
    chance = random.Random(prefix)
    runs = []
    for number in range(count):
        make = chance.choice((snapshot, snapshot, failed, running))
        start = (FIRST + chance.random() * 4 * DAY).timestamp()
        changes = {"start_time": start, "sync_type": chance.choice(("full", "grades"))}
        if make is not running:
            changes["duration"] = chance.lognormvariate(3, 1)
        runs.append(make(f"{prefix}-{number}", **changes))
    write(engine, *runs)


def count_rows(engine: Engine, period: Period) -> Counter[tuple[str, str]]:
    columns = metrics_table.c
    statement = (
        select(columns.sync_type, columns.sync_status, func.count())
        .where(
            columns.sync_start_time >= period.begin,
            columns.sync_start_time < period.end,
            columns.sync_status != RunStatus.RUNNING,
        )
        .group_by(columns.sync_type, columns.sync_status)
    )
    with engine.connect() as connection:
        return Counter({(name, status): n for name, status, n in connection.execute(statement)})


def assert_exact(engine: Engine) -> None:
    expected = [count_rows(engine, period) for period in PERIODS]
    found = read_periods(engine, PERIODS)

    assert count_periods(engine, PERIODS) == expected
    assert [{group: each.runs for group, each in groups.items()} for groups in found] == expected
    for groups in found:
        for aggregate in groups.values():
            assert aggregate.measures["duration"].count == aggregate.runs
    assert sum(map(Counter.total, expected)) > 0


def test_periods_are_exact_whatever_the_rollups_contain(engine: Engine) -> None:
    write_random_runs(engine, 60)
    assert_exact(engine)  # all are new

    while roll_up(engine, 60):
        pass
    assert_exact(engine)

    write_random_runs(engine, 20, "later")
    changed = metrics_table.c.sync_task_id.in_([f"run-{number}" for number in range(20)])
    ended = metrics_table.c.sync_status != RunStatus.RUNNING
    with engine.begin() as connection:
        connection.execute(update(metrics_table).where(changed, ended).values(sync_status="failed"))
        connection.execute(delete(metrics_table).where(metrics_table.c.sync_task_id == "run-30"))
    assert_exact(engine)


def test_periods_are_read_from_the_rows_without_rollups(own_engine: Engine) -> None:
    write_random_runs(own_engine, 30)
    downgrade(own_engine, "0002")

    assert_exact(own_engine)


def test_periods_are_read_from_the_rows_while_the_rollups_are_far_behind(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_random_runs(engine, 30)
    monkeypatch.setattr("canvas_sync_core.store.rollups.state._MOST_NEW", 0)

    assert_exact(engine)


def test_too_many_rows_are_not_read(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    write_random_runs(engine, 30)
    monkeypatch.setattr("canvas_sync_core.store.rollups.state._MOST_NEW", 0)
    monkeypatch.setattr("canvas_sync_core.store.rollups.periods._MOST_ROWS", 10)

    with pytest.raises(StorageError, match="not in the rollups yet"):
        read_periods(engine, PERIODS)


def test_runs_that_retention_has_deleted_still_count(engine: Engine) -> None:
    write_random_runs(engine, 30)
    while roll_up(engine, 60):
        pass
    before = read_periods(engine, PERIODS), count_periods(engine, PERIODS)

    assert delete_runs(engine, FIRST + 2 * DAY) > 0

    after = read_periods(engine, PERIODS), count_periods(engine, PERIODS)
    assert after[1] == before[1]
    assert list(map(_plain, after[0])) == list(map(_plain, before[0]))


def test_runs_that_retention_has_deleted_count_beside_one_that_changed_later(
    engine: Engine,
) -> None:
    begin = FIRST.timestamp()
    write(engine, snapshot("old", start_time=begin))
    while roll_up(engine, 60):
        pass
    assert delete_runs(engine, FIRST + DAY) == 1
    write(engine, snapshot("late", start_time=begin + 60))
    while roll_up(engine, 60):
        pass
    late = metrics_table.c.sync_task_id == "late"
    with engine.begin() as connection:
        connection.execute(update(metrics_table).where(late).values(sync_status="failed"))

    assert count_periods(engine, [Period(FIRST, FIRST + DAY)]) == [
        {("full", "success"): 1, ("full", "failed"): 1}
    ]


def _plain(groups: dict[tuple[str, str], Aggregate]) -> object:
    return {
        group: (each.runs, each.sums, {n: m.buckets for n, m in each.measures.items()})
        for group, each in groups.items()
    }


def test_bounds_are_rounded_down_to_the_quarter_of_an_hour(engine: Engine) -> None:
    write(engine, snapshot("run", start_time=(FIRST + timedelta(minutes=17)).timestamp()))
    period = Period(FIRST + timedelta(minutes=20), FIRST + timedelta(minutes=31))

    assert count_periods(engine, [period]) == [{("full", "success"): 1}]
    assert count_periods(engine, [dataclasses.replace(period, end=period.begin)]) == [{}]
