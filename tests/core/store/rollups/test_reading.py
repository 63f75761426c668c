"""What reading the rollups costs when many ask at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, delete, event, select, update

from canvas_sync_core.store.database import downgrade
from canvas_sync_core.store.model import metrics_table
from canvas_sync_core.store.query_results import Summary
from canvas_sync_core.store.rollups.periods import RollupsBehindError
from canvas_sync_core.store.rollups.reading import Rollups
from canvas_sync_core.store.rollups.tables import changes_table, days_table, mark_day, rollups_table
from canvas_sync_core.store.rollups.writing import roll_up
from canvas_sync_core.store.rows import write_runs
from canvas_sync_core.store.run_deletion import delete_runs
from support.runs import snapshot

_CLIENTS = 8
_DAYS = 5


@pytest.fixture
def engine(emptied_engine: Engine) -> Engine:
    return emptied_engine


@contextmanager
def _reads_of_rollups(engine: Engine) -> Iterator[list[str]]:
    """Collect the statements that read rollups."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if f"FROM {rollups_table.name}" in statement:
            found.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield found
    event.remove(engine, "before_cursor_execute", note)


def test_a_run_that_is_moved_out_of_the_time_before_it_is_rolled_up_does_not_count(
    engine: Engine,
) -> None:
    since = datetime(2025, 12, 22, 12, tzinfo=UTC)
    write_runs(engine, [snapshot("moved", start_time=(since + timedelta(hours=1)).timestamp())])
    with engine.begin() as connection:
        earlier = {"sync_start_time": since - timedelta(minutes=20)}
        connection.execute(update(metrics_table).values(earlier))
    assert Rollups(engine).summary(since).runs.total == 0


def test_years_without_runs_are_not_read(engine: Engine) -> None:
    now = datetime.now(UTC)
    write_runs(engine, [snapshot("run", start_time=(now - timedelta(minutes=30)).timestamp())])
    while roll_up(engine, 60):
        pass
    with _reads_of_rollups(engine) as reads:
        answer = Rollups(engine).performance(now - timedelta(days=3660), ZoneInfo("Asia/Tokyo"))
    assert answer.duration.count == 1
    assert len(reads) < 20


def test_clients_that_ask_at_once_after_a_start_share_what_is_read(engine: Engine) -> None:
    now = datetime.now(UTC)
    for day in range(_DAYS):
        start = (now - timedelta(days=day, minutes=30)).timestamp()
        write_runs(engine, [snapshot(f"run-{day}", start_time=start)])
    while roll_up(engine, 60):
        pass
    since = now - timedelta(days=_DAYS)
    with _reads_of_rollups(engine) as of_one:
        expected = Rollups(engine).summary(since)

    rollups, begin = Rollups(engine), Barrier(_CLIENTS)

    def ask() -> Summary:
        begin.wait(600)
        return rollups.summary(since)

    with _reads_of_rollups(engine) as of_all, ThreadPoolExecutor(_CLIENTS) as clients:
        answers = [client.result() for client in [clients.submit(ask) for _ in range(_CLIENTS)]]
    assert answers == [expected] * _CLIENTS
    assert len(of_all) == len(of_one) >= _DAYS


def test_a_database_that_was_recreated_is_not_taken_for_the_one_before(engine: Engine) -> None:
    """As far as rollups go, to empty all four tables is the same."""
    now = datetime.now(UTC)
    since, start = now - timedelta(days=_DAYS), (now - timedelta(days=2)).timestamp()
    rollups = Rollups(engine)
    for runs in (1, 2):
        with engine.begin() as connection:
            for table in (metrics_table, rollups_table, changes_table, days_table):
                connection.execute(delete(table))
        write_runs(engine, [snapshot(f"run-{n}", start_time=start) for n in range(runs)])
        while roll_up(engine, 60):
            pass
        assert rollups.summary(since).runs.total == runs


def test_a_generation_grows_even_while_the_clock_stands_or_goes_back(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    generation = select(days_table.c.generation)
    found = []
    for seconds in (1_000, 1_000, 999, 2_000):
        monkeypatch.setattr(time, "time_ns", lambda at=seconds: at * 10**9)
        with engine.begin() as connection:
            mark_day(connection, datetime(2025, 12, 22, tzinfo=UTC))
            found.append(connection.scalar(generation))
    assert found == [1_000_000, 1_000_001, 1_000_002, 2_000_000]


@pytest.mark.parametrize(
    "ask",
    [
        lambda rollups, since: rollups.summary(since),
        lambda rollups, since: rollups.performance(since),
        lambda rollups, since: rollups.freshness(since, since),
    ],
    ids=["summary", "performance", "freshness"],
)
def test_reading_the_rows_instead_takes_one_connection_at_a_time(
    own_engine: Engine, ask: Callable[[Rollups, datetime], object]
) -> None:
    downgrade(own_engine, "0002")
    taken: list[int] = []
    out: set[int] = set()

    def take(connection: Any, *_: Any) -> None:
        out.add(id(connection))
        taken.append(len(out))

    event.listen(own_engine, "checkout", take)
    event.listen(own_engine, "checkin", lambda connection, _: out.discard(id(connection)))
    ask(Rollups(own_engine), datetime.now(UTC))
    assert len(taken) > 1
    assert set(taken) == {1}


def test_buckets_with_many_changed_rows_are_not_added_up_for_an_answer(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the end of a first roll-up, the last two days would take longer than an answer may."""
    now = datetime.now(UTC)
    since = now - timedelta(days=_DAYS)
    starts = [(now - timedelta(days=days)).timestamp() for days in (1, 2, 3)]
    write_runs(engine, [snapshot(f"run-{n}", start_time=start) for n, start in enumerate(starts)])
    while roll_up(engine, 60):
        pass
    with engine.begin() as connection:
        connection.execute(update(metrics_table).values(sync_status="failed"))
    assert Rollups(engine).summary(since).runs.by_status["failed"] == 3
    monkeypatch.setattr("canvas_sync_core.store.rollups.reading._MOST_CHANGED_ROWS", 2)
    assert Rollups(engine).summary(since).runs.by_status["failed"] == 3, "few rows by the database"
    monkeypatch.setattr("canvas_sync_core.store.rollups.reading._MOST_ROWS", 2)
    with pytest.raises(RollupsBehindError, match=" 3 15-minute buckets are left"):
        Rollups(engine).summary(since)
    while roll_up(engine, 60):
        pass
    assert Rollups(engine).summary(since).runs.by_status["failed"] == 3


def test_days_with_deleted_runs_are_always_read_from_the_rollups(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many quarters have changed since: the rows know no more of them."""
    now = datetime.now(UTC)
    since = now - timedelta(days=_DAYS)
    starts = [(now - timedelta(days=days)).timestamp() for days in (1, 3, 4)]
    write_runs(engine, [snapshot(f"run-{n}", start_time=start) for n, start in enumerate(starts)])
    while roll_up(engine, 60):
        pass
    assert delete_runs(engine, now - timedelta(days=2)) == 2
    monkeypatch.setattr("canvas_sync_core.store.rollups.state._MOST_CHANGED", 0)
    write_runs(engine, [snapshot("new", start_time=(now - timedelta(hours=1)).timestamp())])
    with engine.begin() as connection:
        of_run = metrics_table.c.sync_task_id == "run-0"
        connection.execute(update(metrics_table).where(of_run).values(sync_status="failed"))
    assert Rollups(engine).summary(since).runs.total == 4
