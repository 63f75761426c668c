"""Runs that are far off their history are flagged and recorded."""

from __future__ import annotations

import time

from sqlalchemy import Engine

from canvas_sync_core.names import SUSPECT_REASONS
from canvas_sync_exporter.jobs.suspect_runs import flag_suspect_runs
from canvas_sync_exporter.settings import Configuration
from canvas_sync_exporter.zero_counters import start_counters
from support.recurring_jobs import metric_value, operations
from support.runs import snapshot, write


def test_a_run_far_off_its_history_is_flagged_and_counted_once(
    config: Configuration, engine: Engine
) -> None:
    now = time.time()
    for night in range(8):
        write(engine, snapshot(f"night-{night}", start_time=now - 86400 * (night + 1), duration=90))
    write(engine, snapshot("odd", start_time=now - 60, duration=1.5))
    start_counters(config)
    assert [suspect.run.sync_task_id for suspect in flag_suspect_runs(engine, config.app)] == [
        "odd"
    ]
    assert flag_suspect_runs(engine, config.app) == []
    counted = {
        reason: metric_value(
            config, "canvas_sync_runs_suspect_total", sync_type="full", reason=reason
        )
        for reason in SUSPECT_REASONS
    }
    assert counted == {reason: int(reason == "fast") for reason in SUSPECT_REASONS}
    (record,) = operations(config)
    assert (record["event"], record["level"]) == ("run_suspect", "WARNING")
    assert (record["task_id"], record["suspect_reasons"]) == ("odd", ["fast"])
    assert record["suspect_reason"] == "fast: 1.5 s where 90.0 s are usual"
    assert record["message"].endswith("Sync Task: odd, 42, suspect, fast")
