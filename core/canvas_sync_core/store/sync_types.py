"""The sync types that have run."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import CTE, ColumnElement, Connection, Engine, FromClause, Select, func, select

from .database import connect_for_long_read
from .model import metrics_table
from .rollups.tables import LENGTHS, has_rollups, rollups_table

__all__ = ["SYNC_TYPES", "known_sync_types", "newest_first", "sync_types_in_table"]


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


def newest_first(
    statement: Select[Any], sync_type: ColumnElement[Any], runs: FromClause = metrics_table
) -> Select[Any]:
    """Restrict a query to the runs of a sync type, newest first; it needs a limit.

    The range and the order by type make PostgreSQL read the index of types. For ``sync_type = x``
    it prefers that of all start times, and so may pass millions of runs of other types: all of
    them for a type that has none, or is NULL.

    Args:
        statement: Selects runs.
        sync_type: The sync type.
        runs: The table or an alias of it.
    """
    of_type = runs.c.sync_type
    # Not BETWEEN, which SQLite would prefer to any other bound of the statement.
    bounds = (of_type >= sync_type, of_type <= sync_type)
    return statement.where(*bounds).order_by(of_type.desc(), runs.c.sync_start_time.desc())


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
