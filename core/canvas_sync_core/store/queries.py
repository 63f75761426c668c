"""The REST API's queries.

Each query takes an engine and returns frozen dataclasses. Times are aware datetimes in UTC,
durations are seconds. ``since`` selects runs by their start. Numbers of runs and users have at most
63 bits. Each query uses an index of the table, which a test checks.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache
from typing import Any, Final, Self

from msgspec.structs import replace
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    Row,
    RowMapping,
    Select,
    String,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    select,
    update,
)

from canvas_sync_core.names import RunStatus
from canvas_sync_core.store.rollups.aggregates import CALL_COLUMNS, ENDED, MEASURES, SUMMED
from canvas_sync_core.store.rollups.buckets import offsets, whole_buckets

from .database import connect_for_long_read, connect_to_read
from .model import metrics_table
from .query_results import (
    DayPerformance,
    Performance,
    RunCounts,
    Summary,
    Totals,
    UserSummary,
)
from .run_filter import RunFilter
from .run_pages import SINCE, UNTIL, RunList, RunPage, in_period
from .runs import RunRow, item_counts, to_run
from .statistics import (
    NO_VALUES,
    Statistics,
    read_statistics,
    statistics_query,
    sum_of,
)
from .stored_values import limit_count

__all__ = [
    "failed_runs",
    "mark_interrupted",
    "performance",
    "recent_runs",
    "run_by_id",
    "run_by_task",
    "run_counts",
    "running_runs",
    "summary",
    "suspect_runs",
    "totals",
    "user_runs",
    "user_summary",
]

_FAILURES: Final = (RunStatus.FAILED, RunStatus.PARTIAL, RunStatus.INTERRUPTED)
_SECOND: Final = timedelta(seconds=1)
_OFFSETS_KNOWN: Final = timedelta(days=366)
"""How far into the future clock changes are considered: runs in the future are mistakes."""
_DATE: Final = re.compile(r"[0-9]{4}-[01][0-9]-[0-3][0-9]")
_columns = metrics_table.c
_OF_USER: Final = _columns.user_id == bindparam("user_id", type_=BigInteger())
_BY_ID: Final = select(metrics_table).where(_columns.id == bindparam("run_id"))
_BY_TASK: Final = select(metrics_table).where(_columns.sync_task_id == bindparam("task_id"))
_all_runs: Final = RunList()
_runs_of_user: Final = RunList(_OF_USER)
# The index returns the newest runs of one status in order; several would have to be sorted.
_failures: Final = RunList(*(and_(_columns.sync_status == each.value, SINCE) for each in _FAILURES))
_suspects: Final = RunList(and_(_columns.suspect.is_(True), SINCE))


def run_by_id(engine: Engine, run_id: int) -> RunRow | None:
    """Find a run by its number."""
    return _one(engine, _BY_ID, {"run_id": run_id})


def run_by_task(engine: Engine, task_id: str) -> RunRow | None:
    """Find a run by its task id."""
    if "\0" in task_id:  # PostgreSQL refuses to compare such a text, and no row contains one
        return None
    return _one(engine, _BY_TASK, {"task_id": task_id})


def recent_runs(
    engine: Engine,
    limit: int,
    cursor: str | None = None,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> RunPage:
    """List the newest runs; raises BadCursor."""
    wanted = RunFilter(since=since, until=until)
    runs = _all_runs if wanted == RunFilter() else RunList(*wanted.indexed())
    return _page(engine, runs, limit, cursor)


def user_runs(
    engine: Engine,
    user_id: int,
    limit: int,
    cursor: str | None = None,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> RunPage:
    """List the newest runs of a user; raises BadCursor."""
    wanted = RunFilter(user_id=user_id, since=since, until=until)
    runs = _runs_of_user if since is until is None else RunList(*wanted.indexed())
    return _page(engine, runs, limit, cursor, user_id=user_id)


def failed_runs(
    engine: Engine,
    since: datetime,
    limit: int,
    cursor: str | None = None,
    *,
    until: datetime | None = None,
) -> RunPage:
    """List the failed, partial and interrupted runs; raises BadCursor."""
    wanted = RunFilter(statuses=_FAILURES, since=since, until=until)
    runs = _failures if until is None else RunList(*wanted.indexed())
    return _page(engine, runs, limit, cursor, since=since)


def suspect_runs(
    engine: Engine,
    since: datetime,
    limit: int,
    cursor: str | None = None,
    *,
    until: datetime | None = None,
) -> RunPage:
    """List the suspect runs; raises BadCursor."""
    wanted = RunFilter(is_suspect=True, since=since, until=until)
    runs = _suspects if until is None else RunList(*wanted.indexed())
    return _page(engine, runs, limit, cursor, since=since)


def _page(
    engine: Engine, runs: RunList, limit: int, cursor: str | None, **values: object
) -> RunPage:
    with connect_to_read(engine) as connection:
        return runs.page(connection, limit, cursor, **values)


def running_runs(engine: Engine) -> list[RunRow]:
    """List the runs that have not ended, oldest first."""
    statement = (
        select(metrics_table)
        .where(_columns.sync_status == RunStatus.RUNNING.value)
        .order_by(_columns.sync_start_time)
    )
    with connect_to_read(engine) as connection:
        return list(map(to_run, connection.execute(statement)))


def summary(engine: Engine, since: datetime, until: datetime | None = None) -> Summary:
    """Sum up all runs of a period, which is extended to whole 15-minute buckets.

    Args:
        engine: The database with the table.
        since: Start of the period.
        until: End of the period, exclusive; None for no end.
    """
    since, until = whole_buckets(since, until)
    prepared = _SummaryQueries.for_all_runs(has_end=until is not None)
    values = {"since": since, "until": until}
    with connect_for_long_read(engine) as connection:
        by_sync_type, sums = _count_and_sum(connection, prepared.groups, values)
        return Summary(
            since=since,
            until=until,
            runs=run_counts(sum(by_sync_type.values(), Counter())),
            by_sync_type={name: run_counts(found) for name, found in by_sync_type.items()},
            duration=_one_statistics(connection.execute(prepared.durations, values)),
            totals=totals(sums),
        )


def user_summary(
    engine: Engine, user_id: int, since: datetime, until: datetime | None = None
) -> UserSummary:
    """Sum up a user's runs of a period.

    Args:
        engine: The database with the table.
        user_id: The user.
        since: Start of the period.
        until: End of the period, exclusive; None for no end.
    """
    prepared = _SummaryQueries.for_user_runs(has_end=until is not None)
    values = {"user_id": user_id, "since": since, "until": until}
    with connect_to_read(engine) as connection:
        last = connection.execute(_last_run(), {"user_id": user_id}).first()
        by_sync_type, sums = _count_and_sum(connection, prepared.groups, values)
        return UserSummary(
            user_id=user_id,
            since=since,
            until=until,
            runs=run_counts(sum(by_sync_type.values(), Counter())),
            duration=_one_statistics(connection.execute(prepared.durations, values)),
            totals=totals(sums),
            last_run=None if last is None else to_run(last),
            last_success=None if last is None else last.last_success,
        )


def performance(
    engine: Engine, since: datetime, zone: tzinfo = UTC, until: datetime | None = None
) -> Performance:
    """Compute the performance of the ended runs of a period of whole 15-minute buckets.

    Args:
        engine: The database with the table.
        since: Start of the period.
        zone: Time zone of the trend's days.
        until: End of the period, exclusive; None for no end.
    """
    since, until = whole_buckets(since, until)
    ended = and_(in_period(since, until), ENDED)
    with connect_for_long_read(engine) as connection:
        day = _local_day(connection, since, zone)
        whole = {
            name: _one_statistics(connection.execute(statistics_query(value, ended)))
            for name, value in MEASURES.items()
        }
        by_day = {
            name: read_statistics(connection.execute(statistics_query(value, ended, by=day)))
            for name, value in MEASURES.items()
        }
    days = set().union(*by_day.values())
    trend = [
        DayPerformance(
            date.fromisoformat(each),
            **{name: found.get(each, NO_VALUES) for name, found in by_day.items()},
        )
        for each in sorted(filter(_is_date, days))
    ]
    return Performance(since=since, until=until, **whole, trend=trend)


def mark_interrupted(engine: Engine, before: datetime) -> list[RunRow]:
    """Close running runs whose heartbeat stopped before a given time: their process is dead.

    A run ends at its last heartbeat. If several exporters do this concurrently, each run is closed,
    and returned, by only one of them.
    """
    found = [run for run in running_runs(engine) if run.heartbeat < before]
    return [closed for run in found if (closed := _interrupt(engine, run)) is not None]


def _interrupt(engine: Engine, run: RunRow) -> RunRow | None:
    changes: dict[str, Any] = {
        "sync_status": RunStatus.INTERRUPTED.value,
        "sync_end_time": run.heartbeat,
        "duration": max(0.0, (run.heartbeat - run.sync_start_time).total_seconds()),
        "error_type": "Interrupted",
        "error_message": f"Process {run.pid} on {run.host} ended without ending the run.",
        "error_traceback": None,
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


def run_counts(by_status: Mapping[str, int]) -> RunCounts:
    """Summarise runs from their counts by status."""
    total = sum(by_status.values())
    ended = total - by_status.get(RunStatus.RUNNING, 0)
    return RunCounts(
        total=total,
        by_status={status.value: by_status.get(status, 0) for status in RunStatus},
        success_rate=by_status.get(RunStatus.SUCCESS, 0) / ended if ended else None,
    )


def totals(sums: Mapping[str, Any] | RowMapping) -> Totals:
    """Build totals from sums of columns; None counts as 0."""
    calls = {name: limit_count(sums[name]) for name in CALL_COLUMNS}
    return Totals(items=item_counts(sums), **calls)


def _one(engine: Engine, statement: Select[Any], values: Mapping[str, Any]) -> RunRow | None:
    with connect_to_read(engine) as connection:
        row = connection.execute(statement, values).first()
    return None if row is None else to_run(row)


@dataclass(frozen=True, slots=True)
class _SummaryQueries:
    """The queries for a summary; prepared once, as building one takes as long as running it."""

    groups: Select[Any]
    durations: Select[Any]

    @classmethod
    def for_runs(cls, condition: ColumnElement[bool]) -> Self:
        kind, status = _columns.sync_type, _columns.sync_status
        sums = (sum_of(_columns[name]) for name in SUMMED)
        groups = select(kind, status, func.count(), *sums).group_by(kind, status)
        return cls(
            groups=groups.where(condition).order_by(kind, status),
            durations=statistics_query(_columns.duration, condition, ENDED),
        )

    @classmethod
    @cache
    def for_all_runs(cls, *, has_end: bool) -> Self:
        return cls.for_runs(and_(SINCE, UNTIL) if has_end else SINCE)

    @classmethod
    @cache
    def for_user_runs(cls, *, has_end: bool) -> Self:
        return cls.for_runs(and_(_OF_USER, SINCE, UNTIL) if has_end else and_(_OF_USER, SINCE))


@cache
def _last_run() -> Select[Any]:
    """The newest run of a user, and the start of the newest successful one."""
    start, status = _columns.sync_start_time, _columns.sync_status
    success = select(start).where(_OF_USER, status == RunStatus.SUCCESS.value).correlate(None)
    last_success = success.order_by(start.desc()).limit(1).scalar_subquery().label("last_success")
    newest_first = (start.desc(), _columns.id.desc())
    return select(metrics_table, last_success).where(_OF_USER).order_by(*newest_first).limit(1)


def _count_and_sum(
    connection: Connection, groups: Select[Any], values: Mapping[str, Any]
) -> tuple[dict[str, Counter[str]], Counter[str]]:
    """Count runs by type and status, and sum their columns in the same scan."""
    found: dict[str, Counter[str]] = {}
    sums: Counter[str] = Counter()
    for sync_type, status, count, *sums_of_group in connection.execute(groups, values):
        found.setdefault(sync_type, Counter())[status] = count
        sums.update(dict(zip(SUMMED, map(limit_count, sums_of_group), strict=True)))
    return found, sums


def _one_statistics(rows: Iterable[Row[Any]]) -> Statistics:
    return next(iter(read_statistics(rows).values()), NO_VALUES)


def _local_day(connection: Connection, since: datetime, zone: tzinfo) -> ColumnElement[str]:
    """The day, in a time zone, on which a run started, as ``2025-12-22``."""
    start = _columns.sync_start_time
    oldest = connection.scalar(select(func.min(start, type_=start.type)).where(start >= since))
    since = max(since, oldest or since)  # before the first run, clock changes do not matter
    known = offsets(since, datetime.now(UTC) + _OFFSETS_KNOWN, zone)
    ahead = [(start >= moment, offset // _SECOND) for moment, offset in reversed(known)]
    seconds = case(*ahead, else_=0)
    if connection.dialect.name == "sqlite":
        # Whole seconds, otherwise the last half millisecond of a day would be rounded up.
        whole = func.substr(start, 1, 19)
        return func.date(whole, cast(seconds, String).concat(" seconds"))
    moved = func.timezone("UTC", start) + seconds * literal_column("interval '1 second'")
    return func.to_char(moved, "YYYY-MM-DD")


def _is_date(day: str | None) -> bool:
    """Whether Python can represent a day; not if a run started at infinity."""
    return day is not None and _DATE.fullmatch(day) is not None
