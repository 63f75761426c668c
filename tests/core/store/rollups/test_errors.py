"""Errors from the rollups: exact, filled in after an upgrade, and bounded in what they read."""

from __future__ import annotations

import signal
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event

from canvas_sync_core.events import ErrorInfo, RunSnapshot
from canvas_sync_core.names import RunStatus
from canvas_sync_core.store import run_deletion
from canvas_sync_core.store.database import downgrade, open_engine, upgrade
from canvas_sync_core.store.model import metrics_table
from canvas_sync_core.store.rollups.error_counts import has_unknown_errors
from canvas_sync_core.store.rollups.errors import ErrorReader
from canvas_sync_core.store.rollups.series import SeriesReader
from canvas_sync_core.store.rollups.writing import Waiting, roll_up, waiting
from support.forked_programs import run_forked
from support.plans import assert_bounded, explained, preferring_indexes
from support.rollups import assert_same_errors
from support.runs import running, snapshot, write
from support.tables import create_tables

_NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
_DAY = timedelta(days=1)
_LONG = 600.0
_DIE = """
import os, signal, sys
from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.rollups.writing import roll_up

def die(step):
    if step == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)

roll_up(open_engine(sys.argv[1]), 600, die)
"""


@pytest.fixture
def engine(emptied_engine: Engine) -> Engine:
    return emptied_engine


def _at(hours: float) -> float:
    return (_NOON + timedelta(hours=hours)).timestamp()


def _bad(task_id: str, error: str, hours: float, **changes: object) -> RunSnapshot:
    info = ErrorInfo(error, f"{error} in {task_id}")
    return snapshot(task_id, status=RunStatus.FAILED, error=info, start_time=_at(hours), **changes)


def _history(engine: Engine) -> None:
    write(engine, *(_bad(f"h{n}", f"http_{500 + n % 3}", -3 * n) for n in range(8)))
    write(engine, *(snapshot(f"good-{n}", start_time=_at(-2 * n)) for n in range(12)))


def _check(engine: Engine) -> None:
    for hours in (1, 7, 24, 24 * 9):
        assert_same_errors(engine, _NOON - timedelta(hours=hours), _NOON + _DAY)


def test_the_most_frequent_errors_come_first_with_their_runs(engine: Engine) -> None:
    write(
        engine,
        _bad("a", "Timeout", -30),
        _bad("b", "Timeout", -5),
        _bad("c", "Timeout", -3, sync_type="grades"),
        _bad("d", "HTTPError", -2),
        running("waiting", start_time=_at(-1), error=ErrorInfo("Timeout", "again")),
    )
    for _ in range(2):
        top = ErrorReader(engine).top(_NOON - _DAY, _NOON, 10)
        assert [each.error_type for each in top.items] == ["Timeout", "HTTPError"]
        timeout, http = top.items
        assert (timeout.runs, timeout.previous_runs, http.previous_runs) == (2, 1, 0)
        assert timeout.by_sync_type == {"full": 1, "grades": 1}
        assert timeout.first_seen == _NOON - timedelta(hours=5)
        assert (timeout.last_seen, timeout.last_task_id) == (_NOON - timedelta(hours=3), "c")
        assert timeout.last_message == "Timeout in c"
        assert (top.runs, len(ErrorReader(engine).top(_NOON - _DAY, _NOON, 1).items)) == (3, 1)
        roll_up(engine, _LONG)


def test_rare_errors_are_one_series(engine: Engine) -> None:
    write(engine, *(_bad(f"a{n}", "A", -n) for n in range(1, 4)))
    write(engine, _bad("b", "B", -1), _bad("c", "C", -2))
    series = ErrorReader(engine).series(_NOON - timedelta(hours=4), _NOON, step="1h", limit=1)
    found = {each.name: [point.runs for point in each.points] for each in series.series}
    assert found == {"A": [0, 1, 1, 1], "other": [0, 0, 1, 1]}


