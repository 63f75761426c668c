"""Counts of the runs in the table by status, sync type and error, from the rollups.

Whole 15-minute buckets are counted by their rollups, as :mod:`.reading` describes; the two ends of
the period, and runs in progress, by their rows. Runs whose rows were deleted are not counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Engine, Integer, Select, bindparam, func, select

from canvas_sync_core.names import RunStatus
from canvas_sync_core.store.database import connect_to_read_snapshot
from canvas_sync_core.store.model import metrics_table
from canvas_sync_core.store.run_pages import in_period
from canvas_sync_core.store.statistics import sum_of
from canvas_sync_core.store.stored_times import EARLIEST, LATEST
from canvas_sync_core.store.timestamps import UtcDateTime

from .aggregates import ENDED, KIND_COLUMNS
from .buckets import DAY, FIFTEEN_MINUTES, BucketRange, ceiling, cover, floor
from .error_counts import has_unknown_errors
from .periods import new_rows
from .state import RollupState, read_state
from .tables import decode_errors, has_rollups, rollups_table

__all__ = ["RunKind", "count_runs"]

_rollups = rollups_table.c
_runs = metrics_table.c
_SECOND: Final = timedelta(seconds=1)


class RunKind(NamedTuple):
    """What runs are counted by."""

    status: str
    sync_type: str
    error_type: str | None


_Counts = Counter[RunKind]


def count_runs(engine: Engine, since: datetime | None, until: datetime | None) -> _Counts | None:
    """Count the runs that started in a period.

    Args:
        engine: The database with the table.
        since: Start of the period; None if it has none.
        until: End of the period, exclusive; None if it has none.

    Returns:
        The counts, which are exact; None if the rollups are missing or too far behind.

    Raises:
        SQLAlchemyError: The database is unreachable.
    """
    with connect_to_read_snapshot(engine) as connection:
        if not has_rollups(connection):
            return None
        state = read_state(connection, EARLIEST if since is None else floor(since, FIFTEEN_MINUTES))
        if state.is_far_behind:
            return None
        return _count(connection, state, since, until)


def _count(
    connection: Connection, state: RollupState, since: datetime | None, until: datetime | None
) -> _Counts | None:
    running = _count_rows(connection, since, until, is_running=True)
    days = state.utc_days
    begin = min(days, default=LATEST) if since is None else ceiling(since, FIFTEEN_MINUTES)
    end = max(days, default=EARLIEST) + DAY if until is None else floor(until, FIFTEEN_MINUTES)
    if begin >= end:
        return running + _count_rows(connection, since, until)
    if has_unknown_errors(connection, begin, end):
        return None
    counts = running + _count_whole_buckets(connection, state, begin, end)
    if since is not None:
        counts += _count_rows(connection, since, begin)
    if until is not None:
        counts += _count_rows(connection, end, until)
    return counts


def _count_whole_buckets(
    connection: Connection, state: RollupState, begin: datetime, end: datetime
) -> _Counts:
    counts: _Counts = Counter()
    changed = {each for each in state.changed_buckets if begin <= each < end}
    for bucket_range in cover(begin, end, changed):
        for kind, runs in _kinds_in_rollups(connection, bucket_range):
            counts[kind] += runs
    for start in changed:
        counts += _count_rows(connection, start, start + FIFTEEN_MINUTES)
    new: Iterable[Sequence[Any]] = new_rows(connection, state, begin, KIND_COLUMNS)
    for start, sync_type, status, _end, error in new:
        if start < end:
            counts[RunKind(status, sync_type, error)] += 1
    return counts


def _count_rows(
    connection: Connection,
    since: datetime | None,
    until: datetime | None,
    *,
    is_running: bool = False,
) -> _Counts:
    """Count rows: those of ended runs, or those of runs in progress."""
    kind = (_runs.sync_status, _runs.sync_type, _runs.error_type)
    status = _runs.sync_status == RunStatus.RUNNING.value if is_running else ENDED
    statement: Select[Any] = (
        select(*kind, func.count()).where(status, in_period(since, until)).group_by(*kind)
    )
    counts: _Counts = Counter()
    for row in connection.execute(statement):
        counts[RunKind(*row[:3])] = row[3]
    return counts


def _kinds_in_rollups(
    connection: Connection, bucket_range: BucketRange
) -> Iterator[tuple[RunKind, int]]:
    parameters = {
        "length": bucket_range.length // _SECOND,
        "begin": bucket_range.begin,
        "end": bucket_range.end,
    }
    rows = connection.execute(_rollups_in_range(), parameters)
    for status, sync_type, stored, rollups, total in rows:
        without_error = int(total)
        for error, runs in (decode_errors(stored) or {}).items():
            without_error -= rollups * runs
            yield RunKind(status, sync_type, error), rollups * runs
        yield RunKind(status, sync_type, None), without_error


@cache
def _rollups_in_range() -> Select[Any]:
    """Select the rollups of existing runs, those with equal errors as one; prepared once."""
    begin, end = (bindparam(name, type_=UtcDateTime()) for name in ("begin", "end"))
    kind = (_rollups.sync_status, _rollups.sync_type, _rollups.errors)
    return (
        select(*kind, func.count(), sum_of(_rollups.runs))
        .where(
            _rollups.seconds == bindparam("length", type_=Integer()),
            _rollups.start >= begin,
            _rollups.start < end,
            _rollups.is_deleted.is_(False),
        )
        .group_by(*kind)
    )
