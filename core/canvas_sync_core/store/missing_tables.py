"""Explains failures of statements whose tables an older version did not have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, Table, inspect
from sqlalchemy.exc import DBAPIError

from canvas_sync_core.errors import StorageError

__all__ = ["explain_missing"]


@contextmanager
def explain_missing(engine: Engine, *tables: Table) -> Iterator[None]:
    """Say what to do when a statement fails because its tables are missing.

    Raises:
        StorageError: They are missing.
        SQLAlchemyError: The statement failed for another reason.
    """
    try:
        yield
    except DBAPIError as error:
        database = inspect(engine)
        missing = [table.name for table in tables if not database.has_table(table.name)]
        if not missing:
            raise
        raise StorageError(
            f"The database has no table {' and no table '.join(missing)}. "
            "Run `canvas-sync-monitor db upgrade`."
        ) from error
