"""Queries about runs whose cost does not depend on the size of the table."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import fields
from datetime import datetime
from itertools import islice
from typing import Any, Final

from sqlalchemy import (
    Connection,
    Row,
    Select,
    func,
    literal,
    select,
)

from canvas_sync_core.names import ITEMS, RunStatus
from canvas_sync_core.schema.run_fields import RUN_FIELDS, item_column
from canvas_sync_core.store.model import metrics_table
from canvas_sync_core.store.rollups.buckets import DAY
from canvas_sync_core.store.rollups.tables import changes_table, has_rollups, rollups_table
from canvas_sync_core.store.sync_types import SYNC_TYPES, newest_first
from canvas_sync_core.store.timestamps import UtcDateTime
from canvas_sync_exporter.judge.runs import EndedRun, FoundRun, RunningRun

__all__ = [
    "ids_after",
    "newest_id",
    "newest_items",
    "newest_of_each_type",
    "newest_of_type",
    "rollup_backlog",
    "running_runs",
    "runs_by_id",
    "runs_of_type_since",
    "suspect_reasons",
]

_columns = metrics_table.c
_PROCESSED: Final = tuple(item_column(item, "processed") for item in ITEMS)
_CONVERTED: Final = (
    *("id", "sync_task_id", "sync_status", "sync_start_time", "sync_end_time", "duration"),
    *("heartbeat", "error_message", "suspect_reason"),
)
"""Columns that :func:`_ended` uses."""
_WANTED: Final = {each.name for each in fields(EndedRun)}.difference(_CONVERTED)
_AS_THEY_ARE: Final = tuple(each.column for each in RUN_FIELDS if each.column in _WANTED)
_READ: Final = (*_CONVERTED, *_AS_THEY_ARE)
_run: Final = select(*(_columns[name] for name in _READ), *(_columns[name] for name in _PROCESSED))
_others: Final = metrics_table.alias("runs_of_type")
_newest: Final = (
    newest_first(select(_others.c.id), SYNC_TYPES.c.name, _others).limit(1).scalar_subquery()
)
_NEWEST_OF_EACH: Final = _run.join_from(SYNC_TYPES, metrics_table, _columns.id == _newest)
_AT_ONCE: Final = 500
_MOST_RUNS: Final = 50_000
_MOST_BACKLOG: Final = 100_000
_LONGEST_MESSAGE: Final = 300


def newest_id(connection: Connection) -> int:
    """Return the highest ``id``; 0 in an empty table."""
    return connection.scalar(select(func.max(_columns.id))) or 0


def running_runs(connection: Connection) -> list[FoundRun]:
    """Return the runs that have not ended."""
    is_running = _columns.sync_status == RunStatus.RUNNING.value
    return _read(connection, _run.where(is_running).limit(_MOST_RUNS))


def ids_after(connection: Connection, number: int) -> set[int]:
    """Return all run ids above an id."""
    return set(connection.scalars(select(_columns.id).where(_columns.id > number)))


def runs_by_id(connection: Connection, numbers: Collection[int]) -> list[FoundRun]:
    """Return the runs with the given ids, without deleted ones."""
    found: list[FoundRun] = []
    left = iter(sorted(numbers))
    while some := list(islice(left, _AT_ONCE)):
        found += _read(connection, _run.where(_columns.id.in_(some)))
    return found


def newest_of_type(connection: Connection, sync_type: str, limit: int) -> list[FoundRun]:
    """Return the newest runs of a sync type, newest first."""
    return _read(connection, newest_first(_run, literal(sync_type)).limit(limit))


def newest_of_each_type(connection: Connection) -> list[FoundRun]:
    """Return the newest run of every sync type, in one query."""
    return _read(connection, _NEWEST_OF_EACH)


def runs_of_type_since(connection: Connection, sync_type: str, since: datetime) -> list[FoundRun]:
    """Return the runs of a sync type since a time, newest first, at most 50,000."""
    start = _columns.sync_start_time
    statement = _run.where(_columns.sync_type == sync_type, start >= since)
    return _read(connection, statement.order_by(start.desc()).limit(_MOST_RUNS))


def suspect_reasons(connection: Connection, since: datetime) -> dict[int, str]:
    """Return the reasons of suspect runs that began since a time, by ``id``."""
    statement = select(_columns.id, _columns.suspect_reason).where(
        _columns.suspect.is_(True), _columns.sync_start_time >= since
    )
    return {number: reason or "" for number, reason in connection.execute(statement)}


def newest_items(connection: Connection) -> dict[str, dict[str, datetime]]:
    """Return when items of each kind last arrived, by sync type, according to the rollups."""
    if not has_rollups(connection):
        return {}
    rollups = rollups_table.c
    newest = (func.max(rollups[f"{item}s_newest"], type_=UtcDateTime()) for item in ITEMS)
    statement = (
        select(rollups.sync_type, *newest)
        .where(
            rollups.seconds == int(DAY.total_seconds()),
            rollups.sync_status == RunStatus.SUCCESS.value,
        )
        .group_by(rollups.sync_type)
    )
    return {
        sync_type: {item: time for item, time in zip(ITEMS, times, strict=True) if time is not None}
        for sync_type, *times in connection.execute(statement)
    }


def rollup_backlog(connection: Connection) -> int:
    """Count the changes waiting to be rolled up, up to 100,000."""
    if not has_rollups(connection):
        return 0
    some = select(changes_table.c.id).limit(_MOST_BACKLOG).subquery()
    return connection.scalar(select(func.count()).select_from(some)) or 0


def _read(connection: Connection, statement: Select[Any]) -> list[FoundRun]:
    rows: Iterable[Row[Any]] = connection.execute(statement)
    return [found for row in rows if (found := _found(row)) is not None]


def _found(row: Sequence[Any]) -> FoundRun | None:
    """Convert a row to a run; None if another program has written an unknown status."""
    values = dict(zip(_READ, row, strict=False))
    counts = row[len(_READ) :]
    items = frozenset(item for item, count in zip(ITEMS, counts, strict=True) if count)
    try:
        status = RunStatus(values["sync_status"])
    except ValueError:
        return None
    start = values["sync_start_time"]
    if status is RunStatus.RUNNING:
        running = RunningRun(
            id=values["sync_task_id"],
            sync_type=values["sync_type"],
            start=start,
            heartbeat=values["heartbeat"],
            user_id=values["user_id"],
            course_id=values["course_id"],
            is_waiting=values["error_type"] is not None,
        )
        return FoundRun(values["id"], running, items)
    return FoundRun(values["id"], _ended(values, status, sum(counts)), items)


def _ended(values: dict[str, Any], status: RunStatus, items: int) -> EndedRun:
    message = values["error_message"]
    return EndedRun(
        id=values["sync_task_id"],
        status=status,
        start=values["sync_start_time"],
        end=values["sync_end_time"] or values["heartbeat"],
        duration=values["duration"] or 0.0,
        items=items,
        error_message=None if message is None else message[:_LONGEST_MESSAGE],
        suspect_reason=values["suspect_reason"] or "",
        **{name: values[name] for name in _AS_THEY_ARE},
    )