def test_errors_from_an_older_version_are_backfilled_in_the_background(own_engine: Engine) -> None:
    _history(own_engine)
    roll_up(own_engine, _LONG)
    downgrade(own_engine, "0010")
    upgrade(own_engine)
    write(own_engine, _bad("new", "http_500", -3), _bad("newer", "http_500", -3.1))
    with own_engine.connect() as connection:
        assert has_unknown_errors(connection)
    _check(own_engine)
    assert roll_up(own_engine, _LONG) is False
    with own_engine.connect() as connection:
        assert not has_unknown_errors(connection)
    _check(own_engine)


@pytest.mark.parametrize("step", ["filled in an hour", "before the third commit"])
def test_the_backfill_may_be_killed_at_any_step(
    own_engine: Engine, empty_database_url: str, step: str
) -> None:
    _history(own_engine)
    roll_up(own_engine, _LONG)
    downgrade(own_engine, "0010")
    upgrade(own_engine)
    assert run_forked(_DIE, empty_database_url, step) == -signal.SIGKILL
    _check(own_engine)
    assert roll_up(own_engine, _LONG) is False
    assert waiting(own_engine) == Waiting(0, 0)
    _check(own_engine)


def test_a_corrected_error_is_counted_again(engine: Engine) -> None:
    _history(engine)
    roll_up(engine, _LONG)
    with engine.begin() as connection:
        corrected = metrics_table.c.sync_task_id == "h3"
        connection.execute(metrics_table.update().where(corrected).values(error_type="renamed"))
    _check(engine)
    roll_up(engine, _LONG)
    _check(engine)
    top = ErrorReader(engine).top(_NOON - 9 * _DAY, _NOON + _DAY, 50)
    assert {each.error_type for each in top.items} >= {"renamed"}


def test_errors_of_deleted_runs_still_count(engine: Engine) -> None:
    _history(engine)
    roll_up(engine, _LONG)
    before = ErrorReader(engine).top(_NOON - 9 * _DAY, _NOON + _DAY, 50)
    assert run_deletion.delete_runs(engine, _NOON - timedelta(hours=12)) > 6
    for _ in range(2):
        after = ErrorReader(engine).top(_NOON - 9 * _DAY, _NOON + _DAY, 50)
        assert [each.runs for each in after.items] == [each.runs for each in before.items]
        assert after.items[0].first_seen != before.items[0].first_seen
        roll_up(engine, _LONG)


def test_new_runs_are_counted_from_few_of_their_columns(engine: Engine) -> None:
    _history(engine)
    roll_up(engine, _LONG)
    write(engine, _bad("new", "http_500", -1), snapshot("good-new", start_time=_at(-1)))
    statements: list[str] = []

    def note(*given: Any) -> None:
        statements.append(given[2])

    event.listen(engine, "before_cursor_execute", note)
    found = ErrorReader(engine).series(_NOON - _DAY, _NOON, step="1d")
    event.remove(engine, "before_cursor_execute", note)
    assert [sum(point.runs for point in each.points) for each in found.series] == [3, 3, 2]
    assert not [each for each in statements if "api_seconds" in each or "db_seconds" in each]


def test_no_statement_reads_a_whole_table(empty_database_url: str) -> None:
    engine = open_engine(preferring_indexes(empty_database_url))
    create_tables(engine)
    write(engine, *(snapshot(f"g{n}", start_time=_at(-n / 40)) for n in range(200)))
    _history(engine)
    roll_up(engine, _LONG)
    write(engine, _bad("new", "http_500", 0))
    since = _NOON - 2 * _DAY

    def ask(_: Engine) -> None:
        errors = ErrorReader(engine)
        errors.top(since, _NOON + _DAY, 5)
        errors.series(since, _NOON + _DAY)
        SeriesReader(engine).read(since, _NOON + _DAY, zone=UTC)

    for table in ("canvas_sync_metrics", "canvas_sync_rollups"):
        assert_bounded(explained(engine, ask, table), table)
    engine.dispose()
