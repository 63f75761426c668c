"""Deleting old runs, a few at a time."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine, event, func, select

from canvas_sync_core.store import run_deletion
from canvas_sync_core.store.database import downgrade, open_engine, upgrade
from canvas_sync_core.store.model import metrics_table
from canvas_sync_core.store.rollups.buckets import FIFTEEN_MINUTES, floor
from canvas_sync_core.store.rollups.reading import Rollups
from canvas_sync_core.store.rollups.run_counts import count_runs
from canvas_sync_core.store.rollups.tables import changes_table
from canvas_sync_core.store.rollups.writing import Waiting, roll_up, waiting
from canvas_sync_core.store.run_deletion import delete_runs
from support.databases import listening
from support.forked_programs import run_forked
from support.runs import snapshot, write

_NOW = datetime.now(UTC)
_LONG_AGO = (_NOW - timedelta(days=9)).timestamp()
_DAYS = 30
_DELETE = """
import os, signal, sys
from datetime import datetime
from sqlalchemy import event
from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.run_deletion import delete_runs

engine = open_engine(sys.argv[1])

@event.listens_for(engine, "commit")
def die(connection):
    left = connection.exec_driver_sql("select count(*) from canvas_sync_metrics").scalar()
    if left < int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)

delete_runs(engine, datetime.fromisoformat(sys.argv[2]))
"""


@pytest.fixture
def engine(emptied_engine: Engine) -> Engine:
    return emptied_engine


def _url(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


def _count(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(metrics_table)) or 0


_BUSY = """
print(flush=True)
while True:
    pass
"""


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
    counts: list[int] = []

    def clock() -> float:
        counts.append(_count(engine))
        return 0.0

    assert delete_runs(engine, _NOW, clock) == 3000
    assert len(counts) < 2 * 15


def test_a_clock_that_goes_back_a_little_does_not_end_the_deletion(engine: Engine) -> None:
    """As when a thread has to wait for a processor just before its waits are subtracted."""
    _write_old(engine, 100)
    assert delete_runs(engine, _NOW, count(0.0, -0.001).__next__) == 100


def test_portions_adapt_to_how_long_rows_take() -> None:
    """A single slow transaction may be the machine's; two are the database's."""
    portion = run_deletion._Portion()
    sizes = [portion.size]
    for took in (0.0, 0.009, 0.01, 0.02, 0.05, 0.05, 0.021, 0.02, 0.05):
        portion.adapt(took)
        sizes.append(portion.size)
    assert sizes == [20, 31, 47, 47, 47, 47, 23, 20, 20, 20]
    for _ in range(20):
        portion.adapt(0.0)
    assert portion.size == 2000


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how long a thread waited")
def test_a_busy_machine_is_not_taken_for_a_slow_database() -> None:
    """Beside a process that wants the same processor, a thread waits half of the time."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        with subprocess.Popen([sys.executable, "-c", _BUSY], stdout=subprocess.PIPE) as busy:
            assert busy.stdout is not None
            busy.stdout.readline()
            began = run_deletion.time_without_waits(), time.monotonic(), time.thread_time()
            while time.thread_time() < began[2] + 0.1:
                pass
            without, whole = (
                run_deletion.time_without_waits() - began[0],
                time.monotonic() - began[1],
            )
            busy.kill()
    finally:
        os.sched_setaffinity(0, allowed)
    assert whole > 0.15
    assert without < 0.1 + (whole - 0.1) / 2


def test_what_takes_long_without_any_rows_does_not_make_portions_smaller() -> None:
    portion = run_deletion._Portion()
    for _ in range(5):
        portion.adapt(10.0)
    assert portion.size > 100


