"""Old runs are deleted once a night, and a night that was missed is made up."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator

import pytest
import time_machine
from sqlalchemy import Engine

from canvas_sync_core.store.queries import run_by_task
from canvas_sync_exporter.jobs.old_runs import OldRuns, delete_old_runs
from canvas_sync_exporter.settings import Configuration
from support.recurring_jobs import database_away
from support.runs import snapshot, write


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """Stands at the time of a nightly cleanup."""
    with time_machine.travel(dt.datetime(2025, 12, 22, 2, tzinfo=dt.UTC), tick=False) as clock:
        yield clock


def _keep_a_week(engine: Engine) -> OldRuns:
    return OldRuns(engine, 7, dt.time(2), dt.UTC)


def _write_an_old_run(engine: Engine) -> None:
    start = time.time() - 8 * 86400
    write(engine, snapshot(f"began {start}", start_time=start))


def test_runs_older_than_the_setting_are_deleted_and_none_without_it(
    engine: Engine,
) -> None:
    write(engine, snapshot("old", start_time=time.time() - 8 * 86400), snapshot("new"))
    assert delete_old_runs(engine, None) == 0
    assert delete_old_runs(engine, 7) == 1
    assert run_by_task(engine, "old") is None
    assert run_by_task(engine, "new") is not None


def test_old_runs_are_deleted_once_a_night(engine: Engine, clock: time_machine.Traveller) -> None:
    old_runs = _keep_a_week(engine)
    deleted = []
    for hours in (0, 1, 22.99, 1 / 60, 12):
        clock.shift(dt.timedelta(hours=hours))
        _write_an_old_run(engine)
        deleted.append(old_runs.delete_when_due())
    assert deleted == [1, 0, 0, 3, 0]


def test_a_missed_deletion_of_old_runs_is_made_up_for(
    config: Configuration, engine: Engine, clock: time_machine.Traveller
) -> None:
    """Whether the exporter slept, the database was unreachable, or another exporter has begun."""
    old_runs = _keep_a_week(engine)
    _write_an_old_run(engine)
    assert old_runs.delete_when_due() == 1
    clock.shift(dt.timedelta(days=3, hours=9))
    _write_an_old_run(engine)
    with database_away(config, engine), pytest.raises(OSError, match="File exists"):
        old_runs.delete_when_due()
    assert old_runs.delete_when_due() == 1
    _write_an_old_run(engine)
    assert old_runs.delete_when_due() == 0
    assert _keep_a_week(engine).delete_when_due() == 1
