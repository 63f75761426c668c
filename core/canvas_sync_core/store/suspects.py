"""Compares the runs of the table with their own history, each once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final

from msgspec.structs import replace
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Integer,
    Select,
    and_,
    bindparam,
    or_,
    select,
    update,
)

from canvas_sync_core.names import ITEMS, RunStatus
from canvas_sync_core.schema.run_fields import item_column

from .comparison import HISTORY_RUNS, Anomaly, Measures, anomalies, same_time_windows
from .database import connect_to_read
from .model import metrics_table
from .runs import RunRow, to_run

__all__ = ["Suspect", "judge_runs"]

_AT_ONCE: Final = 500
_MEASURED: Final = (
    "duration",
    "api_calls",
    "api_items",
    "api_bytes",
    "sync_start_time",
    "suspect",
)
_FEW_ROWS: Final = 200
"""The last runs of most kinds are among this many; reading more takes much longer."""
_LOOK_BACK_ROWS: Final = 5_000
"""Limits the search among the runs of a user or course, in case a kind of run is rare."""

_columns = metrics_table.c
_ITEMS: Final = [item_column(item, "processed") for item in ITEMS]
_COMPARED: Final = [
    _columns[name]
    for name in ("sync_type", "user_id", "course_id", "sync_status", *_MEASURED, *_ITEMS)
]
_VERDICT: Final = (
    update(metrics_table)
    .where(
        _columns.id == bindparam("run"),
        _columns.sync_start_time == bindparam("start"),
        _columns.suspect.is_(None),
    )
    .values(suspect=bindparam("is_suspect"), suspect_reason=bindparam("reason"))
)
"""Stores a verdict, unless the run has one or was restarted meanwhile."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A run that differs widely from earlier ones."""

    run: RunRow
    anomalies: Sequence[Anomaly]


def judge_runs(engine: Engine, since: datetime) -> list[Suspect]:
    """Compare completed runs with the last ones of the same type, user and course.

    If several exporters do this concurrently, each run is judged, and returned, by only one of
    them.

    Args:
        engine: The database with the table.
        since: Earlier runs are not compared.

    Returns:
        The runs that are suspect.
    """
    ended = _columns.sync_status.in_([RunStatus.SUCCESS.value, RunStatus.PARTIAL.value])
    unjudged = and_(ended, _columns.sync_start_time >= since, _columns.suspect.is_(None))
    statement = select(metrics_table).where(unjudged).order_by(_columns.sync_start_time)
    with connect_to_read(engine) as connection:
        runs = list(map(to_run, connection.execute(statement.limit(_AT_ONCE))))
        found = [(run, _compare(connection, run)) for run in runs]
    _clear(engine, [run for run, anomalies in found if not anomalies])
    return [
        Suspect(flagged, anomalies)
        for run, anomalies in found
        if anomalies and (flagged := _flag(engine, run, anomalies)) is not None
    ]


def _clear(engine: Engine, runs: Sequence[RunRow]) -> None:
    """Store that runs are not suspect; for nearly all of them, it is so."""
    if not runs:
        return
    in_order = sorted(runs, key=lambda run: run.id)  # exporters that do so at once cannot deadlock
    verdicts = [_key(run) | {"is_suspect": False, "reason": None} for run in in_order]
    with engine.begin() as connection:
        connection.execute(_VERDICT, verdicts)


def _flag(engine: Engine, run: RunRow, anomalies: Sequence[Anomaly]) -> RunRow | None:
    """Store that a run is suspect; None if another exporter was faster, or it was restarted."""
    reason = "; ".join(each.text for each in anomalies)
    with engine.begin() as connection:
        verdict = _key(run) | {"is_suspect": True, "reason": reason}
        result = connection.execute(_VERDICT, verdict)
    return replace(run, suspect=True, suspect_reason=reason) if result.rowcount == 1 else None


def _key(run: RunRow) -> dict[str, Any]:
    return {"run": run.id, "start": run.sync_start_time}


