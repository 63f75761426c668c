"""Nights in which clocks are set: every job of the exporter runs as often as on any other night."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from apscheduler.executors.debug import DebugExecutor
from apscheduler.schedulers.base import BaseScheduler

from canvas_sync_core.store.database import open_engine
from canvas_sync_exporter.jobs import old_runs as old_runs_module
from canvas_sync_exporter.jobs import scheduler as scheduler_module
from canvas_sync_exporter.jobs.job import Every, Job, NightlyCheck
from canvas_sync_exporter.jobs.log_cleanup import next_cleanup
from canvas_sync_exporter.jobs.recurring_jobs import recurring_jobs
from canvas_sync_exporter.jobs.scheduler import JobScheduler
from canvas_sync_exporter.judge.factory import make_judge
from canvas_sync_exporter.logs.due import next_due
from canvas_sync_exporter.messages.messenger import Messenger
from canvas_sync_exporter.settings import configuration
from canvas_sync_exporter.shared_metric_directory import SharedMetricDirectory
from support.receiver import PostingChannel

_ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago")
_HOUR = dt.timedelta(hours=1)
_INTERVALS = {
    "fold of metric files": 60,
    "search for interrupted runs": 15,
    "roll-up of runs": 2,
    "judging": 2,
    "comparison of runs with their history": 15,
    "log cleanup": 60,
    "deletion of old runs": 60,
    "planning of messages": 5,
    "delivery of messages to slack": 2,
}
"""Name of a job -> the seconds between its runs, at most."""


def _clock_changes(zone: ZoneInfo) -> list[dt.datetime]:
    """The moments of 2026 at which the zone's clock is set."""
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    times = [start + number * _HOUR / 2 for number in range(365 * 48)]
    return [
        later
        for earlier, later in itertools.pairwise(times)
        if _offset(earlier, zone) != _offset(later, zone)
    ]


def _offset(moment: dt.datetime, zone: ZoneInfo) -> dt.timedelta:
    return moment.astimezone(zone).utcoffset() or dt.timedelta(0)


def _odd_time(change: dt.datetime, zone: ZoneInfo) -> dt.time:
    """A time that the clock leaves out, or shows twice, when it is set."""
    offsets = _offset(change - _HOUR, zone), _offset(change, zone)
    return (change + min(offsets) + dt.timedelta(minutes=15)).time()


_NIGHTS = [
    pytest.param(name, change, id=f"{name}-{change:%B}")
    for name in _ZONES
    for change in _clock_changes(ZoneInfo(name))
]


class _SimulatedScheduler(BaseScheduler):  # type: ignore[misc] # APScheduler has no types
    """APScheduler without its thread: runs jobs at once, and is woken by the test."""

    def wakeup(self) -> None:
        """Nobody sleeps."""

    def shutdown(self, wait: bool = True) -> None:
        """Stop."""
        super().shutdown(wait)

    def run_due_jobs(self) -> dt.timedelta:
        """Run what is due now; tells how long the thread would sleep then."""
        return dt.timedelta(seconds=self._process_jobs())


class _Runs:
    """Notes when each job runs; the nightly ones also decide, as always, what they have to do."""

    def __init__(self) -> None:
        self.started: defaultdict[str, list[dt.datetime]] = defaultdict(list)
        self.worked: defaultdict[str, list[dt.datetime]] = defaultdict(list)

    def recorded(self, job: Job) -> Job:
        """Return the job so that its runs are noted."""

        def work() -> None:
            now = dt.datetime.now(dt.UTC)
            self.started[job.name].append(now)
            if isinstance(job.schedule, NightlyCheck) and job.work():
                self.worked[job.name].append(now)

        return dataclasses.replace(job, work=work)


