"""Reads most hours of a UTC day as the whole day without its other hours.

The days of a time zone consist of parts of two UTC days. Hour by hour, each would need 24 sets of
rollups, of which the distributions take by far the longest to add up. So counts and distributions
of the fewer hours outside are subtracted from those of the whole day. Sums and maxima, which cannot
be subtracted exactly or at all, are computed by the database from the hours inside.

A day with changed buckets is not read, even if they are outside the period: its hours are
recomputed first.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

from sqlalchemy import Boolean, Connection, Select, bindparam, exists, func, select

from canvas_sync_core.names import ITEMS
from canvas_sync_core.store.statistics import sum_of
from canvas_sync_core.store.timestamps import UtcDateTime

from .aggregates import MEASURES, SUMMED, Groups, merge
from .buckets import DAY, HOUR, BucketRange, floor
from .tables import changes_table, merge_groups, rollups_table

__all__ = ["merge_range"]

_rollups = rollups_table.c
_changes = changes_table.c
_SECOND: Final = timedelta(seconds=1)
_FIRST_SUM: Final = 3
_FIRST_MEASURE: Final = _FIRST_SUM + len(SUMMED)
_FIRST_NEWEST: Final = _FIRST_MEASURE + 2 * len(MEASURES)


def merge_range(
    connection: Connection,
    bucket_range: BucketRange,
    into: Groups,
    *,
    is_deleted: bool | None = None,
) -> None:
    """Add the rollups of some buckets, as :func:`.tables.merge_groups` does, but not the errors.

    Args:
        connection: The database.
        bucket_range: The buckets.
        into: Aggregates to which they are added.
        is_deleted: Selects deleted or existing runs; None for both.
    """
    for part in _cut_at_midnight(bucket_range) if bucket_range.length == HOUR else [bucket_range]:
        is_most_of_a_day = part.length == HOUR and part.end - part.begin > DAY / 2
        uses_day = is_most_of_a_day and not _is_changed(connection, floor(part.begin, DAY))
        read = _merge_without_rest if uses_day else merge_groups
        read(connection, part, into, is_deleted=is_deleted)


def _is_changed(connection: Connection, day: datetime) -> bool:
    return bool(connection.scalar(_change_of_day(), {"begin": day, "end": day + DAY}))


@cache
def _change_of_day() -> Select[Any]:
    begin, end = (bindparam(name, type_=UtcDateTime()) for name in ("begin", "end"))
    is_of_day = (_changes.start >= begin, _changes.start < end)
    return select(exists(_changes.id).where(_changes.run_id.is_(None), *is_of_day))


def _cut_at_midnight(bucket_range: BucketRange) -> Iterator[BucketRange]:
    begin = bucket_range.begin
    while begin < bucket_range.end:
        end = min(floor(begin, DAY) + DAY, bucket_range.end)
        yield BucketRange(bucket_range.length, begin, end)
        begin = end


def _merge_without_rest(
    connection: Connection, bucket_range: BucketRange, into: Groups, *, is_deleted: bool | None
) -> None:
    day = floor(bucket_range.begin, DAY)
    groups: Groups = {}
    merge_groups(connection, BucketRange(DAY, day, day + DAY), groups, is_deleted=is_deleted)
    for outside in _outside(bucket_range):
        rest: Groups = {}
        merge_groups(connection, outside, rest, is_deleted=is_deleted)
        for group, aggregate in rest.items():
            for name, sketch in aggregate.measures.items():
                groups[group].measures[name].subtract(sketch)
    merge(into, _with_sums(connection, bucket_range, groups, is_deleted))


def _outside(bucket_range: BucketRange) -> Iterator[BucketRange]:
    day = floor(bucket_range.begin, DAY)
    for begin, end in ((day, bucket_range.begin), (bucket_range.end, day + DAY)):
        if begin < end:
            yield BucketRange(HOUR, begin, end)


def _with_sums(
    connection: Connection, bucket_range: BucketRange, groups: Groups, is_deleted: bool | None
) -> Groups:
    """Set what is not subtracted, and leave out the groups without runs in the bucket."""
    parameters = {"begin": bucket_range.begin, "end": bucket_range.end, "is_deleted": is_deleted}
    found: Groups = {}
    for row in connection.execute(_sums(has_flag=is_deleted is not None), parameters):
        aggregate = found[row[0], row[1]] = groups[row[0], row[1]]
        aggregate.runs = int(row[2])
        aggregate.sums = list(map(int, row[_FIRST_SUM:_FIRST_MEASURE]))
        for number, name in enumerate(MEASURES):
            first = _FIRST_MEASURE + 2 * number
            sketch = aggregate.measures[name]
            sketch.total, sketch.largest = row[first], row[first + 1]
        aggregate.newest = list(row[_FIRST_NEWEST:])
        aggregate.errors = None
    return found


@cache
def _sums(*, has_flag: bool) -> Select[Any]:
    """Select sums and maxima over hours; prepared once, as building it takes long."""
    begin, end = (bindparam(name, type_=UtcDateTime()) for name in ("begin", "end"))
    group = (_rollups.sync_type, _rollups.sync_status)
    measures = [
        function(_rollups[f"{name}_{suffix}"])
        for name in MEASURES
        for function, suffix in ((func.sum, "sum"), (func.max, "max"))
    ]
    newest = [func.max(_rollups[f"{item}s_newest"], type_=UtcDateTime()) for item in ITEMS]
    conditions = [
        _rollups.seconds == HOUR // _SECOND,
        _rollups.start >= begin,
        _rollups.start < end,
    ]
    if has_flag:
        conditions.append(_rollups.is_deleted == bindparam("is_deleted", type_=Boolean()))
    sums = [sum_of(_rollups[name]) for name in ("runs", *SUMMED)]
    return select(*group, *sums, *measures, *newest).where(*conditions).group_by(*group)