def _compare(connection: Connection, run: RunRow) -> Sequence[Anomaly]:
    """Compare a run with the last ones; if it seems unusual, also with those at the same time."""
    measures = _measures(run)
    last = _last_runs(connection, run)
    if not anomalies(measures, last):
        return []
    oldest = min(each.start for each in last if each.start is not None)
    return anomalies(measures, [*last, *_runs_at_same_time(connection, run, oldest)])


def _last_runs(connection: Connection, run: RunRow) -> list[Measures]:
    statement = _last_of_kind(*_known(run))
    found: list[Measures] = []
    for rows in (_FEW_ROWS, _LOOK_BACK_ROWS):
        values = {"before": run.sync_start_time, "rows": rows}
        found = _read_measures(connection, statement, run, values)
        if len(found) == HISTORY_RUNS:
            break
    return found


@cache
def _last_of_kind(has_user: bool, has_course: bool) -> Select[Any]:
    """Select the last runs of a kind; to build this takes longer than to run it."""
    rows = (
        select(*_COMPARED)
        .where(_indexed(has_user, has_course), _columns.sync_start_time < bindparam("before"))
        .order_by(_columns.sync_start_time.desc())
        .limit(bindparam("rows", type_=Integer()))
    )
    return _of_kind(rows, has_user, has_course, HISTORY_RUNS)


def _runs_at_same_time(connection: Connection, run: RunRow, before: datetime) -> list[Measures]:
    """Read the runs at the same time of earlier days and weeks, before the last ones."""
    windows = or_(
        *(
            _columns.sync_start_time.between(begin, end)
            for begin, end in same_time_windows(run.sync_start_time)
        )
    )
    older = _columns.sync_start_time < before
    known = _known(run)
    rows = select(*_COMPARED).where(_indexed(*known), older, windows).limit(_LOOK_BACK_ROWS)
    return _read_measures(connection, _of_kind(rows, *known, _LOOK_BACK_ROWS), run, {})


def _known(run: RunRow) -> tuple[bool, bool]:
    """Whether a run has a user, and whether it has a course."""
    return run.user_id is not None, run.course_id is not None


def _indexed(has_user: bool, has_course: bool) -> ColumnElement[bool]:
    """Return a condition on runs of the same kind that has an index, and selects few.

    A user may have thousands of courses, but few users sync a course.
    """
    if has_course:
        return _same(_columns.course_id, has_course)
    return _same(_columns.user_id, has_user)


def _of_kind(rows: Select[Any], has_user: bool, has_course: bool, limit: int) -> Select[Any]:
    columns = rows.subquery().c
    return (
        select(*(columns[name] for name in _MEASURED), *(columns[name] for name in _ITEMS))
        .where(
            columns.sync_type == bindparam("sync_type"),
            _same(columns.user_id, has_user),
            _same(columns.course_id, has_course),
            columns.sync_status == RunStatus.SUCCESS.value,
        )
        .order_by(columns.sync_start_time.desc())
        .limit(limit)
    )


def _same(column: ColumnElement[Any], is_known: bool) -> ColumnElement[bool]:
    """Return whether a column has the value of its name among the values of the statement."""
    same: ColumnElement[bool] = column == bindparam(column.key) if is_known else column.is_(None)
    return same


def _read_measures(
    connection: Connection, statement: Select[Any], run: RunRow, values: dict[str, Any]
) -> list[Measures]:
    kind = {"sync_type": run.sync_type, "user_id": run.user_id, "course_id": run.course_id}
    return [
        Measures(
            items=sum(items),
            duration=duration or 0.0,
            api_calls=calls,
            api_items=received,
            api_bytes=size,
            start=start,
            is_suspect=suspect is True,
        )
        for duration, calls, received, size, start, suspect, *items in connection.execute(
            statement, {**kind, **values}
        )
    ]


def _measures(run: RunRow) -> Measures:
    return Measures(
        items=sum(counts.processed for counts in run.items.values()),
        duration=run.duration or 0.0,
        api_calls=run.api_calls,
        api_items=run.api_items,
        api_bytes=run.api_bytes,
        start=run.sync_start_time,
    )
