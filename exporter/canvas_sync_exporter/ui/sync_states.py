"""How each sync type is: its state and newest runs, when it is due, how fresh its items are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from sqlalchemy import Engine

from canvas_sync_core.names import ITEMS, RunStatus
from canvas_sync_core.store.database import connect_to_read
from canvas_sync_core.store.freshness import ItemFreshness
from canvas_sync_exporter.config_file.config_file import ConfigFile
from canvas_sync_exporter.judge.gathering.rows import FoundRun, newest_of_types
from canvas_sync_exporter.judge.runs import EndedRun
from canvas_sync_exporter.judge.status import Level, SyncStatus

__all__ = ["ItemAge", "PastRun", "SyncFreshness", "SyncState", "read_syncs", "sync_freshness"]

_RUNS: Final = 60
_MOST_BARS: Final = 240
_USUAL: Final = 20


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
class SyncState:
    """A sync type.

    Attributes:
        status: Its state, last run and next due time.
        last_success: When its newest successful run among ``runs`` ended; None without one.
        usual_seconds: Median duration of its last 20 successful runs among ``runs``.
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
        newest = newest_of_types(connection, [each.sync_type for each in worst], limit)
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


def _state(status: SyncStatus, newest: Sequence[FoundRun]) -> SyncState:
    ended = [each.run for each in newest if isinstance(each.run, EndedRun)]
    good = [run for run in ended if run.status is RunStatus.SUCCESS]
    return SyncState(
        status=status,
        last_success=max((run.end for run in good), default=None),
        usual_seconds=median(run.duration for run in good[:_USUAL]) if good else None,
        runs=[_past(each) for each in reversed(newest)],
    )


def _past(found: FoundRun) -> PastRun:
    run = found.run
    if isinstance(run, EndedRun):
        return PastRun(found.number, run.id, run.status.value, run.start, run.duration)
    return PastRun(found.number, run.id, RunStatus.RUNNING.value, run.start, None)


def _badness(status: SyncStatus) -> tuple[int, bool, str]:
    order = (Level.CRITICAL, Level.WARNING, Level.UNKNOWN, Level.WELL)
    last = status.last_run
    went_well = last is None or last.status in (RunStatus.SUCCESS, RunStatus.RUNNING)
    return order.index(status.level), went_well, status.sync_type
