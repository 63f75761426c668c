"""Keeps the rollups up to date, in transactions that each leave a consistent state."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, delete, func, select, text

from canvas_sync_core.store.database import connect_to_read, connect_to_read_snapshot
from canvas_sync_core.store.model import metrics_table

from .aggregates import ENDED, ROW_COLUMNS, Groups, add_up, add_up_range, merge
from .buckets import DAY, FIFTEEN_MINUTES, HOUR, BucketRange, floor, within
from .error_counts import fill_in_newest_hour, has_unknown_errors
from .precomputed import Precomputed, entries_between, generation_of, has_many_rows, precompute
from .tables import (
    add_groups,
    changes_table,
    has_rollups,
    is_in_bucket,
    mark_day,
    recompute_from_parts,
    replace_groups,
    rollups_table,
)

__all__ = ["Waiting", "exclusive", "no_failpoint", "recompute", "roll_up", "waiting"]

_RUNS_AT_ONCE: Final = 200
_TRANSACTION_S: Final = 0.02
"""After this time, no further bucket is started, so that syncs get a chance to write."""
_GROUPS_AT_ONCE: Final = 150
"""Precomputed rollups that are stored before the time is checked again."""
_IDS_AT_ONCE: Final = 10_000
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
        SQLAlchemyError: The database is unreachable, or its role may not write the rollups.
    """
    if not has_rollups(engine):
        return False
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.monotonic()
        with exclusive(engine) as connection:
            done = _roll_up_runs(connection, failpoint)
            failpoint("before the first commit")
        done = _roll_up_changes(engine, failpoint) or done
        done = _fill_in_errors(engine, failpoint) or done
        if not done:
            return False
        _let_syncs_write(began)
    return True


