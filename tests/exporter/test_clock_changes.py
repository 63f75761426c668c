"""Nights in which clocks are set: every job of the exporter runs as often as on any other night."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
from collections import defaultdict
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from apscheduler.executors.debug import DebugExecutor
from apscheduler.schedulers.base import BaseScheduler
from sqlalchemy import Engine

from canvas_sync_core.store.database import open_engine
from canvas_sync_exporter import jobs as jobs_module
from canvas_sync_exporter.jobs import Jobs
from canvas_sync_exporter.logs.due import next_due
from canvas_sync_exporter.logs.retention import CleanupReport
from canvas_sync_exporter.settings import Configuration, configuration
from canvas_sync_exporter.upkeep import Upkeep

_ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago")
_HOUR = dt.timedelta(hours=1)
_INTERVALS = {"fold": 60, "interrupted": 15, "roll-up": 2, "suspects": 15, "watch": 60}
"""Name of a job's work -> the seconds between its runs, at most."""


def _clock_changes(zone: ZoneInfo) -> list[dt.datetime]:
    """The moments of 2026 at which the zone's clock is set."""
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    moments = [start + number * _HOUR / 2 for number in range(365 * 48)]
    return [
        later
        for earlier, later in itertools.pairwise(moments)
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

    def _create_default_executor(self) -> DebugExecutor:
        return DebugExecutor()


class _RecordedUpkeep(Upkeep):
    """Notes when it is asked to work; what is due at night is decided as always."""

    def __init__(self, config: Configuration, engine: Engine) -> None:
        super().__init__(config, engine)
        self.runs: defaultdict[str, list[dt.datetime]] = defaultdict(list)

    def note(self, work: str) -> None:
        self.runs[work].append(dt.datetime.now(dt.UTC))

    def close_interrupted(self) -> list[Any]:
        self.note("interrupted")
        return []

    def roll_up_runs(self) -> bool:
        self.note("roll-up")
        return False

    def flag_suspects(self) -> list[Any]:
        self.note("suspects")
        return []

    def clean_logs_when_due(self) -> CleanupReport | None:
        self.note("watch")
        report = super().clean_logs_when_due()
        if report is not None:
            self.note("cleanup")
        return report

    def delete_old_runs(self) -> int:
        self.note("deletion")
        return 0


@pytest.fixture
def scheduler(monkeypatch: pytest.MonkeyPatch) -> list[_SimulatedScheduler]:
    """The schedulers that jobs make."""
    made: list[_SimulatedScheduler] = []

    def make(**options: Any) -> _SimulatedScheduler:
        made.append(_SimulatedScheduler(**options))
        return made[-1]

    monkeypatch.setattr(jobs_module, "BackgroundScheduler", make)
    return made


@pytest.mark.parametrize(("zone_name", "change"), _NIGHTS)
def test_no_job_pauses_or_runs_twice_when_clocks_are_set(
    zone_name: str,
    change: dt.datetime,
    tmp_path: Path,
    scheduler: list[_SimulatedScheduler],
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
    upkeep = _RecordedUpkeep(config, engine)
    with time_machine.travel(start, tick=False) as clock:
        jobs = Jobs(upkeep, lambda: upkeep.note("fold"), config)
        jobs.start()
        (driven,) = scheduler
        steps = 0
        while dt.datetime.now(dt.UTC) < end:
            clock.shift(driven.run_due_jobs())
            steps += 1
            assert steps < 20_000, "it spins"
        assert jobs.next_cleanup() == next_due(end, cleanup_time, zone)
        assert jobs.failures == {}
        jobs.stop()
    engine.dispose()
    for work, seconds in _INTERVALS.items():
        moments = [*upkeep.runs[work], end]
        gaps = [later - earlier for earlier, later in itertools.pairwise(moments)]
        assert moments[0] == start
        assert dt.timedelta(0) < min(gaps[:-1]), f"{work} runs twice"
        assert max(gaps) <= dt.timedelta(seconds=seconds), f"{work} pauses"
    assert upkeep.runs["cleanup"] == [due]
    assert upkeep.runs["deletion"] == [start, due]
