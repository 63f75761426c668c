"""Keeps the rollups up, in transactions that each leave everything right."""

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
"""After so long no further quarter is begun, so that syncs come to write."""
_MANY_RUNS: Final = 1_000
"""A quarter of an hour with more is added up before the lock is taken."""
_runs = metrics_table.c
_changes = changes_table.c


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is not in the rollups yet, and so is read from the rows.

    Attributes:
        runs: Runs that ended since the rollups were last kept up.
        quarters: Quarters of an hour that have to be rolled up as a whole: those before the rollups
            came, and those with a run that was changed after its end.
    """

    runs: int
    quarters: int


@dataclass(frozen=True, slots=True)
class _AddedUp:
    """What the rows of a quarter of an hour added up to at a moment before the lock was taken.

    It still does when since then runs have only ended: entries are taken away only by those who
    raise the generation, so whatever else happened has left an entry that was not there before.

    Attributes:
        quarter: Its begin.
        generation: Of its day.
        entries: Which entries there were of the quarter.
    """

    quarter: datetime
    generation: int
    entries: Set[int]
    groups: Groups


def no_failpoint(step: str) -> None:
    """Go on: tests stop a roll-up at its steps, nobody else does."""


def waiting(engine: Engine) -> Waiting:
    """Count what is not in the rollups yet; nothing where there are no rollups."""
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
    """Bring the rollups up to date, the newest first; several processes may do so at once.

    Args:
        engine: The database with the table.
        seconds: After so long no further transaction is begun.
        failpoint: Told of each step inside the transactions.

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
        time.sleep(min(_TRANSACTION_S, time.monotonic() - began))  # the turn of the syncs
    return True


def recompute(engine: Engine, quarter: datetime) -> None:
    """Recompute the rollups of one 15-minute bucket from its rows, and drop its noted changes.

    All its rows are read while nobody else can write: there should be few.

    Raises:
        SQLAlchemyError: The database is away, or its role may not write the rollups.
    """
    with exclusive(engine) as connection:
        _remake(connection, quarter)


@contextmanager
def exclusive(engine: Engine, isolation: str = "REPEATABLE READ") -> Iterator[Connection]:
    """Begin a transaction that alone writes rollups.

    PostgreSQL takes the moment that a REPEATABLE READ transaction sees at its first statement but
    for LOCK TABLE (its documentation of that statement says so), and so when it is alone.

    Args:
        engine: The database with the table.
        isolation: Of the transaction in PostgreSQL; SQLite always sees one moment.
    """
    if engine.dialect.name == "sqlite":
        with engine.execution_options(canvas_sync_immediate=True).begin() as connection:
            yield connection
        return
    with engine.execution_options(isolation_level=isolation).begin() as connection:
        connection.execute(text(f"LOCK TABLE {rollups_table.name} IN SHARE ROW EXCLUSIVE MODE"))
        yield connection


def _roll_up_runs(connection: Connection, failpoint: Callable[[str], None]) -> bool:
    """Add the runs that ended lately but for those of quarters that are to be made again anyway."""
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
    """Those of some quarters that have to be made again."""
    wanted = set(quarters)
    is_near = within(_changes.start, min(wanted), max(wanted) + QUARTER)
    whole = select(_changes.start).where(_changes.run_id.is_(None), is_near)
    return wanted & {floor(start, QUARTER) for start in connection.scalars(whole)}


def _add_runs(connection: Connection, quarter: datetime, entries: Sequence[Any]) -> None:
    numbers = _runs.id.in_({entry.run_id for entry in entries})
    rows = connection.execute(select(*ROW_COLUMNS).where(numbers, ENDED))
    add_groups(connection, quarter, add_up(rows))


def _add_up_beforehand(engine: Engine) -> _AddedUp | None:
    """Add up the newest quarter that has changed, if that takes longer than a lock may be held."""
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
    """The entries of a quarter, and whose end each tells of."""
    noted = select(_changes.id, _changes.run_id).where(is_of_quarter(quarter))
    return {number: run for number, run in connection.execute(noted)}  # noqa: C416 - rows


def _generation(connection: Connection, quarter: datetime) -> int:
    of_day = days_table.c.day == floor(quarter, DAY)
    return connection.scalar(select(days_table.c.generation).where(of_day)) or 0


def _roll_up_quarters(
    connection: Connection, known: _AddedUp | None, failpoint: Callable[[str], None]
) -> bool:
    """Make the newest quarters that have changed again, within one day and a short time."""
    until = time.monotonic() + _TRANSACTION_S
    newest = _newest_changed(connection)
    if newest is None:
        return False
    day = floor(newest, DAY)
    hours: set[datetime] = set()
    while newest is not None and newest >= day and time.monotonic() < until:
        quarter = floor(newest, QUARTER)
        if not _remake_quarter_fast(connection, quarter, known):
            break  # it is added up beforehand for the next time
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
    """Roll a quarter up unless that would hold the lock for long; tells whether it did."""
    if known is not None and known.quarter == quarter:
        return _take_over(connection, known)
    if _has_many_runs(connection, quarter):
        return False
    _remake_quarter(connection, quarter)
    return True


def _take_over(connection: Connection, known: _AddedUp) -> bool:
    """Use what was added up beforehand if it still holds; runs that ended since are added later."""
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
    """Roll a quarter up from its rows, which settles all that was noted of it."""
    span = TimeBucket(QUARTER, quarter, quarter + QUARTER)
    replace_groups(connection, span, add_up_span(connection, span), is_deleted=False)
    connection.execute(delete(changes_table).where(is_of_quarter(quarter)))


def _remake_of_parts(connection: Connection, span: TimeBucket, part: Any) -> None:
    groups: Groups = {}
    merge_groups(connection, TimeBucket(part, span.begin, span.end), groups, is_deleted=False)
    replace_groups(connection, span, groups, is_deleted=False)
