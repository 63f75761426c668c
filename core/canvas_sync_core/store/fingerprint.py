"""Tells whether a database may have changed, without reading its tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Hashable
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine, event, text
from sqlalchemy.exc import SQLAlchemyError

from canvas_sync_core.locks import Lock

from .database import connect_to_read
from .sqlite_files import identity_at

__all__ = ["Fingerprints"]

_SNAPSHOT: Final = text("SELECT pg_current_snapshot()::text")


class Fingerprints:
    """Fingerprints of a database: two are equal only if nothing was committed in between.

    They may also differ if nothing was: PostgreSQL numbers the transactions of all its databases
    together. For SQLite, a connection stays open until the engine is disposed of, because only the
    answers of the same connection can be compared; callers that wait for it share one reading.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._is_sqlite = engine.dialect.name == "sqlite"
        self._file = Path(engine.url.database or "").absolute()
        self._lock = Lock()
        self._connection: Any = None
        self._opened: object = None
        self._readings = 0
        self._latest: Hashable = None
        event.listen(engine, "engine_disposed", self._close)

    def now(self) -> Hashable:
        """Return the present one; while the database is unreachable, one unlike any other."""
        try:
            return self.read()
        except SQLAlchemyError:
            return object()

    def read(self) -> Hashable:
        """Return the present one, as :meth:`now` does, if the database server answers.

        Raises:
            SQLAlchemyError: It does not; any other question would wait for it in vain again.
        """
        if not self._is_sqlite:
            with connect_to_read(self._engine) as connection:
                return str(connection.scalar(_SNAPSHOT))
        readings = self._readings
        try:
            with self._lock:
                if self._readings <= readings + 1:  # the last one may have begun before this call
                    self._latest = self._ask_sqlite()
                    self._readings += 1
                return self._latest
        except (SQLAlchemyError, sqlite3.Error, OSError):
            return object()

    def _ask_sqlite(self) -> Hashable:
        place = identity_at(self._file)
        if self._connection is None or place != self._opened:
            self._close()
            self._connection = self._engine.raw_connection()
            self._connection.detach()
            self._opened = place = identity_at(self._file)
        found = self._connection.dbapi_connection.execute("PRAGMA data_version").fetchone()
        return self._connection, found

    def _close(self, *_: object) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
