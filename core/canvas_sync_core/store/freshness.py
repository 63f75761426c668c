"""How fresh the synced data is, by kind of item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Engine, case, func, select

from canvas_sync_core.names import ITEMS, RunStatus
from canvas_sync_core.schema.run_fields import item_column
from canvas_sync_core.store.rollups.buckets import whole_buckets

from .database import connect_for_long_read
from .model import metrics_table
from .run_pages import in_period

__all__ = ["Freshness", "ItemFreshness", "freshness", "sort_by_age"]

_columns = metrics_table.c
_LAST_OF_EACH: Final = [
    func.max(case((_columns[item_column(item, "processed")] > 0, _columns.sync_end_time)))
    for item in ITEMS
]


@dataclass(frozen=True, slots=True)
class ItemFreshness:
    """When items of one kind last arrived.

    Attributes:
        sync_type: Kind of run that brought them.
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
        since: Start of the period; earlier runs were not read.
        until: The end, exclusive; None if it has none.
        items: Freshest first; kinds that no run handled are left out.
    """

    since: datetime
    until: datetime | None
    items: list[ItemFreshness]


def freshness(
    engine: Engine, since: datetime, now: datetime, until: datetime | None = None
) -> Freshness:
    """Return when a successful run of a period last brought in each kind of item.

    The period is extended to whole 15-minute buckets.

    Args:
        engine: The database with the table.
        since: Start of the period.
        now: The time relative to which ages are computed.
        until: End of the period, exclusive; None for no end.
    """
    since, until = whole_buckets(since, until)
    statement = (
        select(_columns.sync_type, *_LAST_OF_EACH)
        .where(_columns.sync_status == RunStatus.SUCCESS.value, in_period(since, until))
        .group_by(_columns.sync_type)
    )
    with connect_for_long_read(engine) as connection:
        newest = {sync_type: ends for sync_type, *ends in connection.execute(statement)}
    return Freshness(since, until, sort_by_age(newest, now))


def sort_by_age(
    newest: Mapping[str, Sequence[datetime | None]], now: datetime
) -> list[ItemFreshness]:
    """Compute the age of each kind, freshest first.

    Args:
        newest: By sync type, when each of :data:`ITEMS` last arrived.
        now: The time relative to which ages are computed.
    """
    found = [
        ItemFreshness(sync_type, item, last, (now - last).total_seconds())
        for sync_type, ends in newest.items()
        for item, last in zip(ITEMS, ends, strict=True)
        if last is not None
    ]
    return sorted(found, key=lambda each: (each.age_seconds, each.sync_type, each.item))
