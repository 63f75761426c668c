"""The runs in progress, and what is expected of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from canvas_sync_core.events import ErrorInfo
from canvas_sync_core.store.running import RunningRun, running_now
from support.plans import assert_bounded, explained
from support.runs import failed, running, snapshot, write

_NOW = datetime(2025, 12, 22, 12, tzinfo=UTC)


@pytest.fixture
def engine(emptied_engine: Engine) -> Engine:
    return emptied_engine


def _at(minutes: float) -> float:
    return (_NOW + timedelta(minutes=minutes)).timestamp()


def _only(engine: Engine) -> RunningRun:
    found = running_now(engine, _NOW, 50)
    assert (len(found.items), found.total) == (1, 1)
    return found.items[0]


def test_a_run_in_progress_has_a_heartbeat_a_step_and_an_expected_end(engine: Engine) -> None:
    write(
        engine,
        running("now", start_time=_at(-6), heartbeat=_at(-0.05), progress=60.0, step="grades"),
        snapshot("done", start_time=_at(-90)),
    )
    run = _only(engine)
    assert (run.sync_task_id, run.step, run.progress) == ("now", "grades", 60.0)
    assert run.elapsed_seconds == 360.0
    assert run.heartbeat_age_seconds == pytest.approx(3.0)
    assert run.seconds_left == pytest.approx(240.0)
    assert run.expected_end == _NOW + timedelta(seconds=240)


def test_the_usual_duration_is_the_median_of_the_last_20_successful_runs(engine: Engine) -> None:
    write(engine, *(snapshot(f"o{n}", start_time=_at(-9999 - n), duration=1.0) for n in range(9)))
    write(
        engine, *(snapshot(f"r{n}", start_time=_at(-20 - n), duration=float(n)) for n in range(20))
    )
    write(engine, failed("bad", start_time=_at(-10), duration=900.0))
    write(engine, snapshot("of another kind", start_time=_at(-9), course_id=3, duration=900.0))
    write(engine, running("now", start_time=_at(-0.05), progress=2.0))
    run = _only(engine)
    assert (run.usual_seconds, run.usual_runs) == (9.5, 20)
    assert run.seconds_left == pytest.approx(6.5)


def test_without_enough_runs_of_the_user_those_of_all_users_count(engine: Engine) -> None:
    write(engine, *(snapshot(f"r{n}", user_id=n, start_time=_at(-20 - n)) for n in range(5)))
    write(engine, running("now", user_id=99, start_time=_at(-1), progress=0.0))
    run = _only(engine)
    assert (run.usual_seconds, run.usual_runs) == (12.5, 5)
    assert (run.seconds_left, run.expected_end) == (None, None)  # it takes longer than usual


def test_a_first_run_without_progress_has_no_expected_end(engine: Engine) -> None:
    write(engine, running("now", start_time=_at(-1), progress=0.0))
    run = _only(engine)
    assert (run.usual_seconds, run.usual_runs, run.seconds_left) == (None, 0, None)


def test_a_run_that_waits_for_its_next_attempt_has_no_heartbeat_age(engine: Engine) -> None:
    error = ErrorInfo("Retry", "503")
    write(engine, running("now", start_time=_at(-9), heartbeat=_at(5), error=error))
    run = _only(engine)
    assert run.waits_until == _NOW + timedelta(minutes=5)
    assert (run.heartbeat_age_seconds, run.seconds_left) == (None, None)


def test_the_oldest_come_first_and_the_rest_is_counted(engine: Engine) -> None:
    write(engine, *(running(f"r{n}", start_time=_at(-n)) for n in range(5)))
    found = running_now(engine, _NOW, 2)
    assert [run.sync_task_id for run in found.items] == ["r4", "r3"]
    assert found.total == 5


def test_no_statement_reads_the_whole_table(engine: Engine) -> None:
    kinds = (("full", "grades", *"abcdefgh")[n % 10] for n in range(3000))
    runs = (
        snapshot(f"r{n}", sync_type=kind, start_time=_at(-n), user_id=38 + n % 9)
        for n, kind in enumerate(kinds)
    )
    write(engine, *runs)
    write(engine, running("now", start_time=_at(-1)), running("other", user_id=None))
    assert_bounded(explained(engine, lambda engine: running_now(engine, _NOW, 50)))
