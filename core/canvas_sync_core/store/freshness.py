"""How fresh the synced data is, by what it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Engine, case, func, select

from canvas_sync_core.names import ITEMS, RunStatus
from canvas_sync_core.schema.run_fields import item_column
from canvas_sync_core.store.rollups.buckets import QUARTER, floor

from .database import connect_to_read_much
from .model import metrics_table

__all__ = ["Freshness", "ItemFreshness", "freshness", "sort_by_age"]

_columns = metrics_table.c
_LAST_OF_EACH: Final = [
    func.max(case((_columns[item_column(item, "processed")] > 0, _columns.sync_end_time)))
    for item in ITEMS
]


@dataclass(frozen=True, slots=True)
class ItemFreshness:
    """When items of one kind last came in.

    Attributes:
        sync_type: By which kind of run.
        item: Such as ``course``.
        last_success: End of the newest successful run that handled such items.
        age_seconds: How long ago that was.
    """

    sync_type: str
    item: str
    last_success: datetime
    age_seconds: float


@dataclass(frozen=True, slots=True)
class Freshness:
    """How fresh the synced data is.

    Attributes:
        since: Runs that began before were not looked at.
        items: The freshest first; what no run handled is left out.
    """

    since: datetime
    items: list[ItemFreshness]


def freshness(engine: Engine, since: datetime, now: datetime) -> Freshness:
    """Tell when each kind of item last came in by a successful run that began since a moment.

    The moment is moved back to the begin of its quarter of an hour.
    """
    since = floor(since, QUARTER)
    statement = (
        select(_columns.sync_type, *_LAST_OF_EACH)
        .where(_columns.sync_status == RunStatus.SUCCESS.value, _columns.sync_start_time >= since)
        .group_by(_columns.sync_type)
    )
    with connect_to_read_much(engine) as connection:
        newest = {sync_type: ends for sync_type, *ends in connection.execute(statement)}
    return Freshness(since, sort_by_age(newest, now))


def sort_by_age(
    newest: Mapping[str, Sequence[datetime | None]], now: datetime
) -> list[ItemFreshness]:
    """Tell the age of what is there, the freshest first.

    Args:
        newest: By sync type when each of :data:`ITEMS` last came in.
        now: The moment to which ages are told.
    """
    found = [
        ItemFreshness(sync_type, item, last, (now - last).total_seconds())
        for sync_type, ends in newest.items()
        for item, last in zip(ITEMS, ends, strict=True)
        if last is not None
    ]
    return sorted(found, key=lambda each: (each.age_seconds, each.sync_type, each.item))
