"""Rolling up beside syncs, through kills, outages and upgrades."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, func, select, text
from sqlalchemy.exc import OperationalError

from canvas_sync_core.names import RunStatus
from canvas_sync_core.store import run_deletion
from canvas_sync_core.store.database import downgrade, open_engine, upgrade
from canvas_sync_core.store.model import metrics_table
from canvas_sync_core.store.rollups import aggregates, precomputed, writing
from canvas_sync_core.store.rollups.buckets import FIFTEEN_MINUTES, floor
from canvas_sync_core.store.rollups.reading import Rollups
from canvas_sync_core.store.rollups.writing import Waiting, roll_up, waiting
from canvas_sync_core.store.schema_version import VERSION_TABLE
from support.forked_programs import ForkedProgram, run_forked
from support.postgresql import PostgresqlServer
from support.rollups import assert_same_answers
from support.runs import failed, running, snapshot, write

_LONG = 600.0
_NOW = time.time()
_SINCE = datetime.fromtimestamp(_NOW, UTC) - timedelta(days=30)
_STEPS = (
    "added runs",
    "before the first commit",
    "added up beforehand",
    "recomputed a bucket",
    "made an hour again",
    "before the second commit",
)
_DIE = """
import os, signal, sys
from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.rollups.writing import roll_up

def die(step):
    if step == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)

roll_up(open_engine(sys.argv[1]), 600, die)
"""
_SYNCS = """
import sys
import time
from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.rows import write_runs
from support.runs import running, snapshot

engine = open_engine(sys.argv[1])
for number in range(40):
    name, start = f"{sys.argv[2]}-{number}", time.time()
    for run in (running(name, start_time=start), snapshot(name, start_time=start)):
        assert write_runs(engine, [run]) == []
"""


def _some_history(engine: Engine) -> None:
    """New runs, a quarter of an hour that changed, and one that runs."""
    write(engine, *(snapshot(f"old-{n}", start_time=_NOW - 3600 * n) for n in range(1, 11)))
    roll_up(engine, _LONG)
    write(engine, failed("old-3", start_time=_NOW - 3 * 3600, duration=99.0), running("runs"))
    with engine.begin() as connection:
        corrected = metrics_table.c.sync_task_id == "old-9"
        connection.execute(metrics_table.update().where(corrected).values(grades_failed=7))
    write(engine, *(snapshot(f"new-{n}", start_time=_NOW - n) for n in range(5)))


@pytest.mark.parametrize("step", _STEPS)
def test_a_roll_up_may_be_killed_at_any_step(emptied_engine: Engine, step: str) -> None:
    engine = emptied_engine
    _some_history(engine)
    url = engine.url.render_as_string(hide_password=False)
    assert run_forked(_DIE, url, step) == -signal.SIGKILL
    rollups = Rollups(engine)
    assert_same_answers(rollups, engine, _SINCE)
    assert roll_up(engine, _LONG) is False
    assert waiting(engine) == Waiting(0, 0)
    assert_same_answers(rollups, engine, _SINCE)


def test_rows_of_an_older_version_are_rolled_up_in_the_background(engine: Engine) -> None:
    starts = (_NOW - 3600 * number for number in range(15))
    write(engine, *(snapshot(f"old-{n}", start_time=start) for n, start in enumerate(starts)))
    downgrade(engine, "0002")
    upgrade(engine)
    rollups = Rollups(engine)
    assert waiting(engine) == Waiting(runs=0, buckets=15)
    assert_same_answers(rollups, engine, _SINCE)
    assert roll_up(engine, 0.0) is True
    assert roll_up(engine, _LONG) is False
    assert waiting(engine) == Waiting(0, 0)
    assert_same_answers(rollups, engine, _SINCE)


def _correct(engine: Engine, task_id: str, **values: object) -> None:
    with engine.begin() as connection:
        corrected = metrics_table.c.sync_task_id == task_id
        connection.execute(metrics_table.update().where(corrected).values(values))


def test_runs_that_end_meanwhile_are_left_to_the_next_roll_up(engine: Engine) -> None:
    late = [snapshot("late")]

    def end_late(step: str) -> None:
        if step == "added up beforehand" and late:
            write(engine, late.pop())

    write(engine, snapshot("first"))
    assert roll_up(engine, _LONG, end_late) is False
    assert waiting(engine).runs == 1
    assert roll_up(engine, _LONG) is False
    assert waiting(engine).runs == 0


@pytest.mark.parametrize("field", ["duration", "api_seconds", "db_seconds"])
@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_a_value_that_is_not_a_finite_number_holds_nothing_up(
    emptied_engine: Engine, field: str, value: float
) -> None:
    engine = emptied_engine
    if math.isnan(value) and field != "duration" and engine.name == "sqlite":
        pytest.skip("SQLite takes NaN for NULL, which these columns refuse")
    write(engine, *(snapshot(f"run-{n}", start_time=_NOW - 3600) for n in range(3)))
    _correct(engine, "run-1", **{field: value})
    rollups = Rollups(engine)
    assert_same_answers(rollups, engine, _SINCE)
    assert roll_up(engine, _LONG) is False
    assert_same_answers(rollups, engine, _SINCE)
    speed = rollups.performance(_SINCE)
    counts = {speed.duration.count, speed.api_latency.count, speed.db_time.count}
    assert counts == {2, 3}


class _KilledError(Exception):
    pass


_LARGE = 40
_LARGE_BUCKET = floor(_SINCE + timedelta(days=28), FIFTEEN_MINUTES)


def _one_large_quarter(engine: Engine) -> None:
    """A quarter of an hour with many runs of which one was corrected, and one that runs."""
    start = _LARGE_BUCKET.timestamp()
    write(engine, *(snapshot(f"run-{n}", start_time=start + n) for n in range(_LARGE)))
    write(engine, running("late", start_time=start))
    roll_up(engine, _LONG)
    _correct(engine, "run-1", grades_failed=7)


def _statements(engine: Engine) -> list[str]:
    """Collect what a roll-up does with the lock and the rows from now on."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith(("BEGIN IMMEDIATE", "LOCK TABLE")):
            seen.append("lock")
        elif "SELECT" in statement and f"{metrics_table.name}.api_calls" in statement:
            seen.append("read")

    event.listen(engine, "before_cursor_execute", note)
    event.listen(engine, "commit", lambda _: seen.append("commit"))
    return seen


