"""Writing runs: any replay, in any order, ends in the same row."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from sqlalchemy import Engine, select
from sqlalchemy.exc import OperationalError, ProgrammingError

from canvas_sync_core.events import ErrorInfo, RunSnapshot
from canvas_sync_core.names import RunStatus
from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.model import metrics_table
from canvas_sync_core.store.queries import mark_interrupted, recent_runs, run_by_task
from canvas_sync_core.store.rows import newest_of_each, write_runs
from canvas_sync_core.store.runs import RunRow, StoredCounts
from support.runs import failed, running, snapshot

_START = 1_766_398_530.25


@pytest.fixture
def engine(emptied_engine: Engine) -> Engine:
    return emptied_engine


def _row(engine: Engine, task_id: str = "a") -> RunRow:
    run = run_by_task(engine, task_id)
    assert run is not None
    return run


def _beat(seconds: float, **changes: Any) -> RunSnapshot:
    return running("a", start_time=_START, heartbeat=_START + seconds, **changes)


def _end(seconds: float = 60.0, **changes: Any) -> RunSnapshot:
    return snapshot("a", start_time=_START, heartbeat=_START + seconds, **changes)


def test_every_field_of_a_run_reaches_its_row(engine: Engine) -> None:
    written = failed(
        "a",
        start_time=_START,
        course_id=7,
        step="grades",
        request_context_id="b5ac-11",
        api_truncated=2,
        api_wait_seconds=1.5,
        api_items=26,
        api_bytes=3911,
        telemetry_fault="log: /var/log/canvas_sync: Permission denied",
        clock_skew=-61.5,
    )
    write_runs(engine, [written])
    run = _row(engine)
    assert run.sync_status == RunStatus.FAILED
    assert (run.error_type, run.error_message) == ("TimeoutError", "Canvas did not answer")
    assert run.items == {
        f"{item}s": StoredCounts(counts.processed, counts.created, counts.updated, counts.failed)
        for item, counts in written.items.items()
    }
    assert run.sync_metadata == {"term": "autumn"}
    assert run.sync_start_time.timestamp() == _START
    assert run.sync_end_time is not None
    assert run.sync_end_time.timestamp() == written.end_time
    same_name = set(RunRow.__struct_fields__) & set(RunSnapshot.__struct_fields__)
    same_name -= {"items", "heartbeat"}
    assert len(same_name) == 25
    assert {name: getattr(run, name) for name in same_name} == {
        name: getattr(written, name) for name in same_name
    }


def test_replays_duplicate_nothing(engine: Engine) -> None:
    for _ in range(3):
        write_runs(engine, [_beat(0), _beat(10), _end(), snapshot("b", start_time=_START)])
    assert len(recent_runs(engine, 10).items) == 2
    assert _row(engine).sync_status == RunStatus.SUCCESS


def test_a_late_heartbeat_does_not_undo_the_end(engine: Engine) -> None:
    write_runs(engine, [_end()])
    write_runs(engine, [_beat(70)])
    assert _row(engine).sync_status == RunStatus.SUCCESS


def test_a_late_older_heartbeat_does_not_undo_a_newer_one(engine: Engine) -> None:
    write_runs(engine, [_beat(20, progress=50.0)])
    write_runs(engine, [_beat(10, progress=20.0)])
    assert _row(engine).progress == 50.0


def test_a_live_heartbeat_turns_interrupted_back_to_running(engine: Engine) -> None:
    write_runs(engine, [_beat(10)])
    (closed,) = mark_interrupted(engine, _moment_after(engine))
    assert closed.error_type == "Interrupted"
    write_runs(engine, [_beat(20)])
    run = _row(engine)
    assert (run.sync_status, run.sync_end_time, run.error_type) == (RunStatus.RUNNING, None, None)


def test_a_replay_of_the_last_heartbeat_leaves_interrupted_alone(engine: Engine) -> None:
    write_runs(engine, [_beat(10)])
    mark_interrupted(engine, _moment_after(engine))
    write_runs(engine, [_beat(10)])
    assert _row(engine).sync_status == RunStatus.INTERRUPTED


def test_the_end_reported_by_the_process_wins_over_interrupted(engine: Engine) -> None:
    write_runs(engine, [_beat(10)])
    mark_interrupted(engine, _moment_after(engine))
    write_runs(engine, [_end(5)])
    assert _row(engine).sync_status == RunStatus.SUCCESS


def test_rows_are_numbered_in_the_order_in_which_runs_began(engine: Engine) -> None:
    batch = [running(name, start_time=_START) for name in "cab"]
    write_runs(engine, [*batch, snapshot("c", start_time=_START)])
    with engine.connect() as connection:
        names = connection.scalars(
            select(metrics_table.c.sync_task_id).order_by(metrics_table.c.id)
        ).all()
    assert names == ["c", "a", "b"]


@pytest.mark.parametrize(
    "changes",
    [{"user_id": 2**63}, {"pid": -(2**70)}, {"start_time": 1e18}, {"heartbeat": math.inf}],
    ids=["user_id", "pid", "start_time", "heartbeat"],
)
def test_a_value_that_cannot_be_stored_costs_only_its_own_row(
    engine: Engine, changes: dict[str, Any]
) -> None:
    impossible = snapshot("bad", **changes)
    assert write_runs(engine, [snapshot("a"), impossible, snapshot("b")]) == [impossible]
    assert {run.sync_task_id for run in recent_runs(engine, 10).items} == {"a", "b"}


def test_any_text_can_be_stored(engine: Engine) -> None:
    error = ErrorInfo("E\0rror", "a\0b 'quoted' \u2028 \U0001f600 %s :name")
    changes: dict[str, Any] = {"error": error, "step": "s" * 10_000, "metadata": {"\0": ["\0"]}}
    assert write_runs(engine, [snapshot("a\0", **changes)]) == []
    run = _row(engine, "a\ufffd")
    assert run.error_message == "a\ufffdb 'quoted' \u2028 \U0001f600 %s :name"
    assert run.sync_metadata == {"\0": ["\0"]}


def test_a_missing_table_is_an_error_but_not_a_rejection(empty_database_url: str) -> None:
    engine = open_engine(empty_database_url)
    with pytest.raises((OperationalError, ProgrammingError)):
        write_runs(engine, [snapshot("a")])
    engine.dispose()


_SNAPSHOTS = st.builds(
    lambda beat, status: structs.replace(_end(beat), status=status),
    st.integers(0, 5),
    st.sampled_from([RunStatus.RUNNING, RunStatus.SUCCESS, RunStatus.FAILED]),
)


@settings(max_examples=25)
@given(data=st.data())
def test_the_newest_snapshot_stays_in_whatever_order_they_arrive(
    memory_engine: Engine, data: st.DataObject
) -> None:
    """One by one, in any order and split into any batches, the row is that of one batch."""
    distinct = st.lists(_SNAPSHOTS, min_size=1, max_size=8, unique_by=_age)
    arrivals = data.draw(distinct)
    (expected,) = newest_of_each(arrivals)
    with memory_engine.begin() as connection:
        connection.execute(metrics_table.delete())
    while arrivals:
        size = data.draw(st.integers(1, len(arrivals)))
        write_runs(memory_engine, arrivals[:size])
        arrivals = arrivals[size:]
    run = _row(memory_engine)
    assert (run.sync_start_time.timestamp(), run.sync_status) == (
        expected.start_time,
        expected.status,
    )
    assert run.heartbeat.timestamp() == expected.heartbeat


def _age(each: RunSnapshot) -> tuple[float, bool, float]:
    return each.start_time, each.status is RunStatus.RUNNING, each.heartbeat


def _moment_after(engine: Engine) -> datetime:
    return _row(engine).heartbeat + timedelta(seconds=1)
