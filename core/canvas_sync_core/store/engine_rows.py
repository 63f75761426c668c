"""Writes rows through SQLAlchemy: into PostgreSQL, and into SQLite files with unusual URLs."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy import Connection, Engine, event

from .database import check_schema, open_engine, upgrade
from .sqlite_files import WRITER_BUSY_MS

__all__ = ["EngineRows", "open_engine_rows"]


class EngineRows:
    """A database behind an engine; see :class:`.RowDatabase`.

    Args:
        engine: The engine; no one else uses it.
        auto_upgrade: Whether to create and upgrade the table, instead of only checking it.
    """

    def __init__(self, engine: Engine, *, auto_upgrade: bool) -> None:
        self._engine = engine
        self._prepare = upgrade if auto_upgrade else check_schema
        self._inherited: object = None
        if self.is_sqlite:

            @event.listens_for(engine, "connect")
            def shorten(connection: Any, _record: object) -> None:
                connection.execute(f"PRAGMA busy_timeout={WRITER_BUSY_MS}")

    @property
    def is_sqlite(self) -> bool:
        """Whether it is an SQLite file."""
        return self._engine.dialect.name == "sqlite"

    def prepare(self) -> None:
        """Ensure that the table is the one of this version."""
        self._prepare(self._engine)

    def begin(self) -> AbstractContextManager[Connection]:
        """Open a transaction."""
        return self._engine.begin()

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def leave_to_parent(self) -> None:
        """In a forked child: keep the connections as they are."""
        # Finalizing the pool would write to connections that the parent still uses.
        self._inherited = self._engine.pool
        self._engine.dispose(close=False)


def open_engine_rows(url: str, *, auto_upgrade: bool) -> EngineRows:
    """Open a database through SQLAlchemy.

    Raises:
        SettingsError: The URL cannot be used.
    """
    return EngineRows(open_engine(url), auto_upgrade=auto_upgrade)
