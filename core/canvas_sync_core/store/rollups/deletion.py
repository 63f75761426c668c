"""Makes rollups of runs those of deleted runs, without reading the runs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, bindparam, select, update

from .aggregates import Groups
from .buckets import FIFTEEN_MINUTES, HOUR, BucketRange, ceiling, floor
from .tables import mark_day, merge_groups, recompute_from_parts, replace_groups, rollups_table

__all__ = ["move_to_deleted"]

_rollups = rollups_table.c
_SECOND: Final = timedelta(seconds=1)
# Prepared once, because building a statement takes longer than executing it.
_THERE: Final = (
    _rollups.seconds == bindparam("length"),
    _rollups.start >= bindparam("begin"),
    _rollups.start < bindparam("end"),
)
_EARLIER: Final = select(_rollups.start).where(*_THERE, _rollups.is_deleted).distinct()
_MOVE: Final = (
    update(rollups_table).where(*_THERE, _rollups.is_deleted.is_(False)).values(is_deleted=True)
)


def move_to_deleted(connection: Connection, begin: datetime, end: datetime) -> None:
    """Make the rollups of a period those of deleted runs, except that of the day.

    The caller has deleted all ended runs of the period in the same transaction, and holds the lock
    for writing rollups. A bucket of the day counts as changed, so the day is recomputed later.

    Args:
        connection: The transaction.
        begin: Start of a 15-minute bucket.
        end: Start of a 15-minute bucket, at most the end of the UTC day of ``begin``.
    """
    _move(connection, FIFTEEN_MINUTES, begin, end)
    first, last = ceiling(begin, HOUR), floor(end, HOUR)
    if first < last:
        _move(connection, HOUR, first, last)
    for hour in {floor(begin, HOUR), last}:
        if (hour < begin or hour + HOUR > end) and hour < end:
            _recompute(connection, hour)
    mark_day(connection, begin)


def _move(connection: Connection, length: timedelta, begin: datetime, end: datetime) -> None:
    """Move the rollups of buckets of one length; add them to what was deleted there before."""
    there = {"length": length // _SECOND, "begin": begin, "end": end}
    for start in connection.scalars(_EARLIER, there).all():
        groups: Groups = {}
        merge_groups(connection, BucketRange(length, start, start + length), groups)
        replace_groups(connection, length, {start: groups}, is_deleted=True)
        replace_groups(connection, length, {start: {}}, is_deleted=False)
    connection.execute(_MOVE, there)


def _recompute(connection: Connection, hour: datetime) -> None:
    """Recompute an hour: the rollups of runs, and those of deleted runs."""
    bucket_range = BucketRange(HOUR, hour, hour + HOUR)
    for is_deleted in (False, True):
        recompute_from_parts(connection, bucket_range, FIFTEEN_MINUTES, is_deleted=is_deleted)
