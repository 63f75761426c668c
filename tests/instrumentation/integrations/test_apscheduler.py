"""What a real scheduler starts is a run where it is decorated; what it does not start is told."""

from __future__ import annotations

import datetime as dt
import os
import queue
import threading
from collections.abc import Callable
from pathlib import Path

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_EXECUTED, JobExecutionEvent
from apscheduler.executors.pool import ProcessPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from canvas_sync_core.events import ErrorRecorded, Event, RunEnded
from canvas_sync_instrumentation import track_sync
from canvas_sync_instrumentation.integrations.apscheduler import instrument_apscheduler
from canvas_sync_instrumentation.testing import recorded_events
from support.log_lines import records_in

_started = threading.Event()
_go_on = threading.Event()


@track_sync(sync_type="nightly")
def nightly() -> None:
    _started.set()
    _go_on.wait(600)


@track_sync(sync_type="elsewhere")
def in_another_process() -> int:
    return os.getpid()


def _eventually(holds: Callable[[], bool]) -> None:
    waiting = threading.Event()
    for _ in range(1200):
        if holds():
            return
        waiting.wait(0.05)
    raise AssertionError("it did not come true")


def _errors(events: list[Event]) -> set[tuple[str, str]]:
    return {
        (event.operation, event.error.error_type)
        for event in list(events)
        if isinstance(event, ErrorRecorded)
    }


def test_a_decorated_job_is_a_run_and_what_is_not_started_is_reported() -> None:
    scheduler = BackgroundScheduler(timezone="UTC")
    with recorded_events() as events:
        instrument_apscheduler(scheduler)
        instrument_apscheduler(scheduler)
        scheduler.add_job(nightly, "interval", seconds=0.2, id="nightly", max_instances=1)
        long_ago = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
        scheduler.add_job(print, "date", run_date=long_ago, id="late", misfire_grace_time=1)
        scheduler.start()
        try:
            assert _started.wait(600)
            wanted = {("schedule", "JobSkipped"), ("schedule", "JobMissed")}
            _eventually(lambda: _errors(events) == wanted)
        finally:
            _go_on.set()
            scheduler.shutdown()
        ended = [event.snapshot for event in events if isinstance(event, RunEnded)]
    assert {(str(run.status), run.sync_type) for run in ended} == {("success", "nightly")}


def test_a_decorated_job_is_a_run_in_a_process_pool_too(tmp_path: Path) -> None:
    """Its processes start anew and take their settings from the environment."""
    ended: queue.SimpleQueue[JobExecutionEvent] = queue.SimpleQueue()
    scheduler = BackgroundScheduler(
        executors={"default": ProcessPoolExecutor(1)},
        timezone="UTC",
    )
    scheduler.add_listener(ended.put, EVENT_JOB_EXECUTED | EVENT_JOB_ERROR)
    scheduler.add_job(in_another_process, misfire_grace_time=None)
    scheduler.start()
    try:
        job = ended.get(timeout=120)
    finally:
        scheduler.shutdown()
    assert job.exception is None
    assert job.retval != os.getpid()
    runs = records_in(tmp_path / "logs" / "operations.log")
    assert [(run["event"], run["status"], run["pid"]) for run in runs] == [
        ("run_started", "running", job.retval),
        ("run_ended", "success", job.retval),
    ]
