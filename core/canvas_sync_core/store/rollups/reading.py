"""Answers from the rollups, and from the rows for what the rollups do not know yet."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from functools import cache, cached_property
from typing import Any, Final, TypeVar

from sqlalchemy import (
    CompoundSelect,
    Connection,
    Engine,
    Select,
    bindparam,
    exists,
    false,
    func,
    select,
    true,
    type_coerce,
    union_all,
)

from canvas_sync_core.locks import Lock, RLock
from canvas_sync_core.names import RunStatus
from canvas_sync_core.sketch import Sketch
from canvas_sync_core.store import queries
from canvas_sync_core.store.database import connect_to_see_one_moment
from canvas_sync_core.store.freshness import Freshness, freshness, sort_by_age
from canvas_sync_core.store.model import metrics_table
from canvas_sync_core.store.pages import SINCE
from canvas_sync_core.store.query_results import DayPerformance, Performance, Summary
from canvas_sync_core.store.statistics import NO_VALUES, Statistics, sum_of
from canvas_sync_core.store.stored_values import limit_count
from canvas_sync_core.store.timestamps import UtcDateTime, UtcSortedTime

from .aggregates import (
    ENDED,
    MEASURES,
    ROW_COLUMNS,
    SUMMED,
    Groups,
    add_up_span,
    gather,
    later,
)
from .buckets import (
    DAY,
    QUARTER,
    LocalDay,
    TimeBucket,
    cover,
    floor,
    local_day,
    local_days,
)
from .tables import (
    changes_table,
    days_table,
    has_rollups,
    merge_groups,
    rollups_table,
)

__all__ = ["Rollups"]

_MOST_BLOCKS: Final = 4_000
_MOST_SUMS: Final = 50
_MOST_CHANGED: Final = 4 * 24 * 2
_MOST_NEW: Final = 20_000
"""Of more changed quarters or new runs the database itself adds up the rows faster."""
_runs = metrics_table.c

T = TypeVar("T")


class Rollups:
    """Answers as :mod:`..queries` does: counts and sums exactly, percentiles within 1 %.

    What was read of the rollups is kept in memory for as long as it is true. Each answer is that of
    one moment, and never stale. A time begins at a full quarter of an hour.

    Args:
        engine: The database with the table. Without the tables of the rollups, and while most of
            them are still to be made, everything is read from the rows.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._cache = _Cache()
        self._are_there = False

    def summary(self, since: datetime) -> Summary:
        """Sum up all runs since a moment."""
        total = self._ask(since, UTC, _Reader.total_with_running)
        if total is None:
            return queries.summary(self._engine, since)
        return Summary(
            since=floor(since, QUARTER),
            runs=queries.run_counts(sum(total.runs.values(), Counter())),
            by_sync_type={
                name: queries.run_counts(found) for name, found in sorted(total.runs.items())
            },
            duration=_statistics(total.measures["duration"]),
            totals=queries.totals(dict(zip(SUMMED, total.sums, strict=True))),
        )

    def performance(self, since: datetime, zone: tzinfo = UTC) -> Performance:
        """Compute how fast the ended runs since a moment were, with the days of a time zone."""
        found = self._ask(since, zone, _Reader.days_and_total)
        if found is None:
            return queries.performance(self._engine, since, zone)
        days, total = found
        return Performance(
            since=floor(since, QUARTER),
            **total.statistics,
            trend=[
                DayPerformance(each.day, **block.statistics)
                for each, block in days.items()
                if not block.is_empty
            ],
        )

    def freshness(self, since: datetime, now: datetime) -> Freshness:
        """Tell when each kind of item last came in by a successful run since a moment."""
        found = self._ask(since, UTC, _Reader.days_and_total)
        if found is None:
            return freshness(self._engine, since, now)
        _, total = found
        return Freshness(floor(since, QUARTER), sort_by_age(total.newest, now))

    def _ask(self, since: datetime, zone: tzinfo, question: Callable[[_Reader], T]) -> T | None:
        """Ask the rollups as of one moment; None when the rows are to be asked instead.

        The connection is let go of before that, which would take a second one beside it.
        """
        with connect_to_see_one_moment(self._engine) as connection:
            reader = self._reader(connection, since, zone)
            return None if reader is None else question(reader)

    def _reader(self, connection: Connection, since: datetime, zone: tzinfo) -> _Reader | None:
        if not self._are_there:
            self._are_there = has_rollups(connection)
        if not self._are_there:
            return None
        reader = _Reader(connection, self._cache, floor(since, QUARTER), zone)
        if reader.are_many_changed and not _are_some_deleted(connection, reader.since):
            return None
        return reader


