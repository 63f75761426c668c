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
from .buckets import DAY, HOUR, QUARTER, TimeBucket, floor, within
from .tables import (
    add_groups,
    changes_table,
    days_table,
    has_rollups,
    is_of_quarter,
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
        quarters: Quarters of an hour that have to be rolled up as a whole: those before the rollups
            came, and those with a run that was changed after its end.
    """

    runs: int
    quarters: int


@dataclass(frozen=True, slots=True)
class _AddedUp:
    """The aggregate of the rows of a 15-minute bucket, computed before the lock was taken.

    It is still valid if runs have only ended since then. Entries are removed only together with an
    increment of the generation, so anything else that happened has left a new entry.

    Attributes:
        quarter: Start of the bucket.
        generation: Generation of its day.
        entries: The bucket's entries at that time.
    """

    quarter: datetime
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
        return Waiting(runs or 0, len({floor(start, QUARTER) for start in starts}))


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
            done = _roll_up_quarters(connection, known, failpoint) or done
            failpoint("before the second commit")
        if not done:
            return False
        time.sleep(min(_TRANSACTION_S, time.monotonic() - began))  # let the syncs write
    return True


def recompute(engine: Engine, quarter: datetime) -> None:
    """Recompute the rollups of one 15-minute bucket from its rows, and drop its recorded changes.

    All its rows are read while no one else can write, so there should be few.

    Raises:
        SQLAlchemyError: The database is away, or its role may not write the rollups.
    """
    with exclusive(engine) as connection:
        _remake(connection, quarter)


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
    by_quarter: dict[datetime, list[Any]] = {}
    for entry in connection.execute(oldest):
        by_quarter.setdefault(floor(entry.start, QUARTER), []).append(entry)
    changed = _changed_quarters(connection, by_quarter) if by_quarter else set()
    for quarter, entries in by_quarter.items():
        if quarter in changed:
            mark_day(connection, quarter)
        else:
            _add_runs(connection, quarter, entries)
        settled = _changes.id.in_([entry.id for entry in entries])
        connection.execute(delete(changes_table).where(settled))
        failpoint("added runs")
        if time.monotonic() >= until:
            break
    return bool(by_quarter)


def _changed_quarters(connection: Connection, quarters: Iterable[datetime]) -> set[datetime]:
    """Return which of some buckets have to be recomputed."""
    wanted = set(quarters)
    is_near = within(_changes.start, min(wanted), max(wanted) + QUARTER)
    whole = select(_changes.start).where(_changes.run_id.is_(None), is_near)
    return wanted & {floor(start, QUARTER) for start in connection.scalars(whole)}


def _add_runs(connection: Connection, quarter: datetime, entries: Sequence[Any]) -> None:
    numbers = _runs.id.in_({entry.run_id for entry in entries})
    rows = connection.execute(select(*ROW_COLUMNS).where(numbers, ENDED))
    add_groups(connection, quarter, add_up(rows))


def _add_up_beforehand(engine: Engine) -> _AddedUp | None:
    """Add up the newest changed bucket in advance, if that takes longer than a lock may be held."""
    with connect_to_see_one_moment(engine) as connection:
        newest = _newest_changed(connection)
        quarter = None if newest is None else floor(newest, QUARTER)
        if quarter is None or not _has_many_runs(connection, quarter):
            return None
        entries = frozenset(_entries(connection, quarter))
        groups = add_up_span(connection, TimeBucket(QUARTER, quarter, quarter + QUARTER))
        return _AddedUp(quarter, _generation(connection, quarter), entries, groups)


def _has_many_runs(connection: Connection, quarter: datetime) -> bool:
    start = _runs.sync_start_time
    runs = select(start).where(within(start, quarter, quarter + QUARTER), ENDED)
    some = runs.limit(_MANY_RUNS + 1).subquery()
    return (connection.scalar(select(func.count()).select_from(some)) or 0) > _MANY_RUNS


def _entries(connection: Connection, quarter: datetime) -> dict[int, int | None]:
    """Return the entries of a bucket, each with the run whose end it records."""
    noted = select(_changes.id, _changes.run_id).where(is_of_quarter(quarter))
    return {number: run for number, run in connection.execute(noted)}  # noqa: C416 - rows


def _generation(connection: Connection, quarter: datetime) -> int:
    of_day = days_table.c.day == floor(quarter, DAY)
    return connection.scalar(select(days_table.c.generation).where(of_day)) or 0


def _roll_up_quarters(
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
        quarter = floor(newest, QUARTER)
        if not _remake_quarter_fast(connection, quarter, known):
            break  # it is added up in advance next time
        hours.add(floor(quarter, HOUR))
        failpoint("made a quarter again")
        newest = _newest_changed(connection)
    for hour in hours:
        _remake_of_parts(connection, TimeBucket(HOUR, hour, hour + HOUR), QUARTER)
        failpoint("made an hour again")
    if hours:
        _remake_of_parts(connection, TimeBucket(DAY, day, day + DAY), HOUR)
        mark_day(connection, day)
    return True


def _newest_changed(connection: Connection) -> datetime | None:
    whole = select(_changes.start).where(_changes.run_id.is_(None))
    return connection.scalar(whole.order_by(_changes.start.desc()).limit(1))


def _remake(connection: Connection, quarter: datetime) -> None:
    _remake_quarter(connection, quarter)
    hour, day = floor(quarter, HOUR), floor(quarter, DAY)
    _remake_of_parts(connection, TimeBucket(HOUR, hour, hour + HOUR), QUARTER)
    _remake_of_parts(connection, TimeBucket(DAY, day, day + DAY), HOUR)
    mark_day(connection, day)


def _remake_quarter_fast(connection: Connection, quarter: datetime, known: _AddedUp | None) -> bool:
    """Roll a quarter up unless that would hold the lock for long; return whether it did."""
    if known is not None and known.quarter == quarter:
        return _take_over(connection, known)
    if _has_many_runs(connection, quarter):
        return False
    _remake_quarter(connection, quarter)
    return True


def _take_over(connection: Connection, known: _AddedUp) -> bool:
    """Use the aggregate computed in advance if it is still valid; later runs are added later."""
    entries = _entries(connection, known.quarter)
    late = entries.keys() - known.entries
    has_changed = any(entries[number] is None for number in late)
    if has_changed or _generation(connection, known.quarter) != known.generation:
        return False
    span = TimeBucket(QUARTER, known.quarter, known.quarter + QUARTER)
    replace_groups(connection, span, known.groups, is_deleted=False)
    settled = delete(changes_table).where(is_of_quarter(known.quarter), _changes.id.not_in(late))
    connection.execute(settled)
    return True


def _remake_quarter(connection: Connection, quarter: datetime) -> None:
    """Recompute a bucket's rollups from its rows, which covers all its recorded changes."""
    span = TimeBucket(QUARTER, quarter, quarter + QUARTER)
    replace_groups(connection, span, add_up_span(connection, span), is_deleted=False)
    connection.execute(delete(changes_table).where(is_of_quarter(quarter)))


def _remake_of_parts(connection: Connection, span: TimeBucket, part: Any) -> None:
    groups: Groups = {}
    merge_groups(connection, TimeBucket(part, span.begin, span.end), groups, is_deleted=False)
    replace_groups(connection, span, groups, is_deleted=False)
