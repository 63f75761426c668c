"""What the rollups contain, and which changes they do not contain yet."""

from __future__ import annotations

from collections.abc import Set
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from canvas_sync_core.store.rollups.buckets import DAY, FIFTEEN_MINUTES, HOUR
from canvas_sync_core.store.rollups.state import RollupState, newest_generation, read_state
from canvas_sync_core.store.rollups.writing import roll_up
from support.runs import running, snapshot, write

_MONDAY = datetime(2025, 12, 22, tzinfo=UTC)


@pytest.fixture
def engine(emptied_engine: Engine) -> Engine:
    return emptied_engine


def _state(changed: Set[datetime], changes: int) -> RollupState:
    return RollupState({}, changed, changes, has_new_runs=False, utc_days=set())


@pytest.mark.parametrize(
    ("buckets", "changes", "expected"),
    [(192, 20_000, False), (193, 193, True), (0, 20_001, True)],
)
def test_more_than_two_days_or_20000_changes_are_left_to_the_database_to_add_up(
    buckets: int, changes: int, expected: bool
) -> None:
    changed = {_MONDAY + number * FIFTEEN_MINUTES for number in range(buckets)}
    assert _state(changed, changes).is_far_behind is expected


def test_new_runs_and_changed_buckets_are_known_until_they_are_rolled_up(engine: Engine) -> None:
    starts = (_MONDAY - timedelta(seconds=1), _MONDAY, _MONDAY + DAY + HOUR)
    write(engine, *(snapshot(f"{n}", start_time=t.timestamp()) for n, t in enumerate(starts)))
    write(engine, running("on the way", start_time=_MONDAY.timestamp()))
    with engine.connect() as connection:
        state = read_state(connection, _MONDAY)
    assert (state.generations, state.changed_buckets, state.change_count) == ({}, set(), 2)
    assert state.has_new_runs
    assert state.utc_days == {_MONDAY, _MONDAY + DAY}

    while roll_up(engine, 60):
        pass
    with engine.begin() as connection:
        correct = "UPDATE canvas_sync_metrics SET api_calls = 7 WHERE sync_task_id = '2'"
        connection.execute(text(correct))
    with engine.connect() as connection:
        state = read_state(connection, _MONDAY + HOUR)
    assert set(state.generations) == {_MONDAY, _MONDAY + DAY}, "of the whole first day too"
    assert state.changed_buckets == {_MONDAY + DAY + HOUR}
    assert not state.has_new_runs
    assert state.utc_days == {_MONDAY, _MONDAY + DAY}


def test_the_newest_generation_grows_when_a_run_is_rolled_up(engine: Engine) -> None:
    assert newest_generation(engine) is None
    found: list[int] = []
    for name, days in (("a", 1), ("b", 0), ("c", 1)):
        write(engine, snapshot(name, start_time=(_MONDAY + days * DAY).timestamp()))
        while roll_up(engine, 60):
            pass
        found.append(newest_generation(engine) or 0)
    assert 0 < found[0] < found[1] < found[2]
