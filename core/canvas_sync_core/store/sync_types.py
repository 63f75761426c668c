"""The sync types that have run."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, func, select

from .database import connect_to_read_much
from .model import metrics_table
from .rollups.tables import LENGTHS, has_rollups, rollups_table

__all__ = ["known_sync_types", "sync_types_in_table"]


def known_sync_types(engine: Engine) -> frozenset[str]:
    """Return the sync types of all runs in the table and in the rollups.

    Raises:
        SQLAlchemyError: The database is away.
    """
    with connect_to_read_much(engine) as connection:
        names = frozenset(sync_types_in_table(connection))
        if not has_rollups(connection):
            return names
        rolled_up = select(rollups_table.c.sync_type).where(
            rollups_table.c.seconds == max(LENGTHS).total_seconds()
        )
        return names.union(connection.scalars(rolled_up.distinct()))


def sync_types_in_table(connection: Connection) -> list[str]:
    """Return the sync types in the table of runs, sorted.

    It jumps from one to the next in their index, so the number of rows does not matter.
    """
    sync_type = metrics_table.c.sync_type
    names: list[str] = []
    following = connection.scalar(select(func.min(sync_type)))
    while following is not None:
        names.append(following)
        following = connection.scalar(select(func.min(sync_type)).where(sync_type > following))
    return names
