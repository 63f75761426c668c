"""Which sync types have run."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine, select, union

from .database import connect_to_read_much
from .model import metrics_table
from .rollups.tables import LENGTHS, has_rollups, rollups_table

__all__ = ["known_sync_types"]

_NOT_ROLLED_UP: Final = timedelta(days=2)
_WITHOUT_ROLLUPS: Final = timedelta(days=91)


def known_sync_types(engine: Engine, now: datetime) -> frozenset[str]:
    """Return the sync types that have run; without rollups, those of the last 91 days.

    Raises:
        SQLAlchemyError: The database is away.
    """
    columns = metrics_table.c
    with connect_to_read_much(engine) as connection:
        is_rolled_up = has_rollups(connection)
        since = now - (_NOT_ROLLED_UP if is_rolled_up else _WITHOUT_ROLLUPS)
        statement = select(columns.sync_type).where(columns.sync_start_time >= since)
        rolled_up = select(rollups_table.c.sync_type).where(
            rollups_table.c.seconds == max(LENGTHS).total_seconds()
        )
        names = union(statement, rolled_up) if is_rolled_up else statement.distinct()
        return frozenset(connection.scalars(names))
