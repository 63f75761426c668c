"""The sync types that have run."""

from __future__ import annotations

from typing import Final

from sqlalchemy import CTE, Connection, Engine, func, select

from .database import connect_for_long_read
from .model import metrics_table
from .rollups.tables import LENGTHS, has_rollups, rollups_table

__all__ = ["SYNC_TYPES", "known_sync_types", "sync_types_in_table"]


def _sync_types() -> CTE:
    """Select the sync types in the table of runs, and NULL after the last one.

    The query jumps from one to the next in their index, so the number of rows does not matter.
    """
    sync_type = metrics_table.c.sync_type
    found = select(func.min(sync_type).label("name")).cte("sync_types", recursive=True)
    following = select(func.min(sync_type)).where(sync_type > found.c.name).scalar_subquery()
    return found.union_all(select(following).where(found.c.name.is_not(None)))


SYNC_TYPES: Final = _sync_types()
"""A query whose column ``name`` has the sync types in the table of runs, and one NULL."""
_IN_TABLE: Final = select(SYNC_TYPES.c.name).where(SYNC_TYPES.c.name.is_not(None))


def known_sync_types(engine: Engine) -> frozenset[str]:
    """Return the sync types of all runs in the table and in the rollups.

    Raises:
        SQLAlchemyError: The database is unreachable.
    """
    with connect_for_long_read(engine) as connection:
        names = frozenset(sync_types_in_table(connection))
        if not has_rollups(connection):
            return names
        rolled_up = select(rollups_table.c.sync_type).where(
            rollups_table.c.seconds == max(LENGTHS).total_seconds()
        )
        return names.union(connection.scalars(rolled_up.distinct()))


def sync_types_in_table(connection: Connection) -> list[str]:
    """Return the sync types in the table of runs, sorted; the number of rows does not matter."""
    return sorted(connection.scalars(_IN_TABLE))
