"""A snapshot of what the rollups contain and which changes they do not contain yet."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    CompoundSelect,
    Connection,
    Engine,
    bindparam,
    cast,
    func,
    null,
    select,
    type_coerce,
    union_all,
)

from canvas_sync_core.store.database import connect_to_read
from canvas_sync_core.store.timestamps import UtcDateTime, UtcSortedTime

from .buckets import DAY, FIFTEEN_MINUTES, floor
from .tables import changes_table, days_table

__all__ = ["RollupState", "newest_generation", "read_state"]

# Beyond these, one scan by the database is faster than reading the changed rows in Python.
_MOST_CHANGED: Final = 4 * 24 * 2  # 15-minute buckets: those of two days
_MOST_NEW: Final = 20_000  # runs


@dataclass(frozen=True, slots=True)
class RollupState:
    """The days that have rollups, and the changes that no rollup contains yet.

    Attributes:
        generations: UTC days that have rollups, with the generation of each.
        changed_buckets: Starts of the 15-minute buckets that have to be recomputed from the rows.
        change_count: Number of recorded changes that are not rolled up yet.
        has_new_runs: Whether runs have ended that are not in a rollup.
        utc_days: UTC days that have rollups or changes; no ended run started on any other day.
    """

    generations: Mapping[datetime, int]
    changed_buckets: Set[datetime]
    change_count: int
    has_new_runs: bool
    utc_days: Set[datetime]

    @property
    def is_far_behind(self) -> bool:
        """Whether it is faster to let the database add up all rows than to add the new ones."""
        return len(self.changed_buckets) > _MOST_CHANGED or self.change_count > _MOST_NEW


def read_state(connection: Connection, since: datetime) -> RollupState:
    """Read what the rollups contain since a given time, and what they do not.

    Args:
        connection: The database.
        since: Start of a 15-minute bucket.
    """
    generations: dict[datetime, int] = {}
    changed_buckets: set[datetime] = set()
    utc_days: set[datetime] = set()
    change_count = new_runs = 0
    parameters = {"since": since, "first_day": floor(since, DAY)}
    for moment, generation, run_id in connection.execute(_days_and_changes(), parameters):
        utc_days.add(floor(moment, DAY))
        if generation is not None:
            generations[moment] = generation
            continue
        change_count += 1
        if run_id is None:
            changed_buckets.add(floor(moment, FIFTEEN_MINUTES))
        else:
            new_runs += 1
    return RollupState(generations, changed_buckets, change_count, new_runs > 0, utc_days)


@cache
def _days_and_changes() -> CompoundSelect[Any]:
    """Select days with their generation, and changes with the run that they concern.

    Each row is ``(moment, generation, run_id)``: a day has a generation, the end of a run has a run
    id, and a change of a whole 15-minute bucket has neither. It is one statement, as each costs a
    round trip on the way to every answer.
    """
    days, changes = days_table.c, changes_table.c
    since, first_day = (bindparam(name, type_=UtcDateTime()) for name in ("since", "first_day"))
    day = type_coerce(days.day, UtcSortedTime())  # both parts of a UNION need the same types
    nothing = cast(null(), BigInteger)
    return union_all(
        select(day, days.generation, nothing).where(days.day >= first_day),
        select(changes.start, nothing, changes.run_id).where(changes.start >= since),
    )


def newest_generation(engine: Engine) -> int | None:
    """Return a number that grows when a run ends or changes, once it is rolled up.

    Raises:
        SQLAlchemyError: The database is unreachable or has no rollups.
    """
    with connect_to_read(engine) as connection:
        newest: int | None = connection.scalar(select(func.max(days_table.c.generation)))
    return newest
