"""The tables of the rollups, and how one is read and replaced.

How a change of a row is noticed: triggers of the database write, in the transaction of the change
itself and whoever makes it, into ``canvas_sync_rollup_changes``. A run that has ended leaves its
number there; any later change of an ended run leaves the start alone, which says that all rollups
of that quarter of an hour have to be made again from the rows. An entry can be seen when, and only
when, the change can be seen, so that neither late commits nor gaps in sequences matter. Whoever
takes entries away marks the day in the same transaction. Runs that run are in no rollup.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Engine,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    and_,
    delete,
    func,
    insert,
    inspect,
    select,
)

from canvas_sync_core.names import ITEMS
from canvas_sync_core.sketch import Sketch
from canvas_sync_core.store.stored_values import limit_count
from canvas_sync_core.store.timestamps import UtcDateTime, UtcSortedTime

from .aggregates import MEASURES, SUMMED, Aggregate, Groups, merge
from .buckets import DAY, HOUR, QUARTER, TimeBucket, floor, within

__all__ = [
    "LENGTHS",
    "ROLLUPS_METADATA",
    "add_groups",
    "changes_table",
    "days_table",
    "has_rollups",
    "is_of_quarter",
    "keep_one_change",
    "mark_day",
    "merge_groups",
    "replace_groups",
    "rollups_table",
]

LENGTHS: Final = (QUARTER, HOUR, DAY)
"""The lengths of the spans that have rollups."""
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
)
"""Rollups of spans; ``is_deleted`` tells those of runs whose rows retention has deleted."""
changes_table: Final = Table(
    "canvas_sync_rollup_changes",
    ROLLUPS_METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("run_id", BigInteger),
    Column("start", UtcSortedTime, nullable=False),
    Index("ix_canvas_sync_rollup_changes_start", "start", "run_id"),
)
"""What the rollups do not know yet: a run, or without one a whole quarter of an hour."""
days_table: Final = Table(
    "canvas_sync_rollup_days",
    ROLLUPS_METADATA,
    Column("day", UtcDateTime, primary_key=True),
    Column("generation", BigInteger, nullable=False),
)
"""UTC days with rollups; the generation grows with each change of any of a day's rollups.

It is no less than the time in milliseconds, so that a database that was made anew does not repeat
what the one before has told.
"""

_rollups = rollups_table.c


def has_rollups(database: Engine | Connection) -> bool:
    """Tell whether the database has the tables: an app that migrates its own may lack them."""
    return inspect(database).has_table(changes_table.name)


def merge_groups(
    connection: Connection, span: TimeBucket, into: Groups, *, is_deleted: bool | None = None
) -> None:
    """Add the rollups of a span.

    Args:
        connection: Where they are.
        span: Which of them.
        into: What they are added to.
        is_deleted: Only those of runs that are deleted, or are not; None for both.
    """
    statement = select(*_VALUES).where(
        _rollups.seconds == _seconds(span.length),
        _rollups.start >= span.begin,
        _rollups.start < span.end,
    )
    if is_deleted is not None:
        statement = statement.where(_rollups.is_deleted == is_deleted)
    for row in connection.execute(statement):
        merge(into, {(row[0], row[1]): _to_aggregate(row[2:])})


def replace_groups(
    connection: Connection, span: TimeBucket, groups: Groups, *, is_deleted: bool
) -> None:
    """Make ``groups`` the rollup of one span."""
    where = (
        _rollups.seconds == _seconds(span.length),
        _rollups.start == span.begin,
        _rollups.is_deleted == is_deleted,
    )
    connection.execute(delete(rollups_table).where(*where))
    key = (_seconds(span.length), span.begin, is_deleted)
    rows = [
        dict(zip(_NAMES, (*key, *group, *_to_values(aggregate)), strict=True))
        for group, aggregate in groups.items()
        if aggregate.runs
    ]
    if rows:
        connection.execute(insert(rollups_table), rows)


def add_groups(
    connection: Connection, quarter: datetime, groups: Groups, *, is_deleted: bool = False
) -> None:
    """Add runs that began in a quarter of an hour to the rollups of all lengths."""
    for length in LENGTHS:
        begin = floor(quarter, length)
        span = TimeBucket(length, begin, begin + length)
        known: Groups = {}
        merge_groups(connection, span, known, is_deleted=is_deleted)
        merge(known, groups)
        replace_groups(connection, span, known, is_deleted=is_deleted)
    mark_day(connection, quarter)


def keep_one_change(connection: Connection, quarter: datetime) -> None:
    """Keep one of the entries that say that a quarter has changed: those of deletions pile up.

    Whoever calls is alone in writing rollups, and marks the day.
    """
    changes = changes_table.c
    whole = and_(changes.run_id.is_(None), is_of_quarter(quarter))
    newest = select(func.max(changes.id)).where(whole).scalar_subquery()
    connection.execute(delete(changes_table).where(whole, changes.id < newest))


def is_of_quarter(quarter: datetime) -> ColumnElement[bool]:
    """Whether an entry of the changes is about a quarter of an hour."""
    return within(changes_table.c.start, quarter, quarter + QUARTER)


def mark_day(connection: Connection, moment: datetime) -> None:
    """Tell that rollups of a moment's day have changed; whoever calls is alone in writing them."""
    day = floor(moment, DAY)
    newest = connection.scalar(select(func.max(days_table.c.generation))) or 0
    generation = max(newest + 1, time.time_ns() // 1_000_000)
    connection.execute(delete(days_table).where(days_table.c.day == day))
    connection.execute(insert(days_table), {"day": day, "generation": generation})


def _seconds(length: timedelta) -> int:
    return length // timedelta(seconds=1)


_NAMES: Final = [column.name for column in rollups_table.columns]
_VALUES: Final = [column for column in rollups_table.columns if column.name not in _KEY[:3]]
_FIRST_MEASURE: Final = 1 + len(SUMMED)
_FIRST_NEWEST: Final = _FIRST_MEASURE + 4 * len(MEASURES)


def _to_aggregate(values: Any) -> Aggregate:
    measures: dict[str, Sketch] = {}
    for number, name in enumerate(MEASURES):
        first = _FIRST_MEASURE + 4 * number
        count, total, largest, packed = values[first : first + 4]
        zeros, buckets = msgspec.msgpack.decode(packed, type=tuple[int, dict[int, int]])
        measures[name] = Sketch(count, total, largest, zeros, buckets)
    sums, newest = values[1:_FIRST_MEASURE], values[_FIRST_NEWEST:]
    return Aggregate(values[0], list(sums), measures, list(newest))


def _to_values(aggregate: Aggregate) -> list[Any]:
    values: list[Any] = [aggregate.runs, *map(limit_count, aggregate.sums)]
    for name in MEASURES:
        sketch = aggregate.measures[name]
        packed = msgspec.msgpack.encode((sketch.zeros, sketch.buckets))
        values += [sketch.count, sketch.total, sketch.largest, packed]
    return [*values, *aggregate.newest]
