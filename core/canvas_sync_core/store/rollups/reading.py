"""Answers from the rollups, and from the rows where the rollups are behind.

A result is composed, for each day of the requested time zone, of

- the rollups of the day, which are cached in memory until a change increments the day's generation;
- for each changed 15-minute bucket, its rows instead of its outdated rollup. Only the rollup of its
  deleted rows still counts, because those rows are gone;
- the rows of new runs, which have ended since and are not in a rollup yet;
- the rows of runs that are still running, which are never in a rollup.

All parts are read in one transaction from one snapshot. Otherwise a run that is rolled up between
two statements would count twice, or not at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Set
from datetime import UTC, date, datetime, tzinfo
from functools import cache, partial
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, Select, func, select

from canvas_sync_core.names import RunStatus
from canvas_sync_core.store import queries
from canvas_sync_core.store.database import connect_to_read_snapshot
from canvas_sync_core.store.freshness import Freshness, freshness, sort_by_age
from canvas_sync_core.store.model import metrics_table
from canvas_sync_core.store.query_results import DayPerformance, Performance, Summary
from canvas_sync_core.store.run_pages import SINCE, UNTIL
from canvas_sync_core.store.statistics import sum_of
from canvas_sync_core.store.stored_times import LATEST
from canvas_sync_core.store.stored_values import limit_count

from .aggregates import SUMMED, Groups, gather
from .buckets import (
    DAY,
    FIFTEEN_MINUTES,
    LocalDay,
    cut_day,
    floor,
    local_day,
    local_days,
    whole_buckets,
)
from .periods import new_rows, read_between, require_few_rows
from .precomputed import has_many_rows
from .snapshot import RollupSnapshot
from .state import read_state
from .tables import has_deleted_runs, has_rollups
from .totals import RollupTotals, sketch_statistics
from .totals_cache import TotalsCache

__all__ = ["Rollups"]

_NO_RUNS: Final = RollupTotals()
_MOST_ROWS: Final = 20_000
"""Reading more rows than this for one answer would block its thread for too long."""
_MOST_CHANGED_ROWS: Final = 2_000
"""Beyond these, adding up the rows of changed buckets takes longer than an answer may."""
_runs = metrics_table.c

T = TypeVar("T")


class Rollups:
    """Answers as :mod:`..queries` does: counts and sums exactly, percentiles within 1 %.

    A result is a snapshot and never stale, although totals of days are cached. Its period starts
    with a 15-minute bucket.

    Args:
        engine: The database with the table. If the rollup tables are missing, or while most rollups
            have not been computed yet, everything is read from the rows.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._cache = TotalsCache()
        self._have_tables = False

    def summary(
        self,
        since: datetime,
        until: datetime | None = None,
        snapshot: RollupSnapshot | None = None,
    ) -> Summary:
        """Sum up all runs of a period, of a snapshot or as they are now.

        Raises:
            RollupsBehindError: Too many runs are not in the rollups yet.
        """
        total = self._read_snapshot(
            since, until, UTC, _Reader.total_with_running, _MOST_ROWS, snapshot=snapshot
        )
        if total is None:
            return queries.summary(self._engine, since, until)
        since, until = whole_buckets(since, until)
        return Summary(
            since=since,
            until=until,
            runs=queries.run_counts(sum(total.runs.values(), Counter())),
            by_sync_type={
                name: queries.run_counts(counts) for name, counts in sorted(total.runs.items())
            },
            duration=sketch_statistics(total.measures["duration"]),
            totals=queries.totals(dict(zip(SUMMED, total.sums, strict=True))),
        )

    def performance(
        self, since: datetime, zone: tzinfo = UTC, until: datetime | None = None
    ) -> Performance:
        """Compute how fast the ended runs of a period were, with the days of a time zone.

        Raises:
            RollupsBehindError: Too many runs are not in the rollups yet.
        """
        days_and_total = self._read_snapshot(since, until, zone, _Reader.days_and_total, _MOST_ROWS)
        if days_and_total is None:
            return queries.performance(self._engine, since, zone, until)
        days, total = days_and_total
        since, until = whole_buckets(since, until)
        return Performance(
            since=since,
            until=until,
            **total.statistics,
            trend=[
                DayPerformance(each.day, **totals.statistics)
                for each, totals in days.items()
                if not totals.is_empty
            ],
        )

    def freshness(
        self,
        since: datetime,
        now: datetime,
        until: datetime | None = None,
        snapshot: RollupSnapshot | None = None,
    ) -> Freshness:
        """Return when a successful run of a period last brought in each kind of item.

        It is read from a snapshot, or as it is now.
        """
        days_and_total = self._read_snapshot(
            since, until, UTC, _Reader.days_and_total, snapshot=snapshot
        )
        if days_and_total is None:
            return freshness(self._engine, since, now, until)
        _, total = days_and_total
        return Freshness(*whole_buckets(since, until), sort_by_age(total.newest, now))

    def _read_snapshot(
        self,
        since: datetime,
        until: datetime | None,
        zone: tzinfo,
        read: Callable[[_Reader], T],
        most_rows: int | None = None,
        *,
        snapshot: RollupSnapshot | None = None,
    ) -> T | None:
        """Read a snapshot of the rollups; None if the caller has to read the rows.

        The caller reads the rows after this connection is back in the pool. Otherwise it would need
        a second one, and many concurrent clients could exhaust the pool and wait for each other.

        Raises:
            RollupsBehindError: It would have to read more than ``most_rows`` rows.
        """
        since, until = whole_buckets(since, until)
        if snapshot is not None:
            return read(_Reader(snapshot, self._cache, since=since, until=until, zone=zone))
        with connect_to_read_snapshot(self._engine) as connection:
            if not self._find_tables(connection):
                return None
            state = read_state(connection, since)
            is_behind = state.is_far_behind or (
                most_rows is not None
                and has_many_rows(
                    connection, sorted(state.changed_buckets, reverse=True), _MOST_CHANGED_ROWS
                )
            )
            if is_behind and not has_deleted_runs(connection, since):
                if most_rows is not None:
                    require_few_rows(connection, since, until or LATEST, most_rows)
                return None
            new_runs = list(new_rows(connection, state, since))
            snapshot = RollupSnapshot(connection, state, new_runs)
            return read(_Reader(snapshot, self._cache, since=since, until=until, zone=zone))

    def _find_tables(self, connection: Connection) -> bool:
        if not self._have_tables:  # the tables stay once they exist, so check only until then
            self._have_tables = has_rollups(connection)
        return self._have_tables


