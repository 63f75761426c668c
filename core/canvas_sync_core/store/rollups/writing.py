"""Keeps the rollups up to date, in transactions that each leave a consistent state."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, delete, func, select, text

from canvas_sync_core.store.database import connect_to_read, connect_to_see_one_moment
from canvas_sync_core.store.model import metrics_table

from .aggregates import ENDED, ROW_COLUMNS, Groups, add_up, add_up_span
from .buckets import DAY, FIFTEEN_MINUTES, HOUR, TimeBucket, floor, within
from .error_counts import fill_in_newest_hour, has_unknown_errors
from .tables import (
    add_groups,
    changes_table,
    days_table,
    has_rollups,
    is_in_bucket,
    mark_day,
    merge_groups,
    replace_groups,
    rollups_table,
)

__all__ = ["Waiting", "exclusive", "no_failpoint", "recompute", "roll_up", "waiting"]

_RUNS_AT_ONCE: Final = 200
_TRANSACTION_S: Final = 0.02
"""After this time, no further bucket is started, so that syncs get a chance to write."""
_MANY_RUNS: Final = 1_000
"""A bucket with more runs than this is added up before the lock is taken."""
_runs = metrics_table.c
_changes = changes_table.c


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is not in the rollups yet, and so has to be read from the rows.

    Attributes:
        runs: Runs that ended since the rollups were last updated.
        buckets: 15-minute buckets that have to be rolled up as a whole: those before the rollups
            came, and those with a run that was changed after its end.
    """

    runs: int
    buckets: int


@dataclass(frozen=True, slots=True)
class _AddedUp:
    """The aggregate of the rows of a 15-minute bucket, computed before the lock was taken.

    It is still valid if runs have only ended since then. Entries are removed only together with an
    increment of the generation, so anything else that happened has left a new entry.

    Attributes:
        bucket: Start of the bucket.
        generation: Generation of its day.
        entries: The bucket's entries at that time.
    """

    bucket: datetime
    generation: int
    entries: Set[int]
    groups: Groups


def no_failpoint(step: str) -> None:
    """Do nothing: only tests stop a roll-up at its steps."""


def waiting(engine: Engine) -> Waiting:
    """Count what is not in the rollups yet; nothing if there are no rollups."""
    whole = _changes.run_id.is_(None)
    with connect_to_read(engine) as connection:
        if not has_rollups(connection):
            return Waiting(0, 0)
        runs = connection.scalar(select(func.count()).where(~whole))
        starts = connection.scalars(select(_changes.start).where(whole).distinct())
        return Waiting(runs or 0, len({floor(start, FIFTEEN_MINUTES) for start in starts}))


def roll_up(
    engine: Engine, seconds: float, failpoint: Callable[[str], None] = no_failpoint
) -> bool:
    """Bring the rollups up to date, newest first; several processes may do so concurrently.

    Args:
        engine: The database with the table.
        seconds: After this time, no further transaction is started.
        failpoint: Called at each step inside the transactions.

    Returns:
        Whether something is left to do.

    Raises:
        SQLAlchemyError: The database is away, or its role may not write the rollups.
    """
    if not has_rollups(engine):
        return False
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.monotonic()
        with exclusive(engine) as connection:
            done = _roll_up_runs(connection, failpoint)
            failpoint("before the first commit")
        known = _add_up_beforehand(engine)
        failpoint("added up beforehand")
        with exclusive(engine) as connection:
            done = _recompute_newest_buckets(connection, known, failpoint) or done
            failpoint("before the second commit")
        done = _fill_in_errors(engine, failpoint) or done
        if not done:
            return False
        time.sleep(min(_TRANSACTION_S, time.monotonic() - began))  # let the syncs write
    return True


def recompute(engine: Engine, bucket: datetime) -> None:
    """Recompute the rollups of one 15-minute bucket from its rows, and drop its recorded changes.

    All its rows are read while no one else can write, so there should be few.

    Raises:
        SQLAlchemyError: The database is away, or its role may not write the rollups.
    """
    with exclusive(engine) as connection:
        _recompute_with_parents(connection, bucket)


