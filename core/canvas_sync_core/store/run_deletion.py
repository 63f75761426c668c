"""Deletes old runs in transactions that are short even if the database is slow."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    and_,
    bindparam,
    delete,
    func,
    not_,
    select,
)

from canvas_sync_core.store.rollups.aggregates import ENDED, ROW_COLUMNS, add_up
from canvas_sync_core.store.rollups.buckets import DAY, FIFTEEN_MINUTES, HOUR, floor, within
from canvas_sync_core.store.rollups.deletion import move_to_deleted
from canvas_sync_core.store.rollups.tables import (
    add_groups,
    changes_table,
    has_rollups,
    keep_one_change,
)
from canvas_sync_core.store.rollups.writing import exclusive, recompute

from .model import metrics_table

__all__ = ["delete_runs", "time_without_waits"]

_LEAST: Final = 20
"""Smaller portions cost as much, because most of the cost is not for the rows."""
_MOST: Final = 2_000
_LONG_S: Final = 0.02
"""If the rows of a portion take longer, the next is smaller: no lock should be held for 50 ms."""
_SHORT_S: Final = 0.01
_PAUSE_S: Final = 0.02
_SCHEDULING: Final = Path("/proc/thread-self/schedstat")
_columns = metrics_table.c
_start = _columns.sync_start_time
_changes = changes_table.c
# Prepared once, because building it takes longer than executing it.
_OLDEST: Final = select(_start).where(_start < bindparam("before"), ENDED).order_by(_start).limit(1)


@dataclass(frozen=True, slots=True)
class _Deleted:
    """What a transaction has deleted.

    Attributes:
        runs: Number of runs.
        day: The UTC day on which they started; None without any.
        changed: The 15-minute bucket that now counts as changed, so that neither the bucket nor its
            day is read from the rollups; None if no further one does.
    """

    runs: int
    day: datetime | None = None
    changed: datetime | None = None


def time_without_waits() -> float:
    """Return monotonic seconds, without those in which this thread waited for a processor.

    Otherwise a busy machine would look like a slow database, and get the smallest portions. Only
    Linux reports that time. A difference of two may be slightly negative: the thread may wait while
    this reads both times.
    """
    waited = 0
    with suppress(OSError, IndexError, ValueError):
        waited = int(_SCHEDULING.read_text().split()[1])
    return time.monotonic() - waited / 1e9


def delete_runs(
    engine: Engine, before: datetime, clock: Callable[[], float] = time_without_waits
) -> int:
    """Delete the ended runs that started before a given time; return their number.

    Only whole 15-minute buckets are deleted; a partly deleted one would have to be recomputed from
    its rows. The sums of the runs stay in the rollups. Runs are deleted in portions, so that syncs
    can write in between; if the deletion is interrupted, finished portions stay deleted.

    A portion is as many buckets of a day as fit, whose rollups already are the sums of the deleted
    runs. One of the buckets counts as changed until the day is done, since the day is recomputed
    only then. A bucket with more runs, or one that is not rolled up, is deleted in portions of its
    own, whose rows are added up. In the meantime, it counts as changed and is read from its rows.

    Raises:
        SQLAlchemyError: The database is unavailable, or its role may not delete.
    """
    keep_rollups, before = has_rollups(engine), floor(before, FIFTEEN_MINUTES)
    deleted, portion = 0, _Portion()
    unfinished: datetime | None = None
    while True:
        began = clock()
        found = _delete_buckets(engine, before, portion.size) if keep_rollups else None
        if found is None:
            found = _delete_portion(engine, before, portion.size, keep_rollups=keep_rollups)
        took = max(0.0, clock() - began)
        if unfinished is not None and _is_done(unfinished, found):
            # Only now that the bucket is empty, because this reads all its rows.
            recompute(engine, unfinished)
            unfinished = None
        if not found.runs:
            return deleted
        deleted, unfinished = deleted + found.runs, found.changed or unfinished
        portion.adapt(took)
        time.sleep(min(took, _PAUSE_S))  # let the syncs write


def _is_done(changed: datetime, next_: _Deleted) -> bool:
    """Return whether what came next is in another bucket that counts as changed, or another day."""
    if next_.changed is None:
        return floor(changed, DAY) != next_.day
    return next_.changed != changed


class _Portion:
    """How many rows a transaction deletes, so that they take about 20 ms.

    The shortest transaction so far shows what takes that long however few rows there are; smaller
    portions would only make it happen more often. On a busy machine, any single one may be slow.
    """

    def __init__(self) -> None:
        self.size = _LEAST
        self._shortest = self._last = math.inf

    def adapt(self, took: float) -> None:
        """Change the size after a transaction that took some seconds."""
        self._shortest = min(self._shortest, took)
        if min(took, self._last) - self._shortest > _LONG_S:
            self.size = max(_LEAST, self.size // 2)
        elif took - self._shortest < _SHORT_S:
            self.size = min(_MOST, self.size * 3 // 2 + 1)
        self._last = took


class _NotRolledUpError(Exception):
    """The rollups of the deleted buckets are not the sums of the deleted runs."""


def _delete_buckets(engine: Engine, before: datetime, portion: int) -> _Deleted | None:
    """Delete the oldest whole buckets of a day that fit into a portion, rollups kept.

    Returns:
        What was deleted; None if the oldest bucket has more runs, or is not rolled up.
    """
    try:
        with exclusive(engine, "READ COMMITTED") as connection:
            oldest = _oldest(connection, before)
            if oldest is None:
                return _Deleted(0)
            begin, end = _whole_buckets(connection, oldest, before, portion)
            return _delete_between(connection, begin, end) if begin < end else None
    except _NotRolledUpError:
        return None


def _whole_buckets(
    connection: Connection, oldest: datetime, before: datetime, portion: int
) -> tuple[datetime, datetime]:
    """Find a period of whole buckets within a day, if possible of whole hours, from the oldest."""
    begin = floor(oldest, FIFTEEN_MINUTES)
    end = min(floor(oldest, DAY) + DAY, before)
    first_too_many = connection.scalar(
        select(_start).where(within(_start, begin, end)).order_by(_start).offset(portion).limit(1)
    )
    if first_too_many is None:
        return begin, end
    hour = floor(first_too_many, HOUR)  # the rollups of whole hours are not made again
    return begin, hour if hour > begin else floor(first_too_many, FIFTEEN_MINUTES)


def _delete_between(connection: Connection, begin: datetime, end: datetime) -> _Deleted:
    """Delete the ended runs of whole buckets, whose rollups become those of deleted runs.

    Raises:
        _NotRolledUpError: Other changes were recorded besides these deletions, so the rollups are
            not the sums of the deleted runs.
    """
    recorded = within(_changes.start, begin, end)
    if connection.scalar(select(_changes.id).where(recorded).limit(1)) is not None:
        raise _NotRolledUpError
    old = delete(metrics_table).where(within(_start, begin, end), ENDED)
    deleted = connection.execute(old).rowcount
    # Each deletion was recorded. On PostgreSQL, others may have changed a row at the same time.
    entries = select(func.count(), func.max(_changes.id)).where(recorded)
    count, newest = connection.execute(entries).one()
    if count != deleted:
        raise _NotRolledUpError
    day = floor(begin, DAY)
    # If another bucket of the day counts as changed, the day is not read from the rollups anyway.
    is_changed = and_(_changes.run_id.is_(None), within(_changes.start, day, day + DAY))
    other = select(_changes.id).where(is_changed, not_(recorded)).limit(1)
    changed = None
    if connection.scalar(other) is None:
        changed = connection.scalar(select(_changes.start).where(_changes.id == newest))
        recorded = and_(recorded, _changes.id != newest)
    connection.execute(delete(changes_table).where(recorded))
    move_to_deleted(connection, begin, end)
    return _Deleted(deleted, day, None if changed is None else floor(changed, FIFTEEN_MINUTES))


def _delete_portion(
    engine: Engine, before: datetime, portion: int, *, keep_rollups: bool
) -> _Deleted:
    """Delete the oldest runs of one 15-minute bucket, and add them to its rollups."""
    if not keep_rollups:
        with engine.execution_options(canvas_sync_immediate=True).begin() as connection:
            return _Deleted(len(_delete_oldest(connection, before, portion)))
    with exclusive(engine, "READ COMMITTED") as connection:
        rows = _delete_oldest(connection, before, portion)
        if not rows:
            return _Deleted(0)
        bucket = floor(rows[0][0], FIFTEEN_MINUTES)
        add_groups(connection, bucket, add_up(rows), is_deleted=True)
        keep_one_change(connection, bucket)
    return _Deleted(len(rows), floor(bucket, DAY), bucket)


def _oldest(connection: Connection, before: datetime) -> datetime | None:
    return connection.scalar(_OLDEST, {"before": before})


def _delete_oldest(connection: Connection, before: datetime, portion: int) -> Sequence[Row[Any]]:
    oldest = _oldest(connection, before)
    if oldest is None:
        return []
    bucket_end = floor(oldest, FIFTEEN_MINUTES) + FIFTEEN_MINUTES
    old: ColumnElement[bool] = and_(_start < before, ENDED, _start < bucket_end)
    numbers = select(_columns.id).where(old).order_by(_start).limit(portion)
    some = delete(metrics_table).where(_columns.id.in_(numbers), old).returning(*ROW_COLUMNS)
    return connection.execute(some).all()
