"""The number of runs by error in the rollups: read alone, and filled in where it is unknown.

Rollups of an older version do not have it. It is filled in hour by hour, newest first, from the
rows that are in the rollups; only then are the other figures of the same rollups used with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final, TypeVar

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    Integer,
    Select,
    and_,
    bindparam,
    exists,
    func,
    select,
    update,
)

from canvas_sync_core.store.model import metrics_table
from canvas_sync_core.store.timestamps import UtcDateTime

from .aggregates import ENDED, Aggregate, Group, Groups, merge
from .buckets import DAY, FIFTEEN_MINUTES, HOUR, BucketRange, floor, within
from .tables import changes_table, decode_errors, encode_errors, mark_day, rollups_table

__all__ = ["fill_in_newest_hour", "gather_error_counts", "has_unknown_errors", "merge_error_counts"]

_rollups = rollups_table.c
_runs = metrics_table.c
_SECOND: Final = timedelta(seconds=1)
_NONE: Final = "{}"
_Counts = dict[Group, Counter[str]]
_Place = TypeVar("_Place", bound=Hashable)


def merge_error_counts(
    connection: Connection,
    bucket_range: BucketRange,
    into: Groups,
    *,
    is_deleted: bool | None = None,
) -> None:
    """Add the number of runs by error from the rollups of some buckets, and nothing else.

    Args:
        connection: The database.
        bucket_range: The buckets; their numbers must be known.
        into: Aggregates to which they are added.
        is_deleted: Selects deleted or existing runs; None for both.
    """
    parameters = {
        "length": bucket_range.length // _SECOND,
        "begin": bucket_range.begin,
        "end": bucket_range.end,
        "is_deleted": is_deleted,
    }
    statement = _errors_in_range(has_flag=is_deleted is not None)
    for sync_type, status, stored in connection.execute(statement, parameters):
        merge(into, {(sync_type, status): Aggregate(errors=decode_errors(stored))})


def gather_error_counts(
    rows: Iterable[Sequence[Any]], place: Callable[[datetime], _Place]
) -> dict[_Place, Groups]:
    """Count runs by error, grouped by key; runs without an error are left out.

    Args:
        rows: Runs; their first columns are ``KIND_COLUMNS``.
        place: Returns the key for a run's start.
    """
    errors = Counter(
        (place(start), (sync_type, status), error)
        for start, sync_type, status, _end, error, *_ in rows
        if error is not None
    )
    found: dict[_Place, Groups] = {}
    for (where, group, error), runs in errors.items():
        one = {group: Aggregate(errors=Counter({error: runs}))}
        merge(found.setdefault(where, {}), one)
    return found


@cache
def _errors_in_range(*, has_flag: bool) -> Select[Any]:
    begin, end = (bindparam(name, type_=UtcDateTime()) for name in ("begin", "end"))
    conditions = [
        _rollups.seconds == bindparam("length", type_=Integer()),
        _rollups.start >= begin,
        _rollups.start < end,
        _rollups.errors != _NONE,
    ]
    if has_flag:
        conditions.append(_rollups.is_deleted == bindparam("is_deleted", type_=Boolean()))
    return select(_rollups.sync_type, _rollups.sync_status, _rollups.errors).where(*conditions)


def has_unknown_errors(
    connection: Connection, begin: datetime | None = None, end: datetime | None = None
) -> bool:
    """Return whether the number of runs by error is unknown in some rollup of a period."""
    conditions: list[ColumnElement[bool]] = [_rollups.errors.is_(None)]
    if begin is not None:
        conditions.append(_rollups.start >= begin)
    if end is not None:
        conditions.append(_rollups.start < end)
    return bool(connection.scalar(select(exists(_rollups.runs).where(*conditions))))


def fill_in_newest_hour(connection: Connection) -> bool:
    """Fill in the newest hour whose number of runs by error is unknown.

    The caller holds the lock for writing rollups, and all statements see the same snapshot.

    Returns:
        Whether there was one.
    """
    newest = connection.scalar(_newest_unknown(FIFTEEN_MINUTES))
    if newest is None:
        return _fill_in_longer(connection)
    hour = floor(newest, HOUR)
    by_bucket = _count_rows(connection, hour)
    for start in (hour + number * FIFTEEN_MINUTES for number in range(HOUR // FIFTEEN_MINUTES)):
        _store(connection, FIFTEEN_MINUTES, start, by_bucket.get(start, {}))
    _store(connection, HOUR, hour, _sum_of_parts(connection, FIFTEEN_MINUTES, hour, hour + HOUR))
    mark_day(connection, hour)
    return True


def _fill_in_longer(connection: Connection) -> bool:
    """Fill in the newest hour or day, now that the buckets inside are known."""
    for length, part in ((HOUR, FIFTEEN_MINUTES), (DAY, HOUR)):
        newest = connection.scalar(_newest_unknown(length))
        if newest is not None:
            sums = _sum_of_parts(connection, part, newest, newest + length)
            _store(connection, length, newest, sums)
            mark_day(connection, newest)
            return True
    return False


def _newest_unknown(length: timedelta) -> Select[Any]:
    start = _rollups.start
    unknown = and_(_rollups.errors.is_(None), _rollups.seconds == length // _SECOND)
    return select(func.max(start, type_=start.type)).where(unknown)


def _count_rows(
    connection: Connection, hour: datetime
) -> dict[datetime, dict[Group, Counter[str]]]:
    """Count the rows of an hour that are in its rollups, by 15-minute bucket and group."""
    changes = changes_table.c
    new = select(changes.run_id).where(
        changes.run_id.is_not(None), within(changes.start, hour, hour + HOUR)
    )
    rows = connection.execute(
        select(_runs.sync_start_time, _runs.sync_type, _runs.sync_status, _runs.error_type).where(
            within(_runs.sync_start_time, hour, hour + HOUR),
            _runs.error_type.is_not(None),
            ENDED,
            _runs.id.not_in(new),
        )
    )
    found: dict[datetime, _Counts] = {}
    for start, sync_type, status, error in rows:
        by_group = found.setdefault(floor(start, FIFTEEN_MINUTES), {})
        by_group.setdefault((sync_type, status), Counter())[error] += 1
    return found


def _sum_of_parts(
    connection: Connection, part: timedelta, begin: datetime, end: datetime
) -> _Counts:
    groups: Groups = {}
    merge_error_counts(connection, BucketRange(part, begin, end), groups, is_deleted=False)
    return {group: each.errors for group, each in groups.items() if each.errors is not None}


def _store(connection: Connection, length: timedelta, start: datetime, by_group: _Counts) -> None:
    """Store the numbers in the rollups of one bucket where they are unknown."""
    unknown = and_(
        _rollups.seconds == length // _SECOND, _rollups.start == start, _rollups.errors.is_(None)
    )
    for (sync_type, status), errors in by_group.items():
        of_group = and_(_rollups.sync_type == sync_type, _rollups.sync_status == status)
        is_there = _rollups.is_deleted.is_(False)
        stored = encode_errors(errors)
        connection.execute(
            update(rollups_table).where(unknown, of_group, is_there).values(errors=stored)
        )
    # All other rows of the bucket have no error or, if they were deleted, none is known.
    connection.execute(update(rollups_table).where(unknown).values(errors=_NONE))