@contextmanager
def exclusive(engine: Engine, isolation: str = "REPEATABLE READ") -> Iterator[Connection]:
    """Begin a transaction with an exclusive lock on writing rollups.

    PostgreSQL takes the snapshot of a REPEATABLE READ transaction at its first statement other than
    LOCK TABLE (see the documentation of that statement), so here after it has the lock.

    Args:
        engine: The database with the table.
        isolation: Isolation level in PostgreSQL; SQLite always has snapshots.
    """
    if engine.dialect.name == "sqlite":
        with engine.execution_options(canvas_sync_immediate=True).begin() as connection:
            yield connection
        return
    with engine.execution_options(isolation_level=isolation).begin() as connection:
        connection.execute(text(f"LOCK TABLE {rollups_table.name} IN SHARE ROW EXCLUSIVE MODE"))
        yield connection


def _roll_up_runs(connection: Connection, failpoint: Callable[[str], None]) -> bool:
    """Add the recently ended runs, except those in buckets that have to be recomputed anyway."""
    until = time.monotonic() + _TRANSACTION_S
    noted = select(_changes.id, _changes.run_id, _changes.start)
    oldest = noted.where(_changes.run_id.is_not(None)).order_by(_changes.id).limit(_RUNS_AT_ONCE)
    by_bucket: dict[datetime, list[Any]] = {}
    for entry in connection.execute(oldest):
        by_bucket.setdefault(floor(entry.start, FIFTEEN_MINUTES), []).append(entry)
    changed = _changed_buckets(connection, by_bucket) if by_bucket else set()
    for bucket, entries in by_bucket.items():
        if bucket in changed:
            mark_day(connection, bucket)
        else:
            _add_runs(connection, bucket, entries)
        processed = _changes.id.in_([entry.id for entry in entries])
        connection.execute(delete(changes_table).where(processed))
        failpoint("added runs")
        if time.monotonic() >= until:
            break
    return bool(by_bucket)


def _fill_in_errors(engine: Engine, failpoint: Callable[[str], None]) -> bool:
    """Fill in the number of runs by error in rollups that an older version made."""
    with connect_to_read(engine) as connection:
        if not has_unknown_errors(connection):
            return False
    until = time.monotonic() + _TRANSACTION_S
    with exclusive(engine) as connection:
        while fill_in_newest_hour(connection):
            failpoint("filled in an hour")
            if time.monotonic() >= until:
                break
        failpoint("before the third commit")
    return True


def _changed_buckets(connection: Connection, buckets: Iterable[datetime]) -> set[datetime]:
    """Return which of some buckets have to be recomputed."""
    wanted = set(buckets)
    is_near = within(_changes.start, min(wanted), max(wanted) + FIFTEEN_MINUTES)
    whole = select(_changes.start).where(_changes.run_id.is_(None), is_near)
    return wanted & {floor(start, FIFTEEN_MINUTES) for start in connection.scalars(whole)}


def _add_runs(connection: Connection, bucket: datetime, entries: Sequence[Any]) -> None:
    numbers = _runs.id.in_({entry.run_id for entry in entries})
    rows = connection.execute(select(*ROW_COLUMNS).where(numbers, ENDED))
    add_groups(connection, bucket, add_up(rows))


def _add_up_beforehand(engine: Engine) -> _AddedUp | None:
    """Add up the newest changed bucket in advance, if that takes longer than a lock may be held."""
    with connect_to_see_one_moment(engine) as connection:
        newest = _newest_changed(connection)
        bucket = None if newest is None else floor(newest, FIFTEEN_MINUTES)
        if bucket is None or not _has_many_runs(connection, bucket):
            return None
        entries = frozenset(_entries(connection, bucket))
        groups = add_up_span(
            connection, TimeBucket(FIFTEEN_MINUTES, bucket, bucket + FIFTEEN_MINUTES)
        )
        return _AddedUp(bucket, _generation(connection, bucket), entries, groups)


def _has_many_runs(connection: Connection, bucket: datetime) -> bool:
    start = _runs.sync_start_time
    runs = select(start).where(within(start, bucket, bucket + FIFTEEN_MINUTES), ENDED)
    some = runs.limit(_MANY_RUNS + 1).subquery()
    return (connection.scalar(select(func.count()).select_from(some)) or 0) > _MANY_RUNS


