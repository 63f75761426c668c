"""Runs whose process died are closed and recorded."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import Engine

from canvas_sync_core.store.queries import run_by_task
from canvas_sync_exporter.jobs.interrupted_runs import InterruptedRuns
from canvas_sync_exporter.settings import Configuration
from support.recurring_jobs import database_away, leave_a_row, metric_value, operations
from support.runs import running, write


@pytest.fixture
def interrupted_runs(config: Configuration, engine: Engine) -> InterruptedRuns:
    return InterruptedRuns(engine, config.app, config.exporter.interrupted_after_seconds)


def test_a_run_without_a_heartbeat_is_closed_and_counted_once(
    config: Configuration, engine: Engine, interrupted_runs: InterruptedRuns
) -> None:
    now = time.time()
    write(engine, running("dead", start_time=now - 90, heartbeat=now - 60, sync_type="grades"))
    write(engine, running("alive", start_time=now - 90, heartbeat=now + 60))
    assert [run.sync_task_id for run in interrupted_runs.close()] == ["dead"]
    assert interrupted_runs.close() == []
    run = run_by_task(engine, "dead")
    assert run is not None
    assert run.sync_status == "interrupted"
    assert run.duration == pytest.approx(30, abs=0.001)
    labels = {"sync_type": "grades", "status": "interrupted"}
    assert metric_value(config, "canvas_sync_runs_total", **labels) == 1
    last = metric_value(config, "canvas_sync_last_run_timestamp_seconds", sync_type="grades")
    assert last == pytest.approx(now - 60, abs=0.001)
    assert metric_value(config, "canvas_sync_run_duration_seconds_sum", **labels) == pytest.approx(
        30, abs=0.001
    )


def test_a_run_that_is_closed_ends_in_the_log_too(
    config: Configuration, engine: Engine, interrupted_runs: InterruptedRuns
) -> None:
    now = time.time()
    write(engine, running("dead", start_time=now - 90, heartbeat=now - 60, step="grades"))
    interrupted_runs.close()
    (record,) = operations(config)
    assert (record["event"], record["status"]) == ("run_ended", "interrupted")
    assert (record["level"], record["error_type"]) == ("ERROR", "Interrupted")
    assert (record["task_id"], record["user_id"], record["step"]) == ("dead", 42, "grades")
    assert (record["host"], record["pid"], record["span_id"]) == ("sync-1", 4711, None)
    assert record["duration_seconds"] == pytest.approx(30, abs=0.001)
    assert record["items"]["course"] == {
        "processed": 3,
        "created": 1,
        "updated": 1,
        "unchanged": 0,
        "failed": 0,
    }
    labels = {"log": "operations", "level": "ERROR"}
    assert metric_value(config, "canvas_sync_log_records_total", **labels) == 1


def test_the_end_that_a_dead_process_left_in_its_spool_counts(
    config: Configuration, engine: Engine, interrupted_runs: InterruptedRuns
) -> None:
    start = time.time() - 90
    write(engine, running("ended", start_time=start))
    leave_a_row(config.app.spool_folder, "ended", start)
    assert interrupted_runs.close() == []
    run = run_by_task(engine, "ended")
    assert run is not None
    assert run.sync_status == "success"


def test_after_an_outage_the_living_get_time_to_renew_their_heartbeats(
    config: Configuration, engine: Engine
) -> None:
    write(engine, running("waits", start_time=time.time() - 90))
    patient, fresh = (InterruptedRuns(engine, config.app, 60.0) for _ in range(2))
    with database_away(config, engine):
        for _ in range(2):
            with pytest.raises(OSError, match="File exists"):
                patient.close()
    assert patient.close() == []
    assert [run.sync_task_id for run in fresh.close()] == ["waits"]
