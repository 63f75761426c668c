"""Tells whether a database may have changed, without reading its tables."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, text

from canvas_sync_core.files.identity import file_state

from .database import connect_to_read

__all__ = ["database_fingerprint"]

_SNAPSHOT: Final = text("SELECT pg_current_snapshot()::text")


def database_fingerprint(engine: Engine) -> Hashable:
    """Return a value that differs from an earlier one if anything was committed in between.

    It may also differ if nothing was: PostgreSQL numbers the transactions of all its databases
    together. SQLite need not be asked, since each commit writes to the file or to its write-ahead
    log.

    Raises:
        SQLAlchemyError: The database is unreachable.
    """
    if engine.dialect.name == "sqlite":
        path = engine.url.database or ""
        return file_state(Path(path)), file_state(Path(f"{path}-wal"))
    with connect_to_read(engine) as connection:
        return str(connection.scalar(_SNAPSHOT))