@pytest.fixture
def scheduler(monkeypatch: pytest.MonkeyPatch) -> list[_SimulatedScheduler]:
    """The schedulers that jobs make."""
    made: list[_SimulatedScheduler] = []

    def make(**options: Any) -> _SimulatedScheduler:
        at_once = {"executors": {"default": DebugExecutor()}}
        made.append(_SimulatedScheduler(**options | at_once))
        return made[-1]

    monkeypatch.setattr(scheduler_module, "BackgroundScheduler", make)
    return made


@pytest.mark.parametrize("days", [-1, 1, 60])
def test_no_job_pauses_when_the_clock_is_set_wrong_or_the_machine_has_slept(
    days: int, scheduler: list[_SimulatedScheduler]
) -> None:
    runs: defaultdict[str, int] = defaultdict(int)

    def count(name: str) -> None:
        runs[name] += 1

    seconds = {"often": 2, "seldom": 60}
    nightly = NightlyCheck(dt.time(2), dt.UTC)
    jobs = JobScheduler(
        [
            *(Job(name, partial(count, name), Every(every)) for name, every in seconds.items()),
            Job("nightly", partial(count, "nightly"), nightly),
        ]
    )
    with time_machine.travel(dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC), tick=False) as clock:
        jobs.start()
        (driven,) = scheduler
        clock.shift(driven.run_due_jobs())
        before = dict(runs)
        clock.shift(dt.timedelta(days=days))
        for _ in range(31):  # a minute
            clock.shift(driven.run_due_jobs())
        jobs.stop()
    assert runs["often"] - before["often"] in range(29, 33)
    assert {runs[name] - before[name] for name in ("seldom", "nightly")} <= {1, 2}


@pytest.mark.parametrize(("zone_name", "change"), _NIGHTS)
def test_no_job_pauses_or_runs_twice_when_clocks_are_set(
    zone_name: str,
    change: dt.datetime,
    tmp_path: Path,
    scheduler: list[_SimulatedScheduler],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The nightly cleanup is due at a time that comes twice or never."""
    zone = ZoneInfo(zone_name)
    cleanup_time = _odd_time(change, zone)
    start, end = change - 2 * _HOUR, change + 3 * _HOUR
    due = next_due(start, cleanup_time, zone)
    assert start < due < end
    config = configuration({"CANVAS_SYNC_LOG_DIR": str(tmp_path)})
    nightly = dataclasses.replace(config.exporter, cleanup_time=cleanup_time, run_days=7)
    app = dataclasses.replace(config.app, timezone=zone)
    config = dataclasses.replace(config, app=app, exporter=nightly)
    engine = open_engine(config.app.resolved_database_url)
    monkeypatch.setattr(old_runs_module, "delete_runs", lambda *_: 1)
    runs = _Runs()
    with time_machine.travel(start, tick=False) as clock:
        files = SharedMetricDirectory(config.app.metrics_folder)
        channel = PostingChannel("http://127.0.0.1:9", "slack")
        messenger = Messenger(config, engine, [channel], in_memory=list)
        judge = make_judge(config, engine, files)
        all_jobs = recurring_jobs(config, engine, files, judge, messenger)
        jobs = JobScheduler(map(runs.recorded, all_jobs))
        jobs.start()
        (driven,) = scheduler
        steps = 0
        while dt.datetime.now(dt.UTC) < end:
            clock.shift(driven.run_due_jobs())
            steps += 1
            assert steps < 20_000, "it spins"
        assert next_cleanup(config) == next_due(end, cleanup_time, zone)
        assert jobs.failures == {}
        jobs.stop()
    engine.dispose()
    for work, seconds in _INTERVALS.items():
        starts = [*runs.started[work], end]
        gaps = [later - earlier for earlier, later in itertools.pairwise(starts)]
        assert starts[0] == start
        assert dt.timedelta(0) < min(gaps[:-1]), f"{work} runs twice"
        assert max(gaps) <= dt.timedelta(seconds=seconds), f"{work} pauses"
    assert set(runs.started) == set(_INTERVALS)
    assert runs.worked["log cleanup"] == [due]
    assert runs.worked["deletion of old runs"] == [start, due]
