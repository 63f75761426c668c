"""Deletes old runs, in transactions that are short however slow the database is."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Engine, Row, and_, delete, select

from canvas_sync_core.store.rollups.aggregates import ENDED, ROW_COLUMNS, add_up
from canvas_sync_core.store.rollups.buckets import QUARTER, floor
from canvas_sync_core.store.rollups.tables import add_groups, has_rollups, keep_one_change
from canvas_sync_core.store.rollups.writing import exclusive, recompute

from .model import metrics_table

__all__ = ["delete_runs"]

_LEAST: Final = 20
"""Fewer cost as much: most of it is not for the rows."""
_MOST: Final = 2_000
_LONG_S: Final = 0.01
"""A portion that takes longer is followed by a smaller one: no lock shall be held for 50 ms."""
_SHORT_S: Final = 0.005
_columns = metrics_table.c


def delete_runs(
    engine: Engine, before: datetime, clock: Callable[[], float] = time.monotonic
) -> int:
    """Delete the runs that began before a moment and have ended; tells how many there were.

    Those of the moment's own quarter of an hour stay: what is left of a quarter has to be read once
    it is done with, and of whole ones nothing is. What the runs add up to stays in the rollups.
    They go in portions, so that syncs come to write in between; what is deleted stays so when it is
    stopped in the middle. Meanwhile the quarter counts as changed, and is read from its rows.

    Raises:
        SQLAlchemyError: The database is away, or its role may not delete.
    """
    kept, before = has_rollups(engine), floor(before, QUARTER)
    deleted, portion = 0, _LEAST
    last: datetime | None = None
    while True:
        began = clock()
        starts = _delete_portion(engine, before, portion, keep_rollups=kept)
        took = clock() - began
        quarter = floor(starts[0], QUARTER) if starts else None
        if kept and last is not None and last != quarter:
            recompute(engine, last)  # only now that it is empty, as this reads all its rows
        if not starts:
            return deleted
        deleted, last = deleted + len(starts), quarter
        portion = _next_portion(portion, took)
        time.sleep(min(took, _LONG_S))  # the turn of the syncs


def _next_portion(portion: int, took: float) -> int:
    if took > _LONG_S:
        return max(_LEAST, portion // 2)
    return min(_MOST, portion * 3 // 2 + 1) if took < _SHORT_S else portion


def _delete_portion(
    engine: Engine, before: datetime, portion: int, *, keep_rollups: bool
) -> list[datetime]:
    """Delete the oldest, all of one quarter of an hour: each costs as much as many rows.

    Returns:
        When each of them began.
    """
    old = and_(_columns.sync_start_time < before, ENDED)
    if not keep_rollups:
        with engine.execution_options(canvas_sync_immediate=True).begin() as connection:
            return [row[0] for row in _delete_oldest(connection, old, portion)]
    with exclusive(engine, "READ COMMITTED") as connection:
        rows = _delete_oldest(connection, old, portion)
        if rows:
            quarter = floor(rows[0][0], QUARTER)
            add_groups(connection, quarter, add_up(rows), is_deleted=True)
            keep_one_change(connection, quarter)
    return [row[0] for row in rows]


def _delete_oldest(
    connection: Connection, old: ColumnElement[bool], portion: int
) -> Sequence[Row[Any]]:
    start = _columns.sync_start_time
    oldest = connection.scalar(select(start).where(old).order_by(start).limit(1))
    if oldest is None:
        return []
    old = and_(old, start < floor(oldest, QUARTER) + QUARTER)
    numbers = select(_columns.id).where(old).order_by(start).limit(portion)
    some = delete(metrics_table).where(_columns.id.in_(numbers), old).returning(*ROW_COLUMNS)
    return connection.execute(some).all()