def _entries(connection: Connection, bucket: datetime) -> dict[int, int | None]:
    """Return the entries of a bucket, each with the run whose end it records."""
    noted = select(_changes.id, _changes.run_id).where(is_in_bucket(bucket))
    return {number: run for number, run in connection.execute(noted)}  # noqa: C416 - rows


def _generation(connection: Connection, bucket: datetime) -> int:
    of_day = days_table.c.day == floor(bucket, DAY)
    return connection.scalar(select(days_table.c.generation).where(of_day)) or 0


def _recompute_newest_buckets(
    connection: Connection, known: _AddedUp | None, failpoint: Callable[[str], None]
) -> bool:
    """Recompute the newest changed buckets, within one day and a short time."""
    until = time.monotonic() + _TRANSACTION_S
    newest = _newest_changed(connection)
    if newest is None:
        return False
    day = floor(newest, DAY)
    hours: set[datetime] = set()
    while newest is not None and newest >= day and time.monotonic() < until:
        bucket = floor(newest, FIFTEEN_MINUTES)
        if not _recompute_unless_slow(connection, bucket, known):
            break  # it is added up in advance next time
        hours.add(floor(bucket, HOUR))
        failpoint("recomputed a bucket")
        newest = _newest_changed(connection)
    for hour in hours:
        _recompute_from_parts(connection, TimeBucket(HOUR, hour, hour + HOUR), FIFTEEN_MINUTES)
        failpoint("made an hour again")
    if hours:
        _recompute_from_parts(connection, TimeBucket(DAY, day, day + DAY), HOUR)
        mark_day(connection, day)
    return True


def _newest_changed(connection: Connection) -> datetime | None:
    whole = select(_changes.start).where(_changes.run_id.is_(None))
    return connection.scalar(whole.order_by(_changes.start.desc()).limit(1))


def _recompute_with_parents(connection: Connection, bucket: datetime) -> None:
    _recompute_bucket(connection, bucket)
    hour, day = floor(bucket, HOUR), floor(bucket, DAY)
    _recompute_from_parts(connection, TimeBucket(HOUR, hour, hour + HOUR), FIFTEEN_MINUTES)
    _recompute_from_parts(connection, TimeBucket(DAY, day, day + DAY), HOUR)
    mark_day(connection, day)


def _recompute_unless_slow(
    connection: Connection, bucket: datetime, known: _AddedUp | None
) -> bool:
    """Recompute a bucket unless that would hold the lock for too long; return whether it did."""
    if known is not None and known.bucket == bucket:
        return _take_over(connection, known)
    if _has_many_runs(connection, bucket):
        return False
    _recompute_bucket(connection, bucket)
    return True


def _take_over(connection: Connection, known: _AddedUp) -> bool:
    """Use the aggregate computed in advance if it is still valid; later runs are added later."""
    entries = _entries(connection, known.bucket)
    late = entries.keys() - known.entries
    has_changed = any(entries[number] is None for number in late)
    if has_changed or _generation(connection, known.bucket) != known.generation:
        return False
    span = TimeBucket(FIFTEEN_MINUTES, known.bucket, known.bucket + FIFTEEN_MINUTES)
    replace_groups(connection, span, known.groups, is_deleted=False)
    processed = delete(changes_table).where(is_in_bucket(known.bucket), _changes.id.not_in(late))
    connection.execute(processed)
    return True


def _recompute_bucket(connection: Connection, bucket: datetime) -> None:
    """Recompute a bucket's rollups from its rows, which covers all its recorded changes."""
    span = TimeBucket(FIFTEEN_MINUTES, bucket, bucket + FIFTEEN_MINUTES)
    replace_groups(connection, span, add_up_span(connection, span), is_deleted=False)
    connection.execute(delete(changes_table).where(is_in_bucket(bucket)))


def _recompute_from_parts(connection: Connection, span: TimeBucket, part: Any) -> None:
    groups: Groups = {}
    merge_groups(connection, TimeBucket(part, span.begin, span.end), groups, is_deleted=False)
    replace_groups(connection, span, groups, is_deleted=False)