def recompute(engine: Engine, bucket: datetime) -> None:
    """Recompute the rollups of one 15-minute bucket from its rows, and drop its recorded changes.

    All its rows are read while no one else can write, so there should be few.

    Raises:
        SQLAlchemyError: The database is unreachable, or its role may not write the rollups.
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
    """Add the recently ended runs, except those in buckets that have to be recomputed anyway.

    Returns:
        Whether more are left, apart from those that end meanwhile: to add each of them at once
        would rewrite the rollups of the day again and again.
    """
    until = time.monotonic() + _TRANSACTION_S
    noted = select(_changes.id, _changes.run_id, _changes.start)
    oldest = noted.where(_changes.run_id.is_not(None)).order_by(_changes.id).limit(_RUNS_AT_ONCE)
    by_bucket: dict[datetime, list[Any]] = {}
    found = connection.execute(oldest).all()
    for entry in found:
        by_bucket.setdefault(floor(entry.start, FIFTEEN_MINUTES), []).append(entry)
    changed = _changed_buckets(connection, by_bucket) if by_bucket else set()
    added = 0
    for bucket, entries in by_bucket.items():
        if bucket in changed:
            mark_day(connection, bucket)
        else:
            _add_runs(connection, bucket, entries)
        processed = _changes.id.in_([entry.id for entry in entries])
        connection.execute(delete(changes_table).where(processed))
        failpoint("added runs")
        added += len(entries)
        if time.monotonic() >= until:
            break
    return added < len(found) or len(found) == _RUNS_AT_ONCE


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


def _roll_up_changes(engine: Engine, failpoint: Callable[[str], None]) -> bool:
    """Recompute the newest changed buckets, within one day; return whether there were any."""
    with connect_to_read_snapshot(engine) as connection:
        newest = _newest_changed(connection)
        known = None if newest is None else precompute(connection, newest)
    failpoint("added up beforehand")
    while True:
        began = time.monotonic()
        with exclusive(engine) as connection:
            done = _recompute_newest_buckets(connection, known, failpoint)
            failpoint("before the second commit")
        if known is None or not known.groups:
            return done
        _let_syncs_write(began)


def _let_syncs_write(began: float) -> None:
    time.sleep(min(_TRANSACTION_S, time.monotonic() - began))


def _recompute_newest_buckets(
    connection: Connection, known: Precomputed | None, failpoint: Callable[[str], None]
) -> bool:
    """Recompute the newest changed buckets, within one day and a short time.

    A day with changed buckets is not read, so it is recomputed only after the last of them.
    """
    until = time.monotonic() + _TRANSACTION_S
    if known is not None:
        day = known.day
    elif (newest := _newest_changed(connection)) is not None:
        day = floor(newest, DAY)
    else:
        return False
    stored: dict[datetime, Groups] = {}
    while found := (
        _recompute_newest(connection, day) if known is None else _take_over(connection, known)
    ):
        stored |= found
        failpoint("recomputed a bucket")
        if time.monotonic() >= until:
            break
    for hour in {floor(bucket, HOUR) for bucket in stored}:
        _recompute_hour(connection, hour, stored)
        failpoint("made an hour again")
    if stored:
        if _newest_changed(connection, day) is None:
            _recompute_day(connection, day)
        generation = mark_day(connection, day)
        if known is not None:
            known.generation = generation
    return True


def _recompute_newest(connection: Connection, day: datetime) -> dict[datetime, Groups]:
    """Recompute the newest changed bucket of a day, unless that takes too long within the lock."""
    newest = _newest_changed(connection, day)
    bucket = None if newest is None else floor(newest, FIFTEEN_MINUTES)
    if bucket is None or has_many_rows(connection, [bucket]):
        return {}
    return {bucket: _recompute_bucket(connection, bucket)}


def _newest_changed(connection: Connection, day: datetime | None = None) -> datetime | None:
    """Return a time in the newest changed bucket: of a day, or of all."""
    whole = select(_changes.start).where(_changes.run_id.is_(None))
    if day is not None:
        whole = whole.where(within(_changes.start, day, day + DAY))
    return connection.scalar(whole.order_by(_changes.start.desc()).limit(1))


def _recompute_with_parents(connection: Connection, bucket: datetime) -> None:
    hour, day = floor(bucket, HOUR), floor(bucket, DAY)
    _recompute_hour(connection, hour, {bucket: _recompute_bucket(connection, bucket)})
    _recompute_day(connection, day)
    mark_day(connection, day)


def _take_over(connection: Connection, known: Precomputed) -> dict[datetime, Groups]:
    """Store the next precomputed buckets that are still valid; later runs are added later.

    Returns:
        What was stored; if that is nothing, nothing that was precomputed is left.
    """
    if generation_of(connection, known.day) != known.generation:
        known.groups.clear()
    stored: dict[datetime, Groups] = {}
    while known.groups and not stored:
        stored = _valid(connection, known, _next_groups(known))
    replace_groups(connection, FIFTEEN_MINUTES, stored, is_deleted=False)
    processed = [number for bucket in stored for number in known.entries[bucket]]
    for first in range(0, len(processed), _IDS_AT_ONCE):
        some = _changes.id.in_(processed[first : first + _IDS_AT_ONCE])
        connection.execute(delete(changes_table).where(some))
    return stored


def _next_groups(known: Precomputed) -> dict[datetime, Groups]:
    """Take the newest buckets of some hours, only as many as are stored in a short time."""
    found: dict[datetime, Groups] = {}
    count, hour = 0, None
    while known.groups:
        bucket = next(iter(known.groups))
        if count >= _GROUPS_AT_ONCE and floor(bucket, HOUR) != hour:
            break
        found[bucket] = known.groups.pop(bucket)
        count, hour = count + len(found[bucket]), floor(bucket, HOUR)
    return found


def _valid(
    connection: Connection, known: Precomputed, by_bucket: Mapping[datetime, Groups]
) -> dict[datetime, Groups]:
    """Return the buckets in which runs have only ended since they were added up."""
    entries = entries_between(connection, min(by_bucket), max(by_bucket) + FIFTEEN_MINUTES)

    def has_changed(bucket: datetime) -> bool:
        of_bucket = entries.get(bucket, {})
        late = of_bucket.keys() - known.entries[bucket].keys()
        return any(of_bucket[number] is None for number in late)

    return {bucket: groups for bucket, groups in by_bucket.items() if not has_changed(bucket)}


def _recompute_bucket(connection: Connection, bucket: datetime) -> Groups:
    """Recompute a bucket's rollups from its rows, which covers all its recorded changes."""
    groups = add_up_range(
        connection, BucketRange(FIFTEEN_MINUTES, bucket, bucket + FIFTEEN_MINUTES)
    )
    replace_groups(connection, FIFTEEN_MINUTES, {bucket: groups}, is_deleted=False)
    connection.execute(delete(changes_table).where(is_in_bucket(bucket)))
    return groups


def _recompute_hour(
    connection: Connection, hour: datetime, known: Mapping[datetime, Groups]
) -> None:
    """Recompute an hour from its 15-minute buckets; they are only read if not all are known."""
    parts = [hour + number * FIFTEEN_MINUTES for number in range(HOUR // FIFTEEN_MINUTES)]
    if not all(part in known for part in parts):
        recompute_from_parts(connection, BucketRange(HOUR, hour, hour + HOUR), FIFTEEN_MINUTES)
        return
    groups: Groups = {}
    for part in parts:
        merge(groups, known[part])
    replace_groups(connection, HOUR, {hour: groups}, is_deleted=False)


def _recompute_day(connection: Connection, day: datetime) -> None:
    """Recompute a day; its rollups of deleted runs too, since a deletion leaves them to others."""
    bucket_range = BucketRange(DAY, day, day + DAY)
    for is_deleted in (False, True):
        recompute_from_parts(connection, bucket_range, HOUR, is_deleted=is_deleted)
