"""Deletes old runs in transactions that are short even if the database is slow."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Engine, Row, and_, delete, select

from canvas_sync_core.store.rollups.aggregates import ENDED, ROW_COLUMNS, add_up
from canvas_sync_core.store.rollups.buckets import FIFTEEN_MINUTES, floor
from canvas_sync_core.store.rollups.tables import add_groups, has_rollups, keep_one_change
from canvas_sync_core.store.rollups.writing import exclusive, recompute

from .model import metrics_table

__all__ = ["delete_runs"]

_LEAST: Final = 20
"""Smaller portions cost as much, because most of the cost is not for the rows."""
_MOST: Final = 2_000
_LONG_S: Final = 0.01
"""After a portion that takes longer, the next is smaller: no lock should be held for 50 ms."""
_SHORT_S: Final = 0.005
_columns = metrics_table.c


def delete_runs(
    engine: Engine, before: datetime, clock: Callable[[], float] = time.monotonic
) -> int:
    """Delete the ended runs that started before a given time; return their number.

    Only whole 15-minute buckets are deleted; a partly deleted one would have to be recomputed from
    its rows. The sums of the runs stay in the rollups. Runs are deleted in portions, so that syncs
    can write in between; if the deletion is interrupted, finished portions stay deleted. In the
    meantime, the bucket counts as changed and is read from its rows.

    Raises:
        SQLAlchemyError: The database is unavailable, or its role may not delete.
    """
    kept, before = has_rollups(engine), floor(before, FIFTEEN_MINUTES)
    deleted, portion = 0, _LEAST
    last: datetime | None = None
    while True:
        began = clock()
        starts = _delete_portion(engine, before, portion, keep_rollups=kept)
        took = clock() - began
        bucket = floor(starts[0], FIFTEEN_MINUTES) if starts else None
        if kept and last is not None and last != bucket:
            recompute(
                engine, last
            )  # only now that the bucket is empty, because this reads all its rows
        if not starts:
            return deleted
        deleted, last = deleted + len(starts), bucket
        portion = _next_portion(portion, took)
        time.sleep(min(took, _LONG_S))  # let the syncs write


def _next_portion(portion: int, took: float) -> int:
    if took > _LONG_S:
        return max(_LEAST, portion // 2)
    return min(_MOST, portion * 3 // 2 + 1) if took < _SHORT_S else portion


def _delete_portion(
    engine: Engine, before: datetime, portion: int, *, keep_rollups: bool
) -> list[datetime]:
    """Delete the oldest runs of one 15-minute bucket, since each bucket costs as much as many rows.

    Returns:
        The starts of the deleted runs.
    """
    old = and_(_columns.sync_start_time < before, ENDED)
    if not keep_rollups:
        with engine.execution_options(canvas_sync_immediate=True).begin() as connection:
            return [row[0] for row in _delete_oldest(connection, old, portion)]
    with exclusive(engine, "READ COMMITTED") as connection:
        rows = _delete_oldest(connection, old, portion)
        if rows:
            bucket = floor(rows[0][0], FIFTEEN_MINUTES)
            add_groups(connection, bucket, add_up(rows), is_deleted=True)
            keep_one_change(connection, bucket)
    return [row[0] for row in rows]


def _delete_oldest(
    connection: Connection, old: ColumnElement[bool], portion: int
) -> Sequence[Row[Any]]:
    start = _columns.sync_start_time
    oldest = connection.scalar(select(start).where(old).order_by(start).limit(1))
    if oldest is None:
        return []
    old = and_(old, start < floor(oldest, FIFTEEN_MINUTES) + FIFTEEN_MINUTES)
    numbers = select(_columns.id).where(old).order_by(start).limit(portion)
    some = delete(metrics_table).where(_columns.id.in_(numbers), old).returning(*ROW_COLUMNS)
    return connection.execute(some).all()
