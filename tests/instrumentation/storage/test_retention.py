"""Deleting old runs, a few at a time."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from sqlalchemy import Engine, func, select

from canvas_sync_instrumentation.storage.model import metrics_table
from canvas_sync_instrumentation.storage.retention import delete_runs
from canvas_sync_instrumentation.storage.rollups.reading import Rollups
from support.runs import snapshot, write

_NOW = datetime.now(UTC)
_LONG_AGO = (_NOW - timedelta(days=9)).timestamp()
_DAYS = 30
_DELETE = """
import os, signal, sys
from datetime import datetime
from sqlalchemy import event
from canvas_sync_instrumentation.storage.database import open_engine
from canvas_sync_instrumentation.storage.retention import delete_runs

engine = open_engine(sys.argv[1])

@event.listens_for(engine, "commit")
def die(connection):
    left = connection.exec_driver_sql("select count(*) from canvas_sync_metrics").scalar()
    if left < int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)

delete_runs(engine, datetime.fromisoformat(sys.argv[2]))
"""


def _count(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(metrics_table)) or 0


def _write_old(engine: Engine, runs: int) -> None:
    write(engine, *(snapshot(f"old-{n}", start_time=_LONG_AGO + n / 10) for n in range(runs)))


def test_a_slow_database_gets_small_portions(engine: Engine) -> None:
    """By a clock on which a row takes a millisecond no portion holds a lock for 50 ms."""
    _write_old(engine, 400)
    left = [400]

    def clock() -> float:
        left.append(_count(engine))
        return (400 - left[-1]) / 1000

    assert delete_runs(engine, _NOW, clock) == 400
    portions = [before - after for before, after in pairwise(left)]
    assert max(portions) < 50
    assert sum(portions) == 400


def test_a_fast_database_gets_large_portions(engine: Engine) -> None:
    _write_old(engine, 3000)
    asked: list[int] = []

    def clock() -> float:
        asked.append(_count(engine))
        return 0.0

    assert delete_runs(engine, _NOW, clock) == 3000
    assert len(asked) < 2 * 15


def test_a_deletion_that_is_killed_counts_each_run_once(
    engine: Engine, empty_database_url: str
) -> None:
    """At the commit of a portion: it and its rollup happen both or not at all."""
    _write_old(engine, 300)
    rollups = Rollups(engine)
    since = _NOW - timedelta(days=_DAYS)
    before = rollups.summary(since)
    for least in (290, 200, 50):
        died = subprocess.run(
            [sys.executable, "-c", _DELETE, empty_database_url, _NOW.isoformat(), str(least)],
            check=False,
        )
        assert died.returncode == -signal.SIGKILL
        assert _count(engine) >= least
        assert rollups.summary(since) == before
    delete_runs(engine, _NOW)
    assert _count(engine) == 0
    assert rollups.summary(since) == before
