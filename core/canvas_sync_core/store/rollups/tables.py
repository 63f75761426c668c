"""The tables of the rollups, and how to read and replace a rollup.

Changes of rows are detected by database triggers, which write into ``canvas_sync_rollup_changes``
in the transaction of the change itself, whichever program makes it. When a run ends, its number is
recorded.
For any later change of an ended run, only the start is recorded, which means that the rollups of
that 15-minute bucket have to be recomputed from the rows. An entry is visible if and only if the
change is visible, so neither late commits nor gaps in sequences matter. A transaction that removes
entries also increments the generation of the day. Running runs are in no rollup.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Delete,
    Dialect,
    Engine,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Select,
    String,
    Table,
    Text,
    and_,
    bindparam,
    column,
    delete,
    exists,
    func,
    insert,
    inspect,
    select,
    type_coerce,
)
from sqlalchemy.types import NULLTYPE

from canvas_sync_core.names import ITEMS
from canvas_sync_core.sketch import Sketch
from canvas_sync_core.store.partial_indexes import partial_index
from canvas_sync_core.store.statistics import sum_of
from canvas_sync_core.store.stored_values import LARGEST_COUNT, limit_count
from canvas_sync_core.store.timestamps import UtcDateTime, UtcSortedTime

from .aggregates import MEASURES, SUMMED, Aggregate, Group, Groups, merge
from .buckets import DAY, FIFTEEN_MINUTES, HOUR, BucketRange, floor, within

__all__ = [
    "LENGTHS",
    "ROLLUPS_METADATA",
    "add_groups",
    "changes_table",
    "count_groups",
    "days_table",
    "decode_errors",
    "encode_errors",
    "has_deleted_runs",
    "has_rollups",
    "has_rollups_between",
    "is_in_bucket",
    "keep_one_change",
    "mark_day",
    "merge_groups",
    "recompute_from_parts",
    "replace_groups",
    "rollups_table",
]

LENGTHS: Final = (FIFTEEN_MINUTES, HOUR, DAY)
"""Lengths of the time buckets that have rollups."""
ROLLUPS_METADATA: Final = MetaData()
_KEY: Final = ("seconds", "start", "is_deleted", "sync_type", "sync_status")


def _measure(name: str) -> tuple[Column[Any], ...]:
    return (
        Column(f"{name}_count", BigInteger, nullable=False),
        Column(f"{name}_sum", Float(53), nullable=False),
        Column(f"{name}_max", Float(53), nullable=False),
        Column(f"{name}_sketch", LargeBinary, nullable=False),
    )


rollups_table: Final = Table(
    "canvas_sync_rollups",
    ROLLUPS_METADATA,
    Column("seconds", Integer, primary_key=True, autoincrement=False),
    Column("start", UtcDateTime, primary_key=True),
    Column("is_deleted", Boolean, primary_key=True),
    Column("sync_type", String, primary_key=True),
    Column("sync_status", String, primary_key=True),
    Column("runs", BigInteger, nullable=False),
    *(Column(name, BigInteger, nullable=False) for name in SUMMED),
    *(column for name in MEASURES for column in _measure(name)),
    *(Column(f"{item}s_newest", UtcDateTime) for item in ITEMS),
    Column("errors", Text),
    partial_index(
        "ix_canvas_sync_rollups_unknown_errors",
        "seconds",
        "start",
        where=column("errors").is_(None),
    ),
)
"""Rollups of time buckets; ``is_deleted`` marks those of runs whose rows were deleted."""
changes_table: Final = Table(
    "canvas_sync_rollup_changes",
    ROLLUPS_METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("run_id", BigInteger),
    Column("start", UtcSortedTime, nullable=False),
    Index("ix_canvas_sync_rollup_changes_start", "start", "run_id"),
)
"""Changes that are not in the rollups yet: of a run or, without one, of a 15-minute bucket."""
days_table: Final = Table(
    "canvas_sync_rollup_days",
    ROLLUPS_METADATA,
    Column("day", UtcDateTime, primary_key=True),
    Column("generation", BigInteger, nullable=False),
)
"""UTC days with rollups; the generation increases with each change of any rollup of the day.

