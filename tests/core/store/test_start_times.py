"""When runs have started, on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from canvas_sync_core.store.start_times import KNOWN_DAYS, StartTimes
from canvas_sync_core.store.sync_types import known_sync_types
from support.runs import snapshot, write

NOW = datetime(2026, 6, 3, 12, tzinfo=UTC)


@pytest.fixture
def engine(emptied_engine: Engine) -> Engine:
    return emptied_engine


def _run(engine: Engine, name: str, start: datetime, sync_type: str = "full") -> None:
    write(engine, snapshot(name, start_time=start.timestamp(), sync_type=sync_type))


def test_each_sync_type_has_its_starts_oldest_first(engine: Engine) -> None:
    starts = [NOW - timedelta(days=1), NOW - timedelta(hours=2)]
    for number, start in enumerate(reversed(starts)):
        _run(engine, f"full-{number}", start)
    _run(engine, "grades", starts[0], "grades")

    assert StartTimes(engine).read(NOW) == {"full": tuple(starts), "grades": (starts[0],)}


def test_only_the_first_of_several_starts_in_one_minute_is_kept(engine: Engine) -> None:
    for second in (40, 2, 59):
        _run(engine, f"run-{second}", NOW - timedelta(hours=1) + timedelta(seconds=second))

    starts = StartTimes(engine).read(NOW)["full"]

    assert starts == (NOW - timedelta(hours=1) + timedelta(seconds=2),)


def test_what_has_started_since_is_added(engine: Engine) -> None:
    times = StartTimes(engine)
    first, second = NOW - timedelta(seconds=70), NOW - timedelta(seconds=10)
    _run(engine, "first", first)
    times.read(NOW)
    _run(engine, "second", second)

    later = NOW + timedelta(seconds=15)

    assert times.read(later) == {"full": (first, second)}
    assert times.read(later) == {"full": (first, second)}


def test_rows_that_come_late_are_added_within_the_hour(engine: Engine) -> None:
    times = StartTimes(engine)
    times.read(NOW)
    _run(engine, "late", NOW - timedelta(hours=30))

    assert times.read(NOW + timedelta(minutes=5)) == {}
    assert times.read(NOW + timedelta(minutes=70)) == {"full": (NOW - timedelta(hours=30),)}


def test_old_starts_are_neither_read_nor_kept(engine: Engine) -> None:
    old = NOW - timedelta(days=KNOWN_DAYS)
    _run(engine, "older", old - timedelta(days=1))
    _run(engine, "old", old + timedelta(hours=1))
    times = StartTimes(engine)

    assert times.read(NOW) == {"full": (old + timedelta(hours=1),)}
    assert times.read(NOW + timedelta(days=1)) == {}


def test_a_start_in_the_future_is_left_out_until_then(engine: Engine) -> None:
    _run(engine, "wrong clock", NOW + timedelta(minutes=30))
    times = StartTimes(engine)

    assert times.read(NOW) == {}
    assert times.read(NOW + timedelta(minutes=31)) == {"full": (NOW + timedelta(minutes=30),)}


def test_the_sync_types_that_have_run_are_known(engine: Engine) -> None:
    _run(engine, "full", NOW)
    _run(engine, "grades", NOW - timedelta(hours=3), "grades")

    assert known_sync_types(engine) == {"full", "grades"}
