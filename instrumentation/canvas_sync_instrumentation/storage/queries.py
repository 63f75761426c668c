"""What the REST API asks of the table.

Each query takes an engine and answers frozen dataclasses. Times are aware datetimes in UTC,
durations are seconds. ``since`` selects runs by their start. Numbers of runs and users have at most
63 bits. Each query is served by an index of the table; a test holds that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Engine, and_, delete, func, select, update

from canvas_sync_instrumentation.names import ITEMS, RunStatus

from .answers import DayPerformance, Performance, RunCounts, Summary, Totals, UserSummary
from .model import ITEM_COLUMN_ACTIONS, item_column, metrics_table
from .runs import Page, Run, item_counts, read_page, to_run
from .statistics import NO_VALUES, statistics, statistics_by

__all__ = [
    "delete_runs",
    "failed_runs",
    "mark_interrupted",
    "performance",
    "recent_runs",
    "run_by_id",
    "run_by_task",
    "running_runs",
    "summary",
    "user_runs",
    "user_summary",
]

_FAILURES: Final = (RunStatus.FAILED, RunStatus.PARTIAL, RunStatus.INTERRUPTED)
_CALL_COLUMNS: Final = (
    "api_calls",
    "api_failed",
    "api_throttled",
    "api_retried",
    "db_operations",
    "db_failed",
)
_DELETED_AT_ONCE: Final = 5_000
_columns = metrics_table.c


def run_by_id(engine: Engine, run_id: int) -> Run | None:
    """Find a run by its number."""
    return _one(engine, _columns.id == run_id)


def run_by_task(engine: Engine, task_id: str) -> Run | None:
    """Find a run by its task id."""
    if "\0" in task_id:  # PostgreSQL refuses to compare it; no row has one
        return None
    return _one(engine, _columns.sync_task_id == task_id)


def recent_runs(engine: Engine, limit: int, cursor: str | None = None) -> Page:
    """List the newest runs; raises BadCursor."""
    with engine.connect() as connection:
        return read_page(connection, limit, cursor)


def user_runs(engine: Engine, user_id: int, limit: int, cursor: str | None = None) -> Page:
    """List the newest runs of a user; raises BadCursor."""
    with engine.connect() as connection:
        return read_page(connection, limit, cursor, _columns.user_id == user_id)


def failed_runs(engine: Engine, since: datetime, limit: int, cursor: str | None = None) -> Page:
    """List the failed, partial and interrupted runs; raises BadCursor."""
    failed = _columns.sync_status.in_([status.value for status in _FAILURES])
    with engine.connect() as connection:
        return read_page(connection, limit, cursor, failed, _columns.sync_start_time >= since)


def running_runs(engine: Engine) -> list[Run]:
    """List the runs that have not ended, oldest first."""
    statement = (
        select(metrics_table)
        .where(_columns.sync_status == RunStatus.RUNNING.value)
        .order_by(_columns.sync_start_time)
    )
    with engine.connect() as connection:
        return [to_run(row) for row in connection.execute(statement).mappings()]


def summary(engine: Engine, since: datetime) -> Summary:
    """Sum up all runs since a moment."""
    recent = _columns.sync_start_time >= since
    with engine.connect() as connection:
        by_sync_type = _count_runs(connection, recent)
        return Summary(
            since=since,
            runs=_run_counts(sum(by_sync_type.values(), Counter())),
            by_sync_type={name: _run_counts(found) for name, found in by_sync_type.items()},
            duration=statistics(connection, _columns.duration, recent),
            totals=_totals(connection, recent),
        )


def user_summary(engine: Engine, user_id: int, since: datetime) -> UserSummary:
    """Sum up a user's runs since a moment."""
    of_user = _columns.user_id == user_id
    recent = and_(of_user, _columns.sync_start_time >= since)
    succeeded = and_(of_user, _columns.sync_status == RunStatus.SUCCESS.value)
    with engine.connect() as connection:
        last = read_page(connection, 1, None, of_user).items
        by_sync_type = _count_runs(connection, recent)
        return UserSummary(
            user_id=user_id,
            since=since,
            runs=_run_counts(sum(by_sync_type.values(), Counter())),
            duration=statistics(connection, _columns.duration, recent),
            totals=_totals(connection, recent),
            last_run=last[0] if last else None,
            last_success=connection.scalar(
                select(_columns.sync_start_time)
                .where(succeeded)
                .order_by(_columns.sync_start_time.desc())
                .limit(1)
            ),
        )


