"""Compares a run with other runs of its kind: the same sync type, user and course."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Engine, Integer, Select, bindparam, select, tuple_

from canvas_sync_core.names import ITEMS, RunStatus
from canvas_sync_core.schema.run_fields import item_column

from .database import connect_to_read
from .model import metrics_table
from .runs import RunRow, to_run

__all__ = ["RunHistory", "UsualRun", "run_history", "usual_durations"]

_HISTORY_RUNS: Final = 20
_ENOUGH_RUNS: Final = 3
_FEW_ROWS: Final = 200
"""The nearest runs of most kinds are among so many; to read more takes much longer."""
_LOOK_BACK_ROWS: Final = 5_000
"""Limits the search among runs of other kinds, in case this kind is rare."""
_columns = metrics_table.c
_start, _number = _columns.sync_start_time, _columns.id
_MEASURES: Final = (
    *("duration", "api_calls", "api_failed", "api_throttled", "api_retried", "api_seconds"),
    *("api_wait_seconds", "api_items", "api_bytes", "db_operations", "db_failed", "db_seconds"),
)
_ITEM_COLUMNS: Final = {f"{item}s": item_column(item, "processed") for item in ITEMS}
_MEASURED: Final = (*_MEASURES, *_ITEM_COLUMNS.values())
_BY_NUMBER: Final = select(metrics_table).where(_number == bindparam("number"))
_OWN_START: Final = bindparam("own_start", type_=_start.type)
_OWN_NUMBER: Final = bindparam("own_number", type_=_number.type)


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


@dataclass(frozen=True, slots=True)
class _Kind:
    """Runs that are compared with each other.

    Attributes:
        indexed: Name of a column that has an index together with the start; not None in these runs.
        values: What they have in common, by column.
    """

    indexed: str
    values: Mapping[str, str | int | None]


@dataclass(frozen=True, slots=True)
class _Search:
    """What to search for; one statement is prepared for each.

    Attributes:
        indexed: Name of the column whose index is searched.
        known: Columns that have a value that is common to the runs.
        unknown: Columns that are empty in all of them.
        measured: Columns to read.
        is_successful: Search for successful runs only.
        is_later: Search among later runs, not earlier ones.
    """

    indexed: str
    known: tuple[str, ...]
    unknown: tuple[str, ...]
    measured: tuple[str, ...]
    is_successful: bool
    is_later: bool


def run_history(engine: Engine, run: RunRow) -> RunHistory:
    """Return the runs of the same kind before and after a run.

    Raises:
        SQLAlchemyError: The database is unreachable.
    """
    kind = _kind(run)
    with connect_to_read(engine) as connection:
        rows = _last_successes(connection, run, kind, _MEASURED)
        return RunHistory(
            usual=_usual([row[2:] for row in rows]),
            last_success=_run(connection, rows),
            previous=_run(connection, _search(connection, run, kind)),
            next=_run(connection, _search(connection, run, kind, is_later=True)),
        )


def usual_durations(connection: Connection, runs: Iterable[RunRow]) -> list[UsualDuration]:
    """Return how long each of some runs usually takes.

    If a user has had fewer than three successful runs of the kind, the runs of all users count.
    """
    by_type: dict[str, UsualDuration] = {}
    found = []
    for run in runs:
        usual = _usual_duration(connection, run, _kind(run))
        if usual.runs < _ENOUGH_RUNS:
            if run.sync_type not in by_type:
                of_type = _Kind("sync_type", {"sync_type": run.sync_type})
                by_type[run.sync_type] = _usual_duration(connection, run, of_type)
            usual = by_type[run.sync_type]
        found.append(usual)
    return found


def _usual_duration(connection: Connection, run: RunRow, kind: _Kind) -> UsualDuration:
    rows = _last_successes(connection, run, kind, ("duration",))
    durations = [duration for _, _, duration in rows if duration is not None]
    return UsualDuration(statistics.median(durations) if durations else None, len(durations))


def _kind(run: RunRow) -> _Kind:
    values = {"sync_type": run.sync_type, "user_id": run.user_id, "course_id": run.course_id}
    return _Kind("sync_type" if run.user_id is None else "user_id", values)


def _last_successes(
    connection: Connection, run: RunRow, kind: _Kind, measured: tuple[str, ...]
) -> Sequence[Sequence[Any]]:
    return _search(
        connection, run, kind, measured=measured, is_successful=True, limit=_HISTORY_RUNS
    )


def _search(
    connection: Connection,
    run: RunRow,
    kind: _Kind,
    *,
    measured: tuple[str, ...] = (),
    is_successful: bool = False,
    is_later: bool = False,
    limit: int = 1,
) -> Sequence[Sequence[Any]]:
    """Return start, number and further columns of the runs of a kind that are nearest to a run.

    The search is among the rows that the index selects, in bounded time.
    """
    known = {name: value for name, value in kind.values.items() if value is not None}
    statement = _statement(
        _Search(
            indexed=kind.indexed,
            known=tuple(known),
            unknown=tuple(name for name in kind.values if name not in known),
            measured=measured,
            is_successful=is_successful,
            is_later=is_later,
        )
    )
    own_place = {"own_start": run.sync_start_time, "own_number": run.id}
    rows: Sequence[Sequence[Any]] = ()
    for look_back in (_FEW_ROWS, _LOOK_BACK_ROWS):
        values = {**known, **own_place, "look_back": look_back, "limit": limit}
        rows = connection.execute(statement, values).all()
        if len(rows) == limit:
            break
    return rows


@cache
def _statement(search: _Search) -> Select[Any]:
    """Select the runs to search for, nearest first; to build this takes longer than to run it."""
    nearest = _nearest(search.indexed, is_later=search.is_later).subquery()
    key = tuple(nearest.c)
    _, start, number = key
    place, own_place = tuple_(start, number), tuple_(_OWN_START, _OWN_NUMBER)
    conditions: list[ColumnElement[bool]] = [
        place > own_place if search.is_later else place < own_place,
        *(_columns[name] == bindparam(name) for name in search.known if name != search.indexed),
        *(_columns[name].is_(None) for name in search.unknown),
    ]
    if search.is_successful:
        conditions.append(_columns.sync_status == RunStatus.SUCCESS.value)
    return (
        select(start, number, *(_columns[name] for name in search.measured))
        .join_from(nearest, metrics_table, _number == number)
        .where(*conditions)
        .order_by(*(key if search.is_later else (each.desc() for each in key)))
        .limit(bindparam("limit", type_=Integer()))
    )


def _nearest(indexed: str, *, is_later: bool) -> Select[Any]:
    """Select the nearest runs with the indexed value of a kind, and those of the same start.

    The bound and the order are those of the index. With ``sync_type = x``, PostgreSQL may prefer
    the index of all start times, and so pass millions of runs of other types: all later ones for a
    type that no longer runs. The other two conditions let it estimate how many runs there are; it
    would read the whole table if it expected none.
    """
    column = _columns[indexed]
    of_kind = bindparam(indexed, type_=column.type)
    key = (column, _start)
    own_key = tuple_(of_kind, _OWN_START)
    # The bound comes first: SQLite uses only one of the conditions.
    bound = tuple_(*key) >= own_key if is_later else tuple_(*key) <= own_key
    return (
        select(*key, _number)
        .where(bound, column >= of_kind, column <= of_kind)
        .order_by(*(key if is_later else (each.desc() for each in key)))
        .limit(bindparam("look_back", type_=Integer()))
    )


def _run(connection: Connection, rows: Sequence[Sequence[Any]]) -> RunRow | None:
    if not rows:
        return None
    row = connection.execute(_BY_NUMBER, {"number": rows[0][1]}).first()
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