class _Reader:
    """Reads what one answer needs, all of it as of one moment."""

    def __init__(
        self, connection: Connection, cache: _Cache, since: datetime, zone: tzinfo
    ) -> None:
        self.since = since
        self._connection = connection
        self._cache = cache
        self._zone = zone
        noted = connection.execute(_noted(), {"since": since, "first_day": floor(since, DAY)}).all()
        entries = [(moment, number) for is_day, moment, number in noted if not is_day]
        self.changed = {floor(start, QUARTER) for start, number in entries if number is None}
        self.are_many_changed = len(self.changed) > _MOST_CHANGED or len(entries) > _MOST_NEW
        self._are_some_new = any(number is not None for _, number in entries)
        self._generations = {moment: number for is_day, moment, number in noted if is_day}
        self._utc_days = {floor(moment, DAY) for _, moment, _ in noted}

    def days(self) -> dict[LocalDay, _Block]:
        """What the runs of each day add up to, oldest first; the last day goes on."""
        new = self._new_runs()
        return {each: self._day(each, new.get(each.day)) for each in self._local_days(new)}

    def _local_days(self, new: Iterable[date]) -> list[LocalDay]:
        """All days until today, and later ones that have runs: a clock may be years ahead."""
        soon = floor(datetime.now(UTC), DAY) + DAY
        days = list(local_days(self.since, soon, self._zone))
        ends = (end for day in self._utc_days if day >= soon for end in (day, day + DAY - QUARTER))
        later_days = {end.astimezone(self._zone).date() for end in ends}
        last = days.pop()  # perhaps only a part of a day
        later_days |= {last.day, *(day for day in new if day > last.day)}
        return days + [local_day(day, self._zone) for day in sorted(later_days)]

    def days_and_total(self) -> tuple[dict[LocalDay, _Block], _Block]:
        """What the runs of each day add up to, and what all of them do."""
        days = self.days()
        return days, self._total(days)

    def total_with_running(self) -> _Block:
        """What all runs add up to, with those that run."""
        _, total = self.days_and_total()
        total.add(_running(self._connection, self.since))
        return total

    def _total(self, days: Mapping[LocalDay, _Block]) -> _Block:
        *closed, last = days.values()
        total = self._cache.sum_of(next(iter(days)), tuple(closed)).copy()
        total.add(last)
        return total

    def _day(self, day: LocalDay, new: Groups | None) -> _Block:
        block = self._block(day)
        if new is None:
            return block
        block = block.copy()
        block.add_groups(new)
        return block

    def _block(self, day: LocalDay) -> _Block:
        changed = {quarter for quarter in self.changed if day.begin <= quarter < day.end}
        if changed:
            return self._read(day, changed)
        generation = max((self._generations.get(each, 0) for each in day.utc_days), default=0)
        if not generation:
            return _NOTHING  # no day that it lies in has rollups
        return self._cache.find(day, generation) or self._fill(day, generation)

    def _fill(self, day: LocalDay, generation: int) -> _Block:
        """Read a block that the cache has not, unless another thread is just doing that."""
        with self._cache.filling:
            block = self._cache.find(day, generation)
            if block is None:
                block = self._read(day, changed=set())
                self._cache.keep(day, generation, block)
        return block

    def _read(self, day: LocalDay, changed: set[datetime]) -> _Block:
        groups: Groups = {}
        for span in cover(day.begin, day.end, changed):
            merge_groups(self._connection, span, groups)
        block = _Block()
        for quarter in changed:
            span = TimeBucket(QUARTER, quarter, quarter + QUARTER)
            merge_groups(self._connection, span, groups, is_deleted=True)
            block.add_groups(add_up_span(self._connection, span))
        block.add_groups(groups)
        return block

    def _new_runs(self) -> dict[date, Groups]:
        """The runs that are in no rollup yet, by day."""
        if not self._are_some_new:
            return {}
        noted = changes_table.c
        numbers = select(noted.run_id).where(noted.run_id.is_not(None), noted.start >= self.since)
        # A run may begin at another moment than was noted: its row was corrected since.
        recent = _runs.sync_start_time >= self.since
        rows = self._connection.execute(
            select(*ROW_COLUMNS).where(_runs.id.in_(numbers), ENDED, recent)
        )
        new = (row for row in rows if floor(row[0], QUARTER) not in self.changed)
        return gather(new, lambda start: start.astimezone(self._zone).date())