def test_a_large_quarter_is_added_up_before_the_lock_is_taken(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small one that changed later comes first, and is not worth it."""
    monkeypatch.setattr(precomputed, "_MANY_ROWS", _LARGE - 1)
    write(engine, snapshot("small", start_time=_LARGE_BUCKET.timestamp() + 86_400))
    _one_large_quarter(engine)
    _correct(engine, "small", grades_failed=1)
    seen = _statements(engine)
    assert roll_up(engine, _LONG) is False
    assert seen == [
        *("lock", "commit", "lock", "read", "commit"),  # the small one
        *("lock", "commit", "read", "lock", "commit"),
        *("lock", "commit", "lock", "commit"),  # nothing is left
    ]
    assert_same_answers(Rollups(engine), engine, _SINCE)


_DAY = floor(_SINCE + timedelta(days=20), timedelta(days=1))


def _a_day_before_there_were_rollups(engine: Engine) -> None:
    """A run in each quarter of an hour of a day, but none in one hour of it."""
    numbers = [number for number in range(96) if number // 4 != 7]
    starts = {number: (_DAY + number * FIFTEEN_MINUTES).timestamp() for number in numbers}
    write(engine, *(snapshot(f"run-{n}", start_time=start) for n, start in starts.items()))
    downgrade(engine, "0002")
    upgrade(engine)


def test_the_first_roll_up_reads_a_day_at_once_and_stores_it_in_few_transactions(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "_TRANSACTION_S", 0.0)
    monkeypatch.setattr(writing, "_GROUPS_AT_ONCE", 24)
    _a_day_before_there_were_rollups(engine)
    seen = _statements(engine)
    assert roll_up(engine, _LONG) is False
    assert seen == [
        *("lock", "commit", "read", "read"),  # before and after the hour without runs
        *("lock", "commit") * 4,
        *("lock", "commit", "lock", "commit"),  # nothing is left
    ]
    assert_same_answers(Rollups(engine), engine, _SINCE)


def test_a_correction_during_the_first_roll_up_makes_only_its_quarter_be_read_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "_GROUPS_AT_ONCE", 24)
    _a_day_before_there_were_rollups(engine)
    rollups = Rollups(engine)
    rows: list[int] = []
    add_up_columns = aggregates.Aggregate.add_columns

    def count(aggregate: aggregates.Aggregate, columns: Sequence[Sequence[Any]]) -> None:
        rows.append(len(columns[0]))
        add_up_columns(aggregate, columns)

    def correct(step: str) -> None:
        if step == "added up beforehand" and len(rows) == 92:
            _correct(engine, "run-40", grades_failed=9)

    monkeypatch.setattr(aggregates.Aggregate, "add_columns", count)
    assert roll_up(engine, _LONG, correct) is False
    assert sum(rows) == 92 + 1
    assert_same_answers(rollups, engine, _SINCE)


def _correct_and_roll_up(engine: Engine) -> None:
    _correct(engine, "run-2", grades_failed=9)
    roll_up(engine, _LONG)


def _correct_between_roll_ups(engine: Engine) -> None:
    """The entry of the later change may get the number that the one before had."""
    _correct_and_roll_up(engine)
    _correct(engine, "run-3", grades_failed=11)


def _end_and_roll_up_runs(engine: Engine) -> None:
    """Another exporter takes the entry of the run away, and is killed then."""

    def die(step: str) -> None:
        if step == "added up beforehand":
            raise _KilledError

    write(engine, snapshot("late", start_time=_LARGE_BUCKET.timestamp()))
    with pytest.raises(_KilledError):
        roll_up(engine, _LONG, die)


@pytest.mark.parametrize(
    "change",
    [
        lambda engine: _correct(engine, "run-2", grades_failed=9),
        lambda engine: _correct(engine, "run-2", sync_start_time=_SINCE + timedelta(days=1)),
        lambda engine: write(engine, snapshot("late", start_time=_LARGE_BUCKET.timestamp())),
        lambda engine: write(engine, snapshot("new", start_time=_LARGE_BUCKET.timestamp())),
        _correct_and_roll_up,
        _correct_between_roll_ups,
        _end_and_roll_up_runs,
    ],
    ids=["correct", "move", "end", "insert", "roll up", "correct between", "end and roll up"],
)
def test_changes_made_after_a_large_quarter_was_added_up_are_not_lost(
    emptied_engine: Engine, monkeypatch: pytest.MonkeyPatch, change: Callable[[Engine], None]
) -> None:
    engine = emptied_engine
    monkeypatch.setattr(precomputed, "_MANY_ROWS", _LARGE - 2)
    _one_large_quarter(engine)
    rollups = Rollups(engine)
    changes = iter([change])

    def intervene(step: str) -> None:
        if step == "added up beforehand":
            for once in changes:
                once(engine)
                assert_same_answers(rollups, engine, _SINCE)

    assert roll_up(engine, _LONG, intervene) is False
    assert next(changes, None) is None
    assert waiting(engine) == Waiting(0, 0)
    assert_same_answers(rollups, engine, _SINCE)


def test_a_table_whose_version_was_lost_is_rolled_up_again(engine: Engine) -> None:
    _some_history(engine)
    with engine.begin() as connection:
        connection.execute(text(f"DROP TABLE {VERSION_TABLE}"))
    upgrade(engine)
    rollups = Rollups(engine)
    assert_same_answers(rollups, engine, _SINCE)
    assert roll_up(engine, _LONG) is False
    assert_same_answers(rollups, engine, _SINCE)


def test_syncs_write_while_runs_are_rolled_up_and_deleted(
    engine: Engine, empty_database_url: str
) -> None:
    """No sync fails, no run is lost, and what was deleted is still counted."""
    long_ago = _NOW - 20 * 86_400
    old = [snapshot(f"old-{n}", start_time=long_ago + 60 * n) for n in range(300)]
    write(engine, *old)
    syncs = [ForkedProgram(_SYNCS, empty_database_url, f"sync-{number}") for number in range(4)]
    rollups = Rollups(engine)
    deleted = 0
    while any(sync.poll() is None for sync in syncs):
        roll_up(engine, 0.1)
        deleted += run_deletion.delete_runs(engine, _SINCE + timedelta(days=20))
        counted = rollups.summary(_SINCE).runs
        assert counted.total >= len(old)
    assert [sync.wait() for sync in syncs] == [0, 0, 0, 0]
    roll_up(engine, _LONG)
    assert deleted == len(old)
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(metrics_table)) == 160
    runs = rollups.summary(_SINCE).runs
    assert runs.total == runs.by_status[RunStatus.SUCCESS] == len(old) + 160


def test_rollups_go_on_after_the_server_was_away(
    postgresql_url: str, postgresql_server: PostgresqlServer
) -> None:
    engine = open_engine(postgresql_url)
    upgrade(engine)
    _some_history(engine)
    rollups = Rollups(engine)
    rollups.summary(_SINCE)
    postgresql_server.stop()
    with pytest.raises(OperationalError):
        rollups.summary(_SINCE)
    with pytest.raises(OperationalError):
        roll_up(engine, _LONG)
    postgresql_server.start()
    assert roll_up(engine, _LONG) is False
    assert_same_answers(rollups, engine, _SINCE)
    engine.dispose()
