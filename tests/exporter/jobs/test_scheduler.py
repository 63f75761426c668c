"""The exporter's recurring jobs, run by a real scheduler."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from sqlalchemy import Engine

from canvas_sync_core.store.queries import run_by_task
from canvas_sync_core.store.spool.lines import encode
from canvas_sync_core.store.spool.own_file import Spool
from canvas_sync_exporter.jobs.job import Every, Job
from canvas_sync_exporter.jobs.log_cleanup import clean_logs_when_due
from canvas_sync_exporter.jobs.recurring_jobs import recurring_jobs
from canvas_sync_exporter.jobs.scheduler import JobScheduler
from canvas_sync_exporter.judge.factory import make_judge
from canvas_sync_exporter.logs.archive import archives
from canvas_sync_exporter.settings import Configuration
from canvas_sync_exporter.shared_metric_directory import SharedMetricDirectory
from support.recurring_jobs import database_away, leave_a_row, metric_value, miss_a_night
from support.runs import running, snapshot, write
from support.waiting import wait_until


def _scheduler(config: Configuration, engine: Engine) -> JobScheduler:
    files = SharedMetricDirectory(config.app.metrics_folder)
    return JobScheduler(recurring_jobs(config, engine, files, make_judge(config, engine, files)))


@contextmanager
def _started(*schedulers: JobScheduler) -> Iterator[None]:
    """Run jobs; at the end wait for those that are running, which still use the database."""
    before = set(threading.enumerate())
    for scheduler in schedulers:
        scheduler.start()
    try:
        yield
    finally:
        for scheduler in schedulers:
            scheduler.stop()
        wait_until(lambda: set(threading.enumerate()) <= before, "the end of the jobs")


def test_jobs_deliver_the_rows_of_the_dead_and_close_their_runs(
    config: Configuration, engine: Engine
) -> None:
    leave_a_row(config.app.spool_folder, "from the spool")
    living = Spool(config.app.spool_folder)
    living.append(encode(snapshot("still the owner's")))
    write(engine, running("dead", heartbeat=time.time() - 60))
    scheduler = _scheduler(config, engine)
    with _started(scheduler):
        runs_when_started = scheduler.running
        wait_until(lambda: run_by_task(engine, "from the spool"), "the spooled row")
        wait_until(lambda: _status(engine, "dead") != "running", "the end of the dead run")
    assert (runs_when_started, scheduler.running) == (True, False)
    assert run_by_task(engine, "still the owner's") is None
    living.close()


def _status(engine: Engine, task_id: str) -> str:
    run = run_by_task(engine, task_id)
    assert run is not None
    return run.sync_status


def test_a_failing_job_is_reported_once_and_forgotten_when_it_works_again(
    config: Configuration, engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    scheduler = _scheduler(config, engine)
    name = "search for interrupted runs"
    with ExitStack() as stack:
        with database_away(config, engine):
            stack.enter_context(_started(scheduler))
            wait_until(lambda: name in scheduler.failures, "the failure")
            assert "File exists" in scheduler.failures[name]
        wait_until(lambda: name not in scheduler.failures, "its success")
    assert caplog.text.count(f"The {name} failed") == 1


def test_a_job_does_not_start_again_before_its_failure_is_noted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.CRITICAL, "apscheduler")  # it would ask for the text before we do
    begun_again, noted = threading.Event(), threading.Event()
    early: list[bool] = []

    class FullDiskError(OSError):
        def __str__(self) -> str:
            if not noted.is_set():
                early.append(begun_again.wait(0.3))
                noted.set()
            return "disk full"

    def fail_once() -> None:
        if not begun:
            begun.append("once")
            raise FullDiskError
        begun_again.set()

    begun: list[str] = []
    # Its thread would be free for the next run.
    other = Job("other", lambda: None, Every(60))
    with _started(JobScheduler([Job("failing", fail_once, Every(0.001)), other])):
        assert noted.wait(600)
        assert begun_again.wait(600)
    assert early == [False]


def test_a_missed_cleanup_is_made_up_for_once_by_all_exporters_of_the_folder(
    config: Configuration, engine: Engine
) -> None:
    miss_a_night(config)
    schedulers = [_scheduler(config, engine) for _ in range(3)]
    counted = "canvas_sync_cleanup_runs_total"
    with _started(*schedulers):
        wait_until(lambda: not (config.app.log_dir / "errors.log.1").exists(), "the cleanup")
        wait_until(lambda: metric_value(config, counted, status="success") == 1, "its metric")
    assert len(archives(config.archive_folder)) == 1
    assert all("log cleanup" not in each.failures for each in schedulers)
    assert clean_logs_when_due(config) is None
    assert metric_value(config, counted, status="success") == 1


def test_jobs_that_hang_do_not_keep_another_one_from_running() -> None:
    goes_on, has_run = threading.Event(), threading.Event()
    hanging = [Job(f"{number}", goes_on.wait, Every(60)) for number in range(20)]
    with _started(JobScheduler([*hanging, Job("last", has_run.set, Every(60))])):
        assert has_run.wait(600)
        goes_on.set()