@dataclass(eq=False)
class _Block:
    """What runs add up to, as far as answers tell it.

    Attributes:
        runs: How many there are, by sync type and then status.
        newest: The latest end of a successful run that handled an item, by sync type.
    """

    runs: dict[str, Counter[str]] = field(default_factory=dict)
    sums: list[int] = field(default_factory=lambda: [0] * len(SUMMED))
    measures: dict[str, Sketch] = field(
        default_factory=lambda: {name: Sketch() for name in MEASURES}
    )
    newest: dict[str, list[datetime | None]] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return not any(sketch.count for sketch in self.measures.values())

    @cached_property
    def statistics(self) -> dict[str, Statistics]:
        return {name: _statistics(sketch) for name, sketch in self.measures.items()}

    def copy(self) -> _Block:
        copy = _Block()
        copy.add(self)
        return copy

    def add(self, other: _Block) -> None:
        for sync_type, counts in other.runs.items():
            self.runs.setdefault(sync_type, Counter()).update(counts)
        self.sums = [one + another for one, another in zip(self.sums, other.sums, strict=True)]
        for name, sketch in other.measures.items():
            self.measures[name].merge(sketch)
        for sync_type, ends in other.newest.items():
            known = self.newest.get(sync_type, ends)
            self.newest[sync_type] = list(map(later, known, ends))

    def add_groups(self, groups: Groups) -> None:
        for (sync_type, status), aggregate in groups.items():
            runs = {sync_type: Counter({status: aggregate.runs})}
            newest = {sync_type: aggregate.newest} if status == RunStatus.SUCCESS else {}
            self.add(_Block(runs, aggregate.sums, aggregate.measures, newest))


_NOTHING: Final = _Block()


class _Cache:
    """Remembers what days, and rows of days, add up to; any thread may ask.

    Attributes:
        filling: To be held while a block is read that is not there yet.
    """

    def __init__(self) -> None:
        self.filling = Lock()
        self._lock = RLock()
        self._blocks: OrderedDict[LocalDay, tuple[int, _Block]] = OrderedDict()
        self._sums: OrderedDict[LocalDay, tuple[tuple[_Block, ...], _Block]] = OrderedDict()

    def sum_of(self, first: LocalDay, blocks: tuple[_Block, ...]) -> _Block:
        """Add up the blocks of a row of days, unless just these were added up before."""
        with self._lock:
            known = self._sums.get(first)
        if known is not None and known[0] == blocks:
            return known[1]
        total = _Block()
        for block in blocks:
            total.add(block)
        with self._lock:
            self._sums[first] = (blocks, total)
            if len(self._sums) > _MOST_SUMS:
                self._sums.popitem(last=False)
        return total

    def find(self, day: LocalDay, generation: int) -> _Block | None:
        with self._lock:
            found = self._blocks.get(day)
            if found is None or found[0] != generation:
                return None
            self._blocks.move_to_end(day)
            return found[1]

    def keep(self, day: LocalDay, generation: int, block: _Block) -> None:
        with self._lock:
            self._blocks[day] = (generation, block)
            self._blocks.move_to_end(day)
            if len(self._blocks) > _MOST_BLOCKS:
                self._blocks.popitem(last=False)


def _statistics(sketch: Sketch) -> Statistics:
    if not sketch.count:
        return NO_VALUES
    p50, p95, p99 = (sketch.quantile(share) for share in (0.5, 0.95, 0.99))
    return Statistics(sketch.count, sketch.average, p50, p95, p99, sketch.largest)


@cache
def _noted() -> CompoundSelect[Any]:
    """Days with their generations, and what the rollups do not know; one statement for both."""
    days, changes = days_table.c, changes_table.c
    since, first_day = (bindparam(name, type_=UtcDateTime()) for name in ("since", "first_day"))
    day = type_coerce(days.day, UtcSortedTime())  # as the other half of the union
    return union_all(
        select(true(), day, days.generation).where(days.day >= first_day),
        select(false(), changes.start, changes.run_id).where(changes.start >= since),
    )


def _running(connection: Connection, since: datetime) -> _Block:
    """What the runs that run add up to; no rollup has them."""
    block = _Block()
    for sync_type, count, *totals in connection.execute(_sums_of_running(), {"since": since}):
        runs = {sync_type: Counter({RunStatus.RUNNING.value: count})}
        block.add(_Block(runs, list(map(limit_count, totals))))
    return block


@cache
def _sums_of_running() -> Select[Any]:
    sums = [sum_of(_runs[name]) for name in SUMMED]
    running = _runs.sync_status == RunStatus.RUNNING.value
    statement = select(_runs.sync_type, func.count(), *sums).where(running, SINCE)
    return statement.group_by(_runs.sync_type)


def _are_some_deleted(connection: Connection, since: datetime) -> bool:
    found = exists(rollups_table.c.runs).where(
        rollups_table.c.seconds == DAY.total_seconds(),
        rollups_table.c.start >= floor(since, DAY),
        rollups_table.c.is_deleted,
    )
    return bool(connection.scalar(select(found)))