It is at least the time in milliseconds, so a recreated database does not repeat generations of the
previous one.
"""

_rollups = rollups_table.c
# Prepared once, because building a statement takes longer than executing it.
_NEWEST_GENERATION: Final = select(func.max(days_table.c.generation))
_DAY_DELETION: Final = delete(days_table).where(days_table.c.day == bindparam("marked"))
_DAY_INSERTION: Final = insert(days_table)


def has_rollups(database: Engine | Connection) -> bool:
    """Return whether the database has the tables: an app that migrates its own may lack them."""
    return inspect(database).has_table(changes_table.name)


def merge_groups(
    connection: Connection,
    bucket_range: BucketRange,
    into: Groups,
    *,
    is_deleted: bool | None = None,
) -> None:
    """Add the rollups of some buckets.

    Args:
        connection: The database.
        bucket_range: The buckets.
        into: Aggregates to which they are added.
        is_deleted: Selects deleted or existing runs; None for both.
    """
    statement = _rollups_in_range(has_flag=is_deleted is not None)
    parameters = {
        "length": _seconds(bucket_range.length),
        "begin": bucket_range.begin,
        "end": bucket_range.end,
        "is_deleted": is_deleted,
    }
    for row in connection.execute(statement, parameters).all():
        group, aggregate = (row[0], row[1]), _to_aggregate(row[2:])
        if group in into:
            into[group].merge(aggregate)
        else:
            into[group] = aggregate


@cache
def _rollups_in_range(*, has_flag: bool) -> Select[Any]:
    """Select the rollups of some buckets; prepared once, because building it takes long."""
    begin, end = (bindparam(name, type_=UtcDateTime()) for name in ("begin", "end"))
    conditions = [
        _rollups.seconds == bindparam("length", type_=Integer()),
        _rollups.start >= begin,
        _rollups.start < end,
    ]
    if has_flag:
        conditions.append(_rollups.is_deleted == bindparam("is_deleted", type_=Boolean()))
    return select(*_VALUES).where(*conditions)


def count_groups(
    connection: Connection, bucket_range: BucketRange, *, is_deleted: bool | None = None
) -> dict[Group, int]:
    """Count the runs in the rollups of some buckets; arguments as for :func:`merge_groups`."""
    group = (_rollups.sync_type, _rollups.sync_status)
    statement = (
        select(*group, sum_of(_rollups.runs))
        .where(*_in_range(bucket_range, is_deleted))
        .group_by(*group)
    )
    rows = connection.execute(statement)
    return {(sync_type, status): int(count) for sync_type, status, count in rows}


def has_rollups_between(connection: Connection, begin: datetime, end: datetime) -> bool:
    """Return whether a 15-minute bucket of a period has a rollup; an empty period has none."""
    parameters = {"begin": begin, "end": end}
    return begin < end and bool(connection.scalar(_any_between(), parameters))


@cache
def _any_between() -> Select[Any]:
    begin, end = (bindparam(name, type_=UtcDateTime()) for name in ("begin", "end"))
    is_between = (_rollups.start >= begin, _rollups.start < end)
    return select(
        exists(_rollups.runs).where(_rollups.seconds == _seconds(FIFTEEN_MINUTES), *is_between)
    )


def has_deleted_runs(connection: Connection, since: datetime) -> bool:
    """Whether the rows cannot give the answer because some of them were deleted."""
    deleted = exists(_rollups.runs).where(
        # A day may not be recomputed yet, but an hour always is.
        _rollups.seconds == _seconds(HOUR),
        _rollups.start >= floor(since, DAY),
        _rollups.is_deleted,
    )
    return bool(connection.scalar(select(deleted)))


def replace_groups(
    connection: Connection,
    length: timedelta,
    by_start: Mapping[datetime, Groups],
    *,
    is_deleted: bool,
) -> None:
    """Replace the rollups of some time buckets.

    Args:
        connection: The database.
        length: Length of the buckets.
        by_start: The new rollups of each bucket, by its start.
        is_deleted: Whether they are those of deleted runs.
    """
    parameters = {"length": _seconds(length), "starts": list(by_start), "is_deleted": is_deleted}
    connection.execute(_deletion(), parameters)
    to_stored = _Times(connection.dialect).to_stored
    rows = [
        (_seconds(length), to_stored(start), is_deleted, *group, *_to_values(aggregate, to_stored))
        for start, groups in by_start.items()
        for group, aggregate in groups.items()
        if aggregate.runs
    ]
    if rows:
        connection.exec_driver_sql(_insertion(connection.dialect.paramstyle), rows)


def recompute_from_parts(
    connection: Connection, bucket_range: BucketRange, part: timedelta, *, is_deleted: bool = False
) -> None:
    """Recompute the rollups of one bucket from those of shorter ones.

    Args:
        connection: The database.
        bucket_range: The buckets.
        part: Length of the shorter buckets.
        is_deleted: Selects deleted or existing runs.
    """
    groups: Groups = {}
    parts = BucketRange(part, bucket_range.begin, bucket_range.end)
    merge_groups(connection, parts, groups, is_deleted=is_deleted)
    replace_groups(
        connection, bucket_range.length, {bucket_range.begin: groups}, is_deleted=is_deleted
    )


@cache
def _deletion() -> Delete:
    """Delete the rollups of some buckets; prepared once, because building it takes long."""
    return delete(rollups_table).where(
        _rollups.seconds == bindparam("length", type_=Integer()),
        _rollups.start.in_(bindparam("starts", expanding=True, type_=UtcDateTime())),
        _rollups.is_deleted == bindparam("is_deleted", type_=Boolean()),
    )


class _Times:
    """Converts times to their stored form, each only once, as most rollups share theirs."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._stored: dict[datetime | None, Any] = {None: None}

    def to_stored(self, time: datetime | None) -> Any:
        """Return the stored form of a time."""
        if time not in self._stored:
            self._stored[time] = _UTC.process_bind_param(time, self._dialect)
        return self._stored[time]


