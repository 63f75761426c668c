"""Aggregates of periods that have a start and an end, by sync type and status.

Each is composed of rollups and of the rows that the rollups do not contain yet, in one snapshot,
as :mod:`.reading` describes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from sqlalchemy import ColumnElement, Connection, Engine, Row, Select, and_, func, select

from canvas_sync_core.errors import StorageError
from canvas_sync_core.store.database import connect_for_long_read, connect_to_read_snapshot
from canvas_sync_core.store.model import metrics_table

from .aggregates import ENDED, ROW_COLUMNS, Group, Groups, add_up, add_up_range, merge
from .buckets import DAY, FIFTEEN_MINUTES, BucketRange, cover, floor, joined, within
from .parts_of_days import merge_range
from .state import RollupState, read_state
from .tables import changes_table, count_groups, has_deleted_runs, has_rollups

__all__ = [
    "MergeRollups",
    "Period",
    "RollupsBehindError",
    "count_periods",
    "new_rows",
    "read_between",
    "read_periods",
    "require_few_rows",
    "usable_state",
]


_runs = metrics_table.c
_MOST_ROWS: Final = 200_000


class MergeRollups(Protocol):
    """Adds the rollups of some buckets, as :func:`.parts_of_days.merge_range` does."""

    def __call__(
        self,
        connection: Connection,
        bucket_range: BucketRange,
        into: Groups,
        *,
        is_deleted: bool | None = None,
    ) -> None:
        """Add the rollups of some buckets."""


class RollupsBehindError(StorageError):
    """Many runs of a period are not in the rollups yet, and too many to read their rows."""


@dataclass(frozen=True, slots=True)
class Period:
    """A period in UTC; both bounds are rounded down to the start of a 15-minute bucket."""

    begin: datetime
    end: datetime

    def __contains__(self, time: datetime) -> bool:
        return floor(self.begin, FIFTEEN_MINUTES) <= time < floor(self.end, FIFTEEN_MINUTES)


def read_periods(engine: Engine, periods: Sequence[Period]) -> list[Groups]:
    """Add up the ended runs that started in each period.

    Args:
        engine: The database with the table.
        periods: At least one; they may overlap.

    Raises:
        StorageError: Too much is not in the rollups yet.
        SQLAlchemyError: The database is unreachable.
    """
    with connect_to_read_snapshot(engine) as connection:
        state = usable_state(connection, _first(periods))
        if state is not None:
            new = list(new_rows(connection, state, _first(periods)))
            return [_read(connection, each, state, new) for each in periods]
    with connect_for_long_read(engine) as connection:
        for each in periods:
            require_few_rows(connection, *_bounds(each))
        return [_read_rows(connection, each) for each in periods]


def count_periods(engine: Engine, periods: Sequence[Period]) -> list[Counter[Group]]:
    """Count the ended runs that started in each period; faster than :func:`read_periods`.

    Args:
        engine: The database with the table.
        periods: At least one; they may overlap.

    Raises:
        SQLAlchemyError: The database is unreachable.
    """
    with connect_to_read_snapshot(engine) as connection:
        state = usable_state(connection, _first(periods))
        if state is not None:
            new = list(new_rows(connection, state, _first(periods)))
            return [_count(connection, each, state, new) for each in periods]
    with connect_for_long_read(engine) as connection:
        return [_count_rows(connection, *_bounds(each)) for each in periods]


def read_between(
    connection: Connection,
    begin: datetime,
    end: datetime,
    changed: Set[datetime],
    merge_rollups: MergeRollups = merge_range,
) -> Groups:
    """Read the rollups of a period, and its changed buckets from their rows.

    Args:
        connection: A transaction that sees one snapshot.
        begin: Start of a 15-minute bucket.
        end: Start of a 15-minute bucket.
        changed: Starts of the changed buckets in the period.
        merge_rollups: Reads the rollups of a time bucket.
    """
    groups: Groups = {}
    for unchanged in cover(begin, end, changed):
        merge_rollups(connection, unchanged, groups)
    for outdated in joined(sorted(changed, reverse=True)):
        merge_rollups(connection, outdated, groups, is_deleted=True)
        merge(groups, add_up_range(connection, outdated))
    return groups


def new_rows(
    connection: Connection,
    state: RollupState,
    since: datetime,
    columns: Sequence[ColumnElement[Any]] = ROW_COLUMNS,
) -> Iterator[Row[Any]]:
    """Return the runs that have ended but are not in a rollup yet.

    Those in changed buckets are left out, because these buckets are read from their rows.

    Args:
        connection: A transaction that sees one snapshot.
        state: What the rollups contain in that snapshot.
        since: Start of a 15-minute bucket.
        columns: What to read; first the start.
    """
    if not state.has_new_runs:
        return iter(())
    changes = changes_table.c
    run_ids = select(changes.run_id).where(changes.run_id.is_not(None), changes.start >= since)
    # The row may have been corrected since the change was recorded, so that the run starts earlier.
    is_recent = _runs.sync_start_time >= since
    rows = connection.execute(select(*columns).where(_runs.id.in_(run_ids), ENDED, is_recent))
    return (row for row in rows if floor(row[0], FIFTEEN_MINUTES) not in state.changed_buckets)


def usable_state(connection: Connection, since: datetime) -> RollupState | None:
    """Return what the rollups contain; None if the rows have to be read instead.

    Args:
        connection: A transaction that sees one snapshot.
        since: Start of a 15-minute bucket.
    """
    if not has_rollups(connection):
        return None
    state = read_state(connection, since)
    is_usable = not state.is_far_behind or has_deleted_runs(connection, since)
    return state if is_usable else None


def require_few_rows(
    connection: Connection, begin: datetime, end: datetime, most: int | None = None
) -> None:
    """Check that the rows of a period can be read soon.

    Args:
        connection: The database.
        begin: Start of the period.
        end: End of the period.
        most: Maximum number of rows; by default as many as can be read in a few seconds.

    Raises:
        RollupsBehindError: There are too many.
    """
    most = _MOST_ROWS if most is None else most
    is_in_period = within(_runs.sync_start_time, begin, end)
    some = select(_runs.id).where(is_in_period, ENDED).limit(most + 1).subquery()
    if (connection.scalar(select(func.count()).select_from(some)) or 0) > most:
        left = connection.scalar(_count_changed(begin, end))
        raise RollupsBehindError(
            "Many runs of this period are not in the rollups yet; the exporter adds them in the"
            f" background, newest first. {left} 15-minute buckets are left. Request a shorter"
            " period, or try again later."
        )


def _count_changed(begin: datetime, end: datetime) -> Select[Any]:
    """Count changed buckets; exactly after an upgrade, which records one change for each."""
    changes = changes_table.c
    starts = select(changes.start).where(
        changes.run_id.is_(None), within(changes.start, begin, end)
    )
    return select(func.count()).select_from(starts.distinct().subquery())


def _first(periods: Sequence[Period]) -> datetime:
    return floor(min(period.begin for period in periods), FIFTEEN_MINUTES)


def _bounds(period: Period) -> tuple[datetime, datetime]:
    return floor(period.begin, FIFTEEN_MINUTES), floor(period.end, FIFTEEN_MINUTES)


def _read(
    connection: Connection, period: Period, state: RollupState, new: Iterable[Sequence[Any]]
) -> Groups:
    begin, end = _bounds(period)
    groups = read_between(connection, begin, end, _changed(state, period))
    merge(groups, add_up(row for row in new if row[0] in period))
    return groups


def _read_rows(connection: Connection, period: Period) -> Groups:
    """Add up the rows day by day, so that few of them are in memory at the same time."""
    groups: Groups = {}
    begin, end = _bounds(period)
    while begin < end:
        until = min(floor(begin, DAY) + DAY, end)
        merge(groups, add_up_range(connection, BucketRange(DAY, begin, until)))
        begin = until
    return groups


def _count(
    connection: Connection, period: Period, state: RollupState, new: Iterable[Sequence[Any]]
) -> Counter[Group]:
    counts: Counter[Group] = Counter()
    changed = _changed(state, period)
    for unchanged in cover(*_bounds(period), changed):
        counts.update(count_groups(connection, unchanged))
    for outdated in joined(sorted(changed, reverse=True)):
        counts.update(count_groups(connection, outdated, is_deleted=True))
        counts.update(_count_rows(connection, outdated.begin, outdated.end))
    counts.update((row[1], row[2]) for row in new if row[0] in period)
    return counts


def _count_rows(connection: Connection, begin: datetime, end: datetime) -> Counter[Group]:
    group = (_runs.sync_type, _runs.sync_status)
    is_counted = and_(within(_runs.sync_start_time, begin, end), ENDED)
    statement = select(*group, func.count()).where(is_counted).group_by(*group)
    counts: Counter[Group] = Counter()
    for sync_type, status, count in connection.execute(statement):
        counts[sync_type, status] = count
    return counts


def _changed(state: RollupState, period: Period) -> set[datetime]:
    return {each for each in state.changed_buckets if each in period}
