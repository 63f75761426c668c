"""The roll-up of runs as a job: in short steps, with its progress in the log."""

from __future__ import annotations

import logging
import time

import pytest
from sqlalchemy import Engine, update

from canvas_sync_core.store.model import metrics_table
from canvas_sync_exporter.jobs import roll_up as roll_up_module
from canvas_sync_exporter.jobs.roll_up import RollUp
from support.runs import snapshot, write


def test_a_roll_up_that_takes_longer_is_reported_now_and_then_and_at_its_end(
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, roll_up_module.__name__)
    monkeypatch.setattr(roll_up_module, "_BUDGET_SECONDS", 600.0)
    job = RollUp(engine)
    write(engine, snapshot("corrected", start_time=time.time() - 86400))
    assert not job.advance()
    assert caplog.messages == []
    with engine.begin() as connection:
        connection.execute(update(metrics_table).values(grades_failed=7))
    write(engine, *(snapshot(f"run-{number}") for number in range(3)))
    monkeypatch.setattr(roll_up_module, "_BUDGET_SECONDS", 0.0)
    progress = "Rolling up: 1 15-minute bucket and 3 runs left."
    for _ in range(3):
        assert job.advance()
    assert caplog.messages == [progress]
    monkeypatch.setattr(roll_up_module, "_PROGRESS_SECONDS", 0.0)
    assert job.advance()
    assert caplog.messages == [progress, progress]
    monkeypatch.setattr(roll_up_module, "_BUDGET_SECONDS", 600.0)
    for _ in range(3):
        assert not job.advance()
    assert caplog.messages == [progress, progress, "All runs are rolled up."]
