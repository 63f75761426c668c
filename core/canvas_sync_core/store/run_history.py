"""Compares a run with other runs of its kind: the same sync type, user and course."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Engine, and_, or_, select

from canvas_sync_core.names import ITEMS, RunStatus
from canvas_sync_core.schema.run_fields import item_column

from .database import connect_to_read
from .model import metrics_table
from .runs import RunRow, to_run

__all__ = ["RunHistory", "UsualRun", "run_history", "usual_durations"]

_HISTORY_RUNS: Final = 20
_ENOUGH_RUNS: Final = 3
_LOOK_BACK_ROWS: Final = 5_000
"""Limits the search among runs of other kinds, in case this kind is rare."""
_columns = metrics_table.c
_start, _number = _columns.sync_start_time, _columns.id
_MEASURES: Final = (
    *("duration", "api_calls", "api_failed", "api_throttled", "api_retried", "api_seconds"),
    *("api_wait_seconds", "api_items", "api_bytes", "db_operations", "db_failed", "db_seconds"),
)
_ITEM_COLUMNS: Final = {f"{item}s": item_column(item, "processed") for item in ITEMS}


@dataclass(frozen=True, slots=True)
class UsualRun:
    """Medians over the last successful runs of a kind; None where no run has a value.

    Attributes:
        runs: Number of these runs, at most 20.
        items: Median number of handled items, by item in the plural.
    """

    runs: int
    duration: float | None
    api_calls: float | None
    api_failed: float | None
    api_throttled: float | None
    api_retried: float | None
    api_seconds: float | None
    api_wait_seconds: float | None
    api_items: float | None
    api_bytes: float | None
    db_operations: float | None
    db_failed: float | None
    db_seconds: float | None
    items: dict[str, float | None]


@dataclass(frozen=True, slots=True)
class RunHistory:
    """A run's place among the runs of the same sync type, user and course.

    Attributes:
        usual: Medians over the last 20 successful ones before it.
        last_success: The last successful one before it; None if there is none.
        previous: The one before it.
        next: The one after it.
    """

    usual: UsualRun
    last_success: RunRow | None
    previous: RunRow | None
    next: RunRow | None


@dataclass(frozen=True, slots=True)
class UsualDuration:
    """How long a run of a kind usually takes.

    Attributes:
        seconds: The median; None if there were no such runs.
        runs: Number of runs behind it.
    """

    seconds: float | None
    runs: int


def run_history(engine: Engine, run: RunRow) -> RunHistory:
    """Return the runs of the same kind before and after a run.

    Raises:
        SQLAlchemyError: The database is unreachable.
    """
    success = _columns.sync_status == RunStatus.SUCCESS.value
    measured = [_columns[name] for name in (*_MEASURES, *_ITEM_COLUMNS.values())]
    with connect_to_read(engine) as connection:
        earlier, later = _earlier(run), _later(run)
        rows = _of_kind(connection, run, earlier, measured, success, limit=_HISTORY_RUNS)
        return RunHistory(
            usual=_usual([row[2:] for row in rows]),
            last_success=_run(connection, rows),
            previous=_run(connection, _of_kind(connection, run, earlier)),
            next=_run(connection, _of_kind(connection, run, later, is_later=True)),
        )


def usual_durations(connection: Connection, runs: Iterable[RunRow]) -> list[UsualDuration]:
    """Return how long each of some runs usually takes.

    If a user has had fewer than three successful runs of the kind, the runs of all users count.
    """
    by_type: dict[str, UsualDuration] = {}
    found = []
    for run in runs:
        usual = _usual_duration(connection, _same_kind(run), run)
        if usual.runs < _ENOUGH_RUNS:
            if run.sync_type not in by_type:
                of_type = (_columns.sync_type == run.sync_type,)
                by_type[run.sync_type] = _usual_duration(connection, of_type, run)
            usual = by_type[run.sync_type]
        found.append(usual)
    return found


def _usual_duration(
    connection: Connection, conditions: Sequence[ColumnElement[bool]], run: RunRow
) -> UsualDuration:
    success = _columns.sync_status == RunStatus.SUCCESS.value
    rows = _search(
        connection,
        (conditions[0], _earlier(run)),
        (*conditions[1:], success),
        [_columns.duration],
        limit=_HISTORY_RUNS,
    )
    durations = [duration for _, _, duration in rows if duration is not None]
    return UsualDuration(statistics.median(durations) if durations else None, len(durations))


def _of_kind(
    connection: Connection,
    run: RunRow,
    period: ColumnElement[bool],
    measured: Sequence[ColumnElement[Any]] = (),
    *conditions: ColumnElement[bool],
    limit: int = 1,
    is_later: bool = False,
) -> Sequence[Sequence[Any]]:
    """Return start, number and further columns of the runs of a kind that are nearest to a run."""
    indexed, *others = _same_kind(run)
    return _search(
        connection,
        (indexed, period),
        (*others, *conditions),
        measured,
        limit=limit,
        is_later=is_later,
    )


def _search(
    connection: Connection,
    indexed: Sequence[ColumnElement[bool]],
    remaining: Sequence[ColumnElement[bool]],
    measured: Sequence[ColumnElement[Any]],
    *,
    limit: int,
    is_later: bool = False,
) -> Sequence[Sequence[Any]]:
    """Search among the rows that an index selects, in bounded time."""
    order = (_start, _number) if is_later else (_start.desc(), _number.desc())
    nearest = select(_start, _number).where(*indexed).order_by(*order).limit(_LOOK_BACK_ROWS)
    keys = nearest.subquery()
    key_order = (keys.c[0], keys.c[1]) if is_later else (keys.c[0].desc(), keys.c[1].desc())
    statement = (
        select(keys.c[0], keys.c[1], *measured)
        .join_from(keys, metrics_table, _number == keys.c[1])
        .where(*remaining)
        .order_by(*key_order)
        .limit(limit)
    )
    return connection.execute(statement).all()


def _same_kind(run: RunRow) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions on runs of the same kind; the first one has an index."""
    of_type = _columns.sync_type == run.sync_type
    of_course = _same(_columns.course_id, run.course_id)
    if run.user_id is None:
        return of_type, _columns.user_id.is_(None), of_course
    return _columns.user_id == run.user_id, of_type, of_course


def _same(column: Any, value: int | None) -> ColumnElement[bool]:
    same: ColumnElement[bool] = column.is_(None) if value is None else column == value
    return same


def _earlier(run: RunRow) -> ColumnElement[bool]:
    start = run.sync_start_time
    return and_(_start <= start, or_(_start < start, _number < run.id))


def _later(run: RunRow) -> ColumnElement[bool]:
    start = run.sync_start_time
    return and_(_start >= start, or_(_start > start, _number > run.id))


def _run(connection: Connection, rows: Sequence[Sequence[Any]]) -> RunRow | None:
    if not rows:
        return None
    row = connection.execute(select(metrics_table).where(_number == rows[0][1])).first()
    return None if row is None else to_run(row)


def _usual(rows: Sequence[Sequence[Any]]) -> UsualRun:
    columns = list(zip(*rows, strict=True)) if rows else [()] * (len(_MEASURES) + len(ITEMS))
    medians = [_median(column) for column in columns]
    measures = dict(zip(_MEASURES, medians, strict=False))
    items = dict(zip(_ITEM_COLUMNS, medians[len(_MEASURES) :], strict=True))
    return UsualRun(runs=len(rows), **measures, items=items)


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None