class _Reader:
    """Reads the totals for one result.

    Args:
        snapshot: What to read.
        cache: Totals of days that were read before.
        since: Start of the period, which is the start of a 15-minute bucket.
        until: End of the period, which is the start of a 15-minute bucket; None for no end.
        zone: Time zone of the days.
    """

    def __init__(
        self,
        snapshot: RollupSnapshot,
        cache: TotalsCache,
        *,
        since: datetime,
        until: datetime | None,
        zone: tzinfo,
    ) -> None:
        self._connection = snapshot.connection
        self._cache = cache
        self._state = snapshot.state
        self._new = snapshot.new_runs
        self._since = since
        self._until = until
        self._zone = zone

    def total_with_running(self) -> RollupTotals:
        """Read the totals of all runs, with those that are still running."""
        _, total = self.days_and_total()
        total.add(_running(self._connection, self._since, self._until))
        return total

    def days_and_total(self) -> tuple[dict[LocalDay, RollupTotals], RollupTotals]:
        """Read the totals of the ended runs of each day, oldest day first, and of all days."""
        new = self._new_runs()
        days = {day: self._totals_of(day, new.get(day.day)) for day in self._local_days(new)}
        return days, self._total(days)

    def _local_days(self, new: Iterable[date]) -> list[LocalDay]:
        """List all days up to today, and later ones that have runs: a clock may be years ahead."""
        tomorrow = floor(datetime.now(UTC), DAY) + DAY
        first = self._first_run_at_earliest(tomorrow)
        days = list(local_days(first, tomorrow, self._zone))
        # A UTC day overlaps at most two local days: those of its first and its last bucket.
        touched = (
            moment
            for day in self._state.utc_days
            if day >= tomorrow
            for moment in (day, day + DAY - FIFTEEN_MINUTES)
        )
        later_days = {moment.astimezone(self._zone).date() for moment in touched}
        last = days.pop()  # cut off at the end of the UTC day: use the whole local day
        later_days |= {last.day, *(day for day in new if day > last.day)}
        days += [local_day(day, self._zone) for day in sorted(later_days)]
        cut = (cut_day(day, self._since, self._until) for day in days)
        return [day for day in cut if day is not None]

    def _first_run_at_earliest(self, tomorrow: datetime) -> datetime:
        """Return a time before which no run started, so that empty years are skipped."""
        first = min(self._state.utc_days, default=tomorrow)
        return min(max(self._since, first), tomorrow - DAY)

    def _total(self, days: Mapping[LocalDay, RollupTotals]) -> RollupTotals:
        """Add up all days; the last one changes with each run, so only the others are cached."""
        if not days:
            return RollupTotals()
        *earlier, last = days.values()
        total = self._cache.sum_of(next(iter(days)), tuple(earlier)).copy()
        total.add(last)
        return total

    def _totals_of(self, day: LocalDay, new: Groups | None) -> RollupTotals:
        """Read the totals of a day, and add its new runs to a copy of what is cached."""
        totals = self._rolled_up(day)
        if new is None:
            return totals
        totals = totals.copy()
        totals.add_groups(new)
        return totals

    def _rolled_up(self, day: LocalDay) -> RollupTotals:
        """Read the totals of a day without its new runs."""
        changed = {each for each in self._state.changed_buckets if day.begin <= each < day.end}
        if changed:
            return self._read_day(day, changed)  # not cached: their rows may change at any time
        generations = self._state.generations
        # A local day overlaps up to two UTC days. Generations increase across all days, so the
        # highest of them changes whenever the rollups of either day change.
        generation = max((generations.get(each, 0) for each in day.utc_days), default=0)
        if not generation:
            return _NO_RUNS
        read = partial(self._read_day, day, changed)
        return self._cache.get_or_read(day, generation, read)

    def _read_day(self, day: LocalDay, changed: Set[datetime]) -> RollupTotals:
        totals = RollupTotals()
        totals.add_groups(read_between(self._connection, day.begin, day.end, changed))
        return totals

    def _new_runs(self) -> dict[date, Groups]:
        """Add up the runs that have ended but are not in a rollup yet, by local day."""
        since, until = self._since, self._until
        new = (row for row in self._new if since <= row[0] and (until is None or row[0] < until))
        return gather(new, lambda start: start.astimezone(self._zone).date())


def _running(connection: Connection, since: datetime, until: datetime | None) -> RollupTotals:
    """Read the totals of the runs that have not ended."""
    totals = RollupTotals()
    statement = _sums_of_running(has_end=until is not None)
    for sync_type, count, *sums in connection.execute(statement, {"since": since, "until": until}):
        runs = {sync_type: Counter({RunStatus.RUNNING.value: count})}
        totals.add(RollupTotals(runs, list(map(limit_count, sums))))
    return totals


@cache
def _sums_of_running(*, has_end: bool) -> Select[Any]:
    sums = [sum_of(_runs[name]) for name in SUMMED]
    running = _runs.sync_status == RunStatus.RUNNING.value
    period = (SINCE, UNTIL) if has_end else (SINCE,)
    statement = select(_runs.sync_type, func.count(), *sums).where(running, *period)
    return statement.group_by(_runs.sync_type)
