"""How each sync type is: its state and newest runs, when it is due, how fresh its items are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import median
from typing import Any, Final

from sqlalchemy import (
    Connection,
    Engine,
    Integer,
    Select,
    String,
    bindparam,
    func,
    select,
    union_all,
)

from canvas_sync_core.names import ITEMS, RunStatus
from canvas_sync_core.store.database import connect_to_read
from canvas_sync_core.store.freshness import ItemFreshness
from canvas_sync_core.store.model import metrics_table
from canvas_sync_core.store.sync_types import newest_first
from canvas_sync_core.store.timestamps import UtcDateTime
from canvas_sync_exporter.config_file.config_file import ConfigFile
from canvas_sync_exporter.judge.status import Level, SyncStatus

__all__ = ["ItemAge", "PastRun", "SyncFreshness", "SyncState", "read_syncs", "sync_freshness"]

_columns = metrics_table.c
_RUNS: Final = 60
_MOST_BARS: Final = 240
_USUAL: Final = 20
_ENOUGH: Final = 3
_STATUSES: Final = frozenset(each.value for each in RunStatus)


@dataclass(frozen=True, slots=True)
class PastRun:
    """One of the newest runs of a sync type.

    Attributes:
        seconds: Its duration; None while it runs.
    """

    number: int
    task_id: str
    status: str
    start: dt.datetime
    seconds: float | None


@dataclass(frozen=True, slots=True)
class _Found:
    """A run, and its end; the time when it was last known to be alive while it has none."""

    run: PastRun
    end: dt.datetime


@dataclass(frozen=True, slots=True)
class SyncState:
    """A sync type.

    Attributes:
        status: Its state, last run and next due time.
        last_success: When its newest successful run among ``runs`` ended; None without one.
        usual_seconds: Median duration of its last 20 successful runs among ``runs``; None with
            fewer than three.
        runs: Its newest runs, oldest first.
    """

    status: SyncStatus
    last_success: dt.datetime | None
    usual_seconds: float | None
    runs: list[PastRun]


@dataclass(frozen=True, slots=True)
class ItemAge:
    """How old items of one kind are.

    Attributes:
        last_success: When they last arrived; None if they did not in the period.
        max_age_seconds: How old they may get; None if nothing was promised.
        is_late: Whether they are older than that.
    """

    item: str
    last_success: dt.datetime | None
    max_age_seconds: float | None
    is_late: bool


@dataclass(frozen=True, slots=True)
class SyncFreshness:
    """How old the items of one sync type are; every kind of item is present."""

    sync_type: str
    items: list[ItemAge]


def read_syncs(engine: Engine, statuses: Sequence[SyncStatus], most: int) -> list[SyncState]:
    """Read the newest runs of sync types, worst first.

    Args:
        engine: The database.
        statuses: The sync types. The more there are, the fewer runs of each are read.
        most: Maximum number of sync types to read.

    Raises:
        SQLAlchemyError: The database is down.
    """
    worst = sorted(statuses, key=_badness)[:most]
    limit = min(_RUNS, _MOST_BARS // max(len(worst), 1))
    with connect_to_read(engine) as connection:
        newest = _newest(connection, [each.sync_type for each in worst], limit)
    return [_state(each, newest[each.sync_type]) for each in worst]


def sync_freshness(
    found: Iterable[ItemFreshness], file: ConfigFile, now: dt.datetime
) -> list[SyncFreshness]:
    """Arrange the ages of items by sync type, those with late items first.

    Args:
        found: When items last arrived.
        file: What was promised.
        now: The current time.
    """
    newest = {(each.sync_type, each.item): each.last_success for each in found}
    promised = {
        (sync_type, item): age
        for sync_type, settings in file.syncs.items()
        for item, age in settings.max_age.items()
    }
    rows = []
    for sync_type in sorted({name for name, _ in newest.keys() | promised.keys()}):
        ages = []
        for item in ITEMS:
            last, longest = newest.get((sync_type, item)), promised.get((sync_type, item))
            is_late = longest is not None and (last is None or now - last > longest)
            seconds = None if longest is None else longest.total_seconds()
            ages.append(ItemAge(item, last, seconds, is_late))
        rows.append(SyncFreshness(sync_type, ages))
    return sorted(rows, key=lambda row: not any(age.is_late for age in row.items))


def _newest(
    connection: Connection, sync_types: Sequence[str], limit: int
) -> Mapping[str, Sequence[_Found]]:
    """Return the newest runs of each sync type, newest first, with one query."""
    found: dict[str, list[_Found]] = {name: [] for name in sync_types}
    if found:
        names = {f"type_{number}": name for number, name in enumerate(sync_types)}
        rows = connection.execute(_newest_of(len(names)), {**names, "most": limit})
        for sync_type, number, task_id, status, start, end, duration in rows:
            seconds = None if status == RunStatus.RUNNING else duration or 0.0
            run = PastRun(number, task_id, status, start, seconds)
            if status in _STATUSES:
                found[sync_type].append(_Found(run, end))
    for runs in found.values():
        runs.sort(key=lambda each: each.run.start, reverse=True)
    return found


@cache
def _newest_of(count: int) -> Select[Any]:
    """Select the newest runs of a number of sync types; prepared once, as building it takes long.

    They come in any order: asked for the newest first, SQLite would read the whole table in order
    of start to save itself the sorting of a few hundred runs.
    """
    start = _columns.sync_start_time
    parts = [
        select(
            newest_first(select(_columns.id), bindparam(f"type_{number}", type_=String()))
            .limit(bindparam("most", type_=Integer()))
            .subquery()
        )
        for number in range(count)
    ]
    return select(
        _columns.sync_type,
        _columns.id,
        _columns.sync_task_id,
        _columns.sync_status,
        start,
        func.coalesce(_columns.sync_end_time, _columns.heartbeat, type_=UtcDateTime()),
        _columns.duration,
    ).where(_columns.id.in_(union_all(*parts)))


def _state(status: SyncStatus, newest: Sequence[_Found]) -> SyncState:
    good = [each for each in newest if each.run.status == RunStatus.SUCCESS.value]
    durations = [each.run.seconds or 0.0 for each in good[:_USUAL]]
    return SyncState(
        status=status,
        last_success=max((each.end for each in good), default=None),
        usual_seconds=median(durations) if len(durations) >= _ENOUGH else None,
        runs=[each.run for each in reversed(newest)],
    )


def _badness(status: SyncStatus) -> tuple[int, bool, str]:
    order = (Level.CRITICAL, Level.WARNING, Level.UNKNOWN, Level.WELL)
    last = status.last_run
    went_well = last is None or last.status in (RunStatus.SUCCESS, RunStatus.RUNNING)
    return order.index(status.level), went_well, status.sync_type