def test_syncs_can_write_after_each_portion_for_as_long_as_it_took(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = floor(_NOW - timedelta(days=9), FIFTEEN_MINUTES).timestamp()
    write(engine, *(snapshot(f"old-{n}", start_time=bucket + n) for n in range(50)))
    pauses: list[float] = []
    monkeypatch.setattr(run_deletion, "time", SimpleNamespace(sleep=pauses.append))
    times = iter([0.0, 0.5, 1.0, 1.015625, 2.0, 2.0])
    assert delete_runs(engine, _NOW, lambda: next(times)) == 50
    assert pauses == [0.02, 0.015625]


def _write_rolled_up(engine: Engine, runs: int, seconds_apart: int) -> None:
    start = floor(_NOW - timedelta(days=9), timedelta(days=1)).timestamp() - 1800
    starts = (start + n * seconds_apart for n in range(runs))
    write(engine, *(snapshot(f"run-{n}", start_time=each) for n, each in enumerate(starts)))
    while roll_up(engine, 60):
        pass


def test_runs_that_are_rolled_up_are_deleted_without_being_read(engine: Engine) -> None:
    """Whole hours at a time: their rollups already are the sums of what was deleted."""
    _write_rolled_up(engine, 300, seconds_apart=300)
    since = _NOW - timedelta(days=_DAYS)
    expected = Rollups(engine).summary(since)
    deleted: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith(f"DELETE FROM {metrics_table.name} "):
            deleted.append(statement)

    with listening(engine, "before_cursor_execute", note):
        assert delete_runs(engine, _NOW, lambda: 0.0) == 300
    assert len(deleted) < 12
    assert not any("RETURNING" in statement for statement in deleted)
    assert Rollups(engine).summary(since) == expected
    assert count_runs(engine, since, _NOW) == Counter()
    assert waiting(engine) == Waiting(0, 0)


def test_a_correction_while_whole_hours_are_deleted_counts(engine: Engine) -> None:
    """PostgreSQL lets others change a row until it is deleted; SQLite makes them wait."""
    if engine.dialect.name == "sqlite":
        pytest.skip("nobody can write meanwhile")
    _write_rolled_up(engine, 20, seconds_apart=60)
    since = _NOW - timedelta(days=_DAYS)
    once = iter(["correct"])

    def correct(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("DELETE FROM canvas_sync_metrics ") and next(once, None):
            with engine.begin() as other:
                other.exec_driver_sql(
                    "UPDATE canvas_sync_metrics SET grades_failed = 70 WHERE sync_task_id = 'run-3'"
                )

    rollups = Rollups(engine)
    before = rollups.summary(since).totals.items["grades"].failed
    with listening(engine, "before_cursor_execute", correct):
        assert delete_runs(engine, _NOW) == 20
    assert rollups.summary(since).totals.items["grades"].failed == before + 70


def test_a_deletion_of_whole_hours_that_is_killed_counts_each_run_once(engine: Engine) -> None:
    """The next roll-up or deletion recomputes the day."""
    _write_rolled_up(engine, 100, seconds_apart=300)
    rollups = Rollups(engine)
    since = _NOW - timedelta(days=_DAYS)
    before = rollups.summary(since)
    for least in (95, 70):
        assert run_forked(_DELETE, _url(engine), _NOW.isoformat(), least) == -signal.SIGKILL
        left = _count(engine)
        assert least <= left < 100 or least == 95
        assert rollups.summary(since) == before
        counts = count_runs(engine, since, _NOW)
        assert counts is not None
        assert counts.total() == left
    roll_up(engine, 60)
    assert rollups.summary(since) == before
    delete_runs(engine, _NOW)
    assert rollups.summary(since) == before


def test_a_deletion_that_is_killed_counts_each_run_once(engine: Engine) -> None:
    """At the commit of a portion: it and its rollup happen both or not at all."""
    _write_old(engine, 300)
    rollups = Rollups(engine)
    since = _NOW - timedelta(days=_DAYS)
    before = rollups.summary(since)
    for least in (290, 50):
        assert run_forked(_DELETE, _url(engine), _NOW.isoformat(), least) == -signal.SIGKILL
        assert _count(engine) >= least
        assert rollups.summary(since) == before
    delete_runs(engine, _NOW)
    assert _count(engine) == 0
    assert rollups.summary(since) == before


def test_the_quarter_of_an_hour_in_which_the_limit_falls_is_kept(engine: Engine) -> None:
    bucket = floor(_NOW - timedelta(days=9), FIFTEEN_MINUTES).timestamp()
    write(engine, *(snapshot(f"run-{n}", start_time=bucket + n) for n in (-1, 0, 1)))
    rollups = Rollups(engine)
    before = datetime.fromtimestamp(bucket + 899, UTC)
    assert delete_runs(engine, before) == 1
    assert _count(engine) == 2
    assert rollups.summary(_NOW - timedelta(days=_DAYS)).runs.total == 3


@pytest.mark.parametrize("are_rolled_up", [True, False])
def test_a_deleted_run_at_the_start_of_a_quarter_counts_in_that_quarter(
    engine: Engine, are_rolled_up: bool
) -> None:
    bucket = floor(_NOW - timedelta(days=9), FIFTEEN_MINUTES)
    starts = (bucket + number * FIFTEEN_MINUTES for number in range(2))
    write(engine, *(snapshot(f"{n}", start_time=each.timestamp()) for n, each in enumerate(starts)))
    while are_rolled_up and roll_up(engine, 60):
        pass
    assert delete_runs(engine, _NOW) == 2
    totals = [Rollups(engine).summary(bucket + n * FIFTEEN_MINUTES).runs.total for n in range(3)]
    assert totals == [2, 1, 0]


def _write_one_quarter(engine: Engine, runs: int) -> None:
    bucket = floor(_NOW - timedelta(days=9), FIFTEEN_MINUTES).timestamp()
    write(engine, *(snapshot(f"run-{n}", start_time=bucket + n) for n in range(runs)))
    while roll_up(engine, 60):
        pass


def test_the_rows_of_a_quarter_are_not_read_again_after_each_portion(engine: Engine) -> None:
    """Or many runs in one quarter of an hour hold locks for as long as it takes to read them."""
    _write_one_quarter(engine, 400)
    read: list[int] = []

    def note(_connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        columns = statement.partition("FROM")[0]
        if f"{metrics_table.name}.sync_type" in columns:  # what rollups are made of
            read.append(_count(engine))

    with listening(engine, "after_cursor_execute", note):
        assert delete_runs(engine, _NOW, lambda: 0.0) == 400
    assert read == [0], "what is left of a quarter is read once, when that is nothing"


@pytest.mark.parametrize(("runs", "seconds_apart"), [(150, 1), (150, 400)])
def test_answers_are_correct_between_the_portions(
    engine: Engine, runs: int, seconds_apart: int
) -> None:
    """Also when the exporter rolls up meanwhile; and what was noted of it does not pile up."""
    _write_rolled_up(engine, runs, seconds_apart)
    since = _NOW - timedelta(days=_DAYS)
    rollups = Rollups(engine)
    expected = rollups.summary(since)
    noted: list[int] = []

    def clock() -> float:
        assert rollups.summary(since) == expected
        with engine.connect() as connection:
            noted.append(connection.scalar(select(func.count()).select_from(changes_table)) or 0)
        if len(noted) % 3 == 0:
            roll_up(engine, 60)
            assert rollups.summary(since) == expected
        return 0.0

    assert delete_runs(engine, _NOW, clock) == runs
    assert rollups.summary(since) == expected
    assert set(noted) == {0, 1}
    assert waiting(engine) == Waiting(0, 0)


def test_even_without_rollups_nobody_writes_between_the_check_and_the_deletion(
    tmp_path: Path,
) -> None:
    """SQLite refuses at once to write what was read before somebody else wrote."""
    file = tmp_path / "runs.sqlite3"
    engine = open_engine(f"sqlite:///{file}")
    upgrade(engine)
    write(engine, snapshot("old", start_time=_LONG_AGO))
    downgrade(engine, "0002")
    refused: list[str] = []

    def write_in_between(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("DELETE"):
            with closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as other:
                try:
                    other.execute("UPDATE canvas_sync_metrics SET progress = 99")
                except sqlite3.OperationalError as error:
                    refused.append(str(error))

    event.listen(engine, "before_cursor_execute", write_in_between)
    assert delete_runs(engine, _NOW) == 1
    assert refused == ["database is locked"]
    engine.dispose()
