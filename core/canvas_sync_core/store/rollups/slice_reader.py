"""Reads a value for each slice of a period: from the rollups, and from rows that they lack.

How a result is composed, in one snapshot, is described in :mod:`.reading`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import partial
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, Engine, func, select

from canvas_sync_core.store.database import connect_for_long_read, connect_to_read_snapshot
from canvas_sync_core.store.model import metrics_table
from canvas_sync_core.store.stored_times import EARLIEST

from .aggregates import ENDED, ROW_COLUMNS, Groups, gather, merge
from .buckets import DAY, FIFTEEN_MINUTES, ceiling, floor, within
from .generation_cache import GenerationCache
from .parts_of_days import merge_range
from .periods import MergeRollups, new_rows, read_between, require_few_rows, usable_state
from .slices import STEPS, Slice, choose_step, slices
from .snapshot import RollupSnapshot
from .state import RollupState
from .tables import has_rollups_between

__all__ = ["SliceReader", "Slices", "TooManySlicesError"]

_MOST_BY_DEFAULT: Final = 200
_MOST: Final = 1_000
_MOST_CACHED: Final = 4_000
_LONG: Final = 3_660 * DAY
_start = metrics_table.c.sync_start_time
_Value = TypeVar("_Value")
_GatherRows = Callable[
    [Iterable[Sequence[Any]], Callable[[datetime], Slice]], Mapping[Slice, Groups]
]


class TooManySlicesError(ValueError):
    """A step is too short for a period."""


@dataclass(frozen=True, slots=True)
class Slices(Generic[_Value]):
    """The values of the slices of a period, oldest first.

    Attributes:
        since: Start of the first slice.
        until: End of the last one.
        step: The name of its length, one of :data:`~.slices.STEPS`.
    """

    since: datetime
    until: datetime
    step: str
    values: list[tuple[Slice, _Value]]


class SliceReader(Generic[_Value]):
    """Reads a value for each slice of a period; those of earlier days are cached.

    Args:
        engine: The database with the table.
        value: Computes the value of a slice from the aggregates of its runs.
        merge_rollups: Reads the rollups of a time bucket; it may leave out what ``value`` ignores.
        lacks: Returns whether the rollups of a period, given by start and end, lack something, so
            that the rows have to be read.
        columns: What is read of a row; it may leave out what ``value`` ignores.
        gather_rows: Adds up such rows by slice.
    """

    def __init__(
        self,
        engine: Engine,
        value: Callable[[Groups], _Value],
        merge_rollups: MergeRollups = merge_range,
        lacks: Callable[[Connection, datetime, datetime], bool] = lambda *_: False,
        *,
        columns: Sequence[ColumnElement[Any]] = ROW_COLUMNS,
        gather_rows: _GatherRows = gather,
    ) -> None:
        self._engine = engine
        self._lacks = lacks
        self._value = value
        self._merge_rollups = merge_rollups
        self._columns = columns
        self._gather_rows = gather_rows
        self._cache: GenerationCache[_Value] = GenerationCache(_MOST_CACHED)

    def read(
        self,
        since: datetime,
        until: datetime,
        step: str | None,
        zone: tzinfo,
        snapshot: RollupSnapshot | None = None,
    ) -> Slices[_Value]:
        """Read the values of a period.

        Args:
            since: Start of a 15-minute bucket.
            until: Start of a 15-minute bucket. Days after today are left out, and so are those
                before the first run if they are more than ten years ago.
            step: Length of a slice; None for the shortest one with which there are at most 200.
            zone: Time zone of the days.
            snapshot: What to read them from; None to read everything now.

        Raises:
            TooManySlicesError: The step is too short for the period.
            StorageError: Too much is not in the rollups yet.
            SQLAlchemyError: The database is unreachable.
        """
        if snapshot is not None:
            return self._from_rollups(snapshot, since, until, step, zone)
        with connect_to_read_snapshot(self._engine) as connection:
            state = usable_state(connection, since)
            if state is not None and not self._lacks(connection, since, until):
                new_runs = list(new_rows(connection, state, since, self._columns))
                snapshot = RollupSnapshot(connection, state, new_runs)
                return self._from_rollups(snapshot, since, until, step, zone)
        with connect_for_long_read(self._engine) as connection:
            since, until = _clamp(since, until, _first_and_last_day(connection, since))
            parts, step = _divide(since, until, step, zone)
            return self._from_rows(connection, parts, step)

    def _from_rollups(
        self,
        snapshot: RollupSnapshot,
        since: datetime,
        until: datetime,
        step: str | None,
        zone: tzinfo,
    ) -> Slices[_Value]:
        connection, state = snapshot.connection, snapshot.state
        first_day = floor(since, DAY)
        days = (day for day in state.utc_days if day >= first_day)
        parts, step = _divide(*_clamp(since, until, days), step, zone)
        new = self._new_groups(snapshot.new_runs, parts)
        whole = self._with_whole_day(connection, state, parts)
        newest = _newest_generations(state.generations, whole)
        values = [
            (part, self._read_slice(connection, state, read, generation, new.get(part)))
            for part, read, generation in zip(parts, whole, newest, strict=True)
        ]
        return Slices(parts[0].begin, parts[-1].end, step, values)

    def _with_whole_day(
        self, connection: Connection, state: RollupState, parts: Sequence[Slice]
    ) -> Sequence[Slice]:
        """Extend the last slice to the end of its day, which has a rollup, if nothing is there.

        That is so on a day that has not ended, and saves the rollups of all its hours.
        """
        *earlier, last = parts
        end = ceiling(last.end, DAY)
        if any(last.end <= each < end for each in state.changed_buckets):
            return parts
        if has_rollups_between(connection, last.end, end):
            return parts
        return [*earlier, Slice(last.begin, end)]

    def _new_groups(
        self, new_runs: Sequence[Sequence[Any]], parts: Sequence[Slice]
    ) -> Mapping[Slice, Groups]:
        """Add up the runs that are not in a rollup yet, by slice."""
        begin, end = parts[0].begin, parts[-1].end
        rows = (row for row in new_runs if begin <= row[0] < end)
        return self._gather_rows(rows, _slice_of(parts))

    def _read_slice(
        self,
        connection: Connection,
        state: RollupState,
        part: Slice,
        generation: int,
        new: Groups | None,
    ) -> _Value:
        changed = {each for each in state.changed_buckets if part.begin <= each < part.end}
        if not changed and new is None:
            if not generation:
                return self._value({})
            read = partial(self._value_of_rollups, connection, part)
            return self._cache.get_or_read(part, generation, read)
        groups = read_between(connection, part.begin, part.end, changed, self._merge_rollups)
        merge(groups, new or {})
        return self._value(groups)

    def _value_of_rollups(self, connection: Connection, part: Slice) -> _Value:
        return self._value(
            read_between(connection, part.begin, part.end, frozenset(), self._merge_rollups)
        )

    def _from_rows(
        self, connection: Connection, parts: Sequence[Slice], step: str
    ) -> Slices[_Value]:
        begin, end = parts[0].begin, parts[-1].end
        require_few_rows(connection, begin, end)
        rows = connection.execute(select(*self._columns).where(within(_start, begin, end), ENDED))
        groups = self._gather_rows(rows, _slice_of(parts))
        values = [(part, self._value(groups.get(part, {}))) for part in parts]
        return Slices(begin, end, step, values)


def _newest_generations(
    generations: Mapping[datetime, int], parts: Iterable[Slice]
) -> Iterator[int]:
    """Yield for each slice the highest generation of its UTC days, 0 where none has rollups."""
    days = sorted(generations)
    for part in parts:
        yield max((generations[day] for day in part.utc_days_among(days)), default=0)


def _clamp(
    since: datetime, until: datetime, utc_days: Iterable[datetime]
) -> tuple[datetime, datetime]:
    """Cut off days after today, and those before the first run that are ten years ago or more.

    At least 15 minutes of the period are left. If all of it is in the future, its runs, of machines
    with a wrong clock, are included.
    """
    tomorrow = floor(datetime.now(UTC), DAY) + DAY
    days = [tomorrow - DAY, *utc_days]
    until = min(until, tomorrow if since < tomorrow else max(days) + DAY)
    since = max(since, min(*days, until - min(_LONG, until - EARLIEST)))
    return min(since, until - FIFTEEN_MINUTES), until


def _divide(
    since: datetime, until: datetime, step: str | None, zone: tzinfo
) -> tuple[list[Slice], str]:
    if step is None:
        step = choose_step(until - since, _MOST_BY_DEFAULT)
        since = max(since, until - min(until - since, _MOST_BY_DEFAULT * STEPS[step]))
    count = (until - since) / STEPS[step]
    if count > _MOST:
        raise TooManySlicesError(
            f"use a longer step; this would give {count:.0f} points, and {_MOST} are allowed"
        )
    return slices(since, until, STEPS[step], zone), step


def _slice_of(parts: Sequence[Slice]) -> Callable[[datetime], Slice]:
    """Return what finds the slice of a time; the first and the last one are open."""
    begins = [part.begin for part in parts]
    return lambda time: parts[max(bisect_right(begins, time) - 1, 0)]


def _first_and_last_day(connection: Connection, since: datetime) -> list[datetime]:
    bounds = (func.min(_start, type_=_start.type), func.max(_start, type_=_start.type))
    found = [connection.scalar(select(each).where(_start >= since)) for each in bounds]
    return [floor(each, DAY) for each in found if each is not None]