@cache
def _insertion(paramstyle: str) -> str:
    """Return the statement that inserts a rollup.

    The driver gets the values as they are: SQLAlchemy takes three times as long as SQLite itself.
    """
    names = rollups_table.columns.keys()
    place = "?" if paramstyle == "qmark" else "%s"
    return (
        f"INSERT INTO {rollups_table.name} ({', '.join(names)}) "  # noqa: S608 - names
        f"VALUES ({', '.join([place] * len(names))})"
    )


def add_groups(
    connection: Connection, bucket: datetime, groups: Groups, *, is_deleted: bool = False
) -> None:
    """Add runs that started in a 15-minute bucket to the rollups of all lengths."""
    for length in LENGTHS:
        begin = floor(bucket, length)
        bucket_range = BucketRange(length, begin, begin + length)
        known: Groups = {}
        merge_groups(connection, bucket_range, known, is_deleted=is_deleted)
        merge(known, groups)
        replace_groups(connection, length, {begin: known}, is_deleted=is_deleted)
    mark_day(connection, bucket)


def keep_one_change(connection: Connection, bucket: datetime) -> None:
    """Keep only one of the entries for a changed bucket, since those of deletions pile up.

    The caller holds the lock for writing rollups, and increments the day's generation.
    """
    changes = changes_table.c
    whole = and_(changes.run_id.is_(None), is_in_bucket(bucket))
    newest = select(func.max(changes.id)).where(whole).scalar_subquery()
    connection.execute(delete(changes_table).where(whole, changes.id < newest))


def is_in_bucket(bucket: datetime) -> ColumnElement[bool]:
    """Whether a change concerns a whole 15-minute bucket."""
    return within(changes_table.c.start, bucket, bucket + FIFTEEN_MINUTES)


def mark_day(connection: Connection, moment: datetime) -> int:
    """Increment the generation of a day; the caller holds the lock for writing rollups.

    Returns:
        The new generation.
    """
    day = floor(moment, DAY)
    newest = connection.scalar(_NEWEST_GENERATION) or 0
    generation = max(newest + 1, time.time_ns() // 1_000_000)
    connection.execute(_DAY_DELETION, {"marked": day})
    connection.execute(_DAY_INSERTION, {"day": day, "generation": generation})
    return generation


def _in_range(bucket_range: BucketRange, is_deleted: bool | None) -> list[ColumnElement[bool]]:
    conditions = [
        _rollups.seconds == _seconds(bucket_range.length),
        _rollups.start >= bucket_range.begin,
        _rollups.start < bucket_range.end,
    ]
    if is_deleted is not None:
        conditions.append(_rollups.is_deleted == is_deleted)
    return conditions


def _seconds(length: timedelta) -> int:
    return length // timedelta(seconds=1)


_UTC: Final = UtcDateTime()
_VALUES: Final = [
    # Only this module writes numbers here, so there is nothing to convert.
    type_coerce(column, NULLTYPE) if isinstance(column.type, (BigInteger, Float)) else column
    for column in rollups_table.columns
    if column.name not in _KEY[:3]
]
_PACKED_SKETCH: Final = msgspec.msgpack.Decoder(tuple[int, dict[int, int]])
_ERRORS: Final = msgspec.json.Decoder(dict[str, int])
_FIRST_MEASURE: Final = 1 + len(SUMMED)
_FIRST_NEWEST: Final = _FIRST_MEASURE + 4 * len(MEASURES)


def _to_aggregate(values: Any) -> Aggregate:
    measures: dict[str, Sketch] = {}
    for number, name in enumerate(MEASURES):
        first = _FIRST_MEASURE + 4 * number
        count, total, largest, packed = values[first : first + 4]
        zeros, buckets = _PACKED_SKETCH.decode(packed)
        measures[name] = Sketch(count, total, largest, zeros, buckets)
    sums, newest, errors = values[1:_FIRST_MEASURE], values[_FIRST_NEWEST:-1], values[-1]
    return Aggregate(values[0], list(sums), measures, list(newest), decode_errors(errors))


def decode_errors(stored: str | None) -> Counter[str] | None:
    """Read the number of runs by error; None if it is unknown."""
    return None if stored is None else Counter(_ERRORS.decode(stored))


def encode_errors(errors: Mapping[str, int] | None) -> str | None:
    """Return the stored form of the number of runs by error."""
    return None if errors is None else msgspec.json.encode(errors, order="sorted").decode()


def _to_values(aggregate: Aggregate, to_stored: Callable[[datetime | None], Any]) -> list[Any]:
    values: list[Any] = [aggregate.runs, *_limited(aggregate.sums)]
    for name in MEASURES:
        sketch = aggregate.measures[name]
        packed = msgspec.msgpack.encode((sketch.zeros, sketch.buckets))
        values += (sketch.count, sketch.total, sketch.largest, packed)
    values += map(to_stored, aggregate.newest)
    values.append(encode_errors(aggregate.errors))
    return values


def _limited(sums: list[int]) -> list[int]:
    is_small = max(sums) <= LARGEST_COUNT and min(sums) >= -LARGEST_COUNT
    return sums if is_small else list(map(limit_count, sums))