def performance(engine: Engine, since: datetime) -> Performance:
    """Compute how fast the ended runs since a moment were."""
    ended = and_(_columns.sync_start_time >= since, _columns.sync_status != RunStatus.RUNNING.value)
    measures: dict[str, ColumnElement[Any]] = {
        "duration": _columns.duration,
        "api_latency": _columns.api_seconds / func.nullif(_columns.api_calls, 0),
        "db_time": _columns.db_seconds,
    }
    with engine.connect() as connection:
        day = _utc_day(connection)
        totals = {name: statistics(connection, value, ended) for name, value in measures.items()}
        by_day = {
            name: statistics_by(connection, day, value, ended) for name, value in measures.items()
        }
    days = sorted(set().union(*by_day.values()))
    trend = [
        DayPerformance(
            date.fromisoformat(each),
            **{name: found.get(each, NO_VALUES) for name, found in by_day.items()},
        )
        for each in days
    ]
    return Performance(since=since, **totals, trend=trend)


def mark_interrupted(engine: Engine, before: datetime) -> list[Run]:
    """Close running runs whose heartbeat stopped before a moment: their process is gone.

    A run ends at its last heartbeat. When several exporters do this at once, each run is closed,
    and returned, by one of them.
    """
    found = [run for run in running_runs(engine) if run.heartbeat < before]
    return [closed for run in found if (closed := _interrupt(engine, run)) is not None]


def _interrupt(engine: Engine, run: Run) -> Run | None:
    changes: dict[str, Any] = {
        "sync_status": RunStatus.INTERRUPTED.value,
        "sync_end_time": run.heartbeat,
        "duration": max(0.0, (run.heartbeat - run.sync_start_time).total_seconds()),
        "error_type": "Interrupted",
        "error_message": f"Process {run.pid} on {run.host} ended without ending the run.",
    }
    unchanged = and_(
        _columns.id == run.id,
        _columns.sync_status == RunStatus.RUNNING.value,
        _columns.heartbeat == run.heartbeat,
    )
    with engine.begin() as connection:
        result = connection.execute(update(metrics_table).where(unchanged).values(changes))
    if result.rowcount != 1:
        return None
    return replace(run, **{**changes, "sync_status": RunStatus.INTERRUPTED})


def delete_runs(engine: Engine, before: datetime) -> int:
    """Delete the runs that began before a moment and have ended; tells how many there were.

    They go in portions, so that syncs come to write in between.
    """
    old = and_(_columns.sync_start_time < before, _columns.sync_status != RunStatus.RUNNING.value)
    portion = select(_columns.id).where(old).order_by(_columns.sync_start_time)
    some = delete(metrics_table).where(_columns.id.in_(portion.limit(_DELETED_AT_ONCE)))
    deleted, last = 0, _DELETED_AT_ONCE
    while last == _DELETED_AT_ONCE:
        with engine.begin() as connection:
            last = connection.execute(some).rowcount
        deleted += last
    return deleted


def _one(engine: Engine, condition: ColumnElement[bool]) -> Run | None:
    with engine.connect() as connection:
        row = connection.execute(select(metrics_table).where(condition)).mappings().first()
    return None if row is None else to_run(row)


def _count_runs(connection: Connection, condition: ColumnElement[bool]) -> dict[str, Counter[str]]:
    kind, status = _columns.sync_type, _columns.sync_status
    statement = select(kind, status, func.count()).where(condition).group_by(kind, status)
    found: dict[str, Counter[str]] = {}
    for sync_type, name, count in connection.execute(statement.order_by(kind, status)):
        found.setdefault(sync_type, Counter())[name] = count
    return found


def _run_counts(by_status: Mapping[str, int]) -> RunCounts:
    total = sum(by_status.values())
    ended = total - by_status.get(RunStatus.RUNNING, 0)
    return RunCounts(
        total=total,
        by_status={status.value: by_status.get(status, 0) for status in RunStatus},
        success_rate=by_status.get(RunStatus.SUCCESS, 0) / ended if ended else None,
    )


def _totals(connection: Connection, condition: ColumnElement[bool]) -> Totals:
    names = [item_column(item, action) for item in ITEMS for action in ITEM_COLUMN_ACTIONS]
    sums = [func.sum(_columns[name]).label(name) for name in (*names, *_CALL_COLUMNS)]
    row = connection.execute(select(*sums).where(condition)).mappings().one()
    return Totals(items=item_counts(row), **{name: int(row[name] or 0) for name in _CALL_COLUMNS})


def _utc_day(connection: Connection) -> ColumnElement[str]:
    """The UTC day on which a run began, as ``2025-12-22``."""
    if connection.dialect.name == "sqlite":
        return func.substr(_columns.sync_start_time, 1, 10)
    return func.to_char(func.timezone("UTC", _columns.sync_start_time), "YYYY-MM-DD")
