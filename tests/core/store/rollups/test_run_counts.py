"""Counts from the rollups are those of the rows in the table."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, select, update

from canvas_sync_core.events import ErrorInfo
from canvas_sync_core.names import RunStatus
from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.model import metrics_table
from canvas_sync_core.store.rollups.run_counts import RunKind, count_runs
from canvas_sync_core.store.rollups.tables import rollups_table
from canvas_sync_core.store.rollups.writing import roll_up
from canvas_sync_core.store.run_pages import in_period
from support.plans import assert_bounded, explained, preferring_indexes
from support.runs import failed, running, snapshot, write
from support.tables import create_tables

_NOON = datetime(2025, 12, 22, 12, tzinfo=UTC)
_MINUTES = st.integers(-40, 40)
_RUNS = st.tuples(
    _MINUTES,
    st.sampled_from(["success", "failed", "partial", "running"]),
    st.sampled_from(["full", "grades"]),
    st.sampled_from(["TimeoutError", "http_502"]),
)


def _at(minutes: float) -> datetime:
    return _NOON + timedelta(minutes=minutes)


def _write(engine: Engine, runs: list[tuple[int, str, str, str]], first: int = 0) -> None:
    made = []
    for number, (minutes, status, sync_type, error) in enumerate(runs, start=first):
        is_bad = status in ("failed", "partial")
        changes: dict[str, Any] = {
            "start_time": _at(minutes).timestamp(),
            "sync_type": sync_type,
            "status": RunStatus(status),
            "error": ErrorInfo(error, "It failed") if is_bad else None,
        }
        make = running if status == "running" else snapshot
        if status == "running":
            del changes["status"], changes["error"]
        made.append(make(f"run-{number}", **changes))
    write(engine, *made)


def _rows(engine: Engine, since: datetime | None, until: datetime | None) -> Counter[RunKind]:
    columns = metrics_table.c
    kind = (columns.sync_status, columns.sync_type, columns.error_type)
    with engine.connect() as connection:
        rows = connection.execute(select(*kind).where(in_period(since, until)))
        return Counter(RunKind(*row) for row in rows)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(_RUNS, max_size=8),
    st.lists(_RUNS, max_size=4),
    st.sets(st.integers(0, 7), max_size=3),
    st.tuples(st.none() | _MINUTES, st.none() | _MINUTES),
)
def test_counts_equal_those_of_the_rows_even_of_changed_deleted_and_new_ones(
    emptied_engine: Engine,
    old: list[tuple[int, str, str, str]],
    new: list[tuple[int, str, str, str]],
    deleted: set[int],
    period: tuple[int | None, int | None],
) -> None:
    engine = emptied_engine
    with engine.begin() as connection:
        connection.execute(delete(metrics_table))
    _write(engine, old)
    roll_up(engine, 60)
    names = [f"run-{number}" for number in deleted]
    with engine.begin() as connection:
        connection.execute(delete(metrics_table).where(metrics_table.c.sync_task_id.in_(names)))
    _write(engine, new, first=len(old))
    bounds = [None if each is None else _at(each) for each in period]
    found = count_runs(engine, *bounds)
    assert found is not None
    assert +found == _rows(engine, *bounds)


def test_rollups_that_do_not_know_their_errors_are_not_used(engine: Engine) -> None:
    write(engine, failed("a", start_time=_NOON.timestamp()))
    roll_up(engine, 60)
    assert count_runs(engine, None, None) == {RunKind("failed", "full", "TimeoutError"): 1}
    with engine.begin() as connection:
        connection.execute(update(rollups_table).values(errors=None))
    assert count_runs(engine, None, None) is None


def test_an_empty_table_has_no_counts(engine: Engine) -> None:
    assert count_runs(engine, None, None) == {}
    assert count_runs(engine, _NOON, _NOON) == {}


def test_the_rows_inside_the_period_are_not_read(empty_database_url: str) -> None:
    engine = open_engine(preferring_indexes(empty_database_url))
    create_tables(engine)
    write(engine, *(snapshot(f"run-{n}", start_time=_at(-n).timestamp()) for n in range(500)))
    roll_up(engine, 60)
    plans = explained(engine, lambda engine: count_runs(engine, _at(-400.5), _at(-0.5)))
    assert_bounded(plans)
    engine.dispose()
