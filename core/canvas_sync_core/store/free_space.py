"""Gives the space of deleted rows back to the file system, in short transactions."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import Connection, Engine, text

__all__ = ["give_back_space"]

_KEPT_PAGES: Final = 1_000
"""Free pages that stay in the file, for the runs to come: 4 MB."""
_TRANSACTION_S: Final = 0.02
_INCREMENTAL: Final = 2


def give_back_space(engine: Engine, clock: Callable[[], float] = time.monotonic) -> int:
    """Shrink the SQLite file by the pages that are no longer used; return their number.

    Nothing is done for a file of an older version, in which SQLite cannot move pages, and for
    PostgreSQL, whose autovacuum does it.

    Args:
        engine: The database.
        clock: Tells the seconds that a transaction has taken.

    Raises:
        SQLAlchemyError: The database is unavailable.
    """
    if engine.dialect.name != "sqlite":
        return 0
    given_back = 0
    while True:
        began = clock()
        with engine.execution_options(canvas_sync_immediate=True).begin() as connection:
            pages = _give_back_some(connection, began + _TRANSACTION_S, clock)
        given_back += pages
        if not pages:
            return given_back
        time.sleep(min(clock() - began, _TRANSACTION_S))  # let the syncs write


def _give_back_some(connection: Connection, until: float, clock: Callable[[], float]) -> int:
    """Give back one page after another until the time is over."""
    if _pragma(connection, "auto_vacuum") != _INCREMENTAL:
        return 0
    left = _pragma(connection, "freelist_count") - _KEPT_PAGES
    driver: Any = connection.connection.dbapi_connection
    cursor = driver.cursor()
    pages = 0
    while pages < left and (not pages or clock() < until):
        # Python's driver runs only the first step of the statement, which is one page.
        cursor.execute("PRAGMA incremental_vacuum(1)")
        pages += 1
    cursor.close()
    return pages


def _pragma(connection: Connection, name: str) -> int:
    return int(connection.scalar(text(f"PRAGMA {name}")) or 0)
