"""Writes rows into an SQLite file without SQLAlchemy, whose import takes long."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from canvas_sync_core.errors import StorageError
from canvas_sync_core.files.descriptors import open_numbers
from canvas_sync_core.files.identity import Identity
from canvas_sync_core.names import TABLE
from canvas_sync_core.schema.run_fields import RUN_FIELDS

from ._sqlite_descriptors import SqliteDescriptors
from .schema_version import SCHEMA_VERSION, VERSION_TABLE
from .sqlite_files import WRITER_BUSY_MS, configure, identity_at, make_private

__all__ = ["SqliteRows"]

_TABLES: Final = Path(__file__).with_name("migrations") / "sqlite_tables.sql"
"""The statements of all migrations together, separated by empty lines; ``make sqlite-tables``."""
_abandoned: Final[dict[Identity, sqlite3.Connection]] = {}
"""Connections that can be neither used nor closed, because the app's files have their numbers."""
_ABANDONED: Final = (
    "This program has closed the descriptors of SQLite and reused their numbers. The exporter, or "
    "the next process, writes the rows when this one has ended."
)
_COLUMNS: Final = frozenset(field.column for field in RUN_FIELDS)


class _Dialect(msgspec.Struct, frozen=True):
    name: str = "sqlite"


class _Connection:
    """A connection with the methods that statements need."""

    dialect: Final = _Dialect()

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def exec_driver_sql(self, statement: str, parameters: Any = (), /) -> Iterable[Any]:
        """Execute a statement; a list of parameters executes it for each."""
        if isinstance(parameters, list):
            return self._connection.executemany(statement, parameters)
        return self._connection.execute(statement, parameters)


class SqliteRows:
    """An SQLite file; see :class:`.RowDatabase`.

    Args:
        file: The file.
        url: The same as an SQLAlchemy URL.
        auto_upgrade: Whether to create and upgrade the table, instead of only checking it.
    """

    is_sqlite: Final = True

    def __init__(self, file: Path, url: str, *, auto_upgrade: bool) -> None:
        self._file = file.absolute()  # the app may change its working directory
        self._url = url
        self._auto_upgrade = auto_upgrade
        self._connection: sqlite3.Connection | None = None
        self._opened: Identity | None = None
        self._descriptors = SqliteDescriptors()
        self._migrating: object = None

    def prepare(self) -> None:
        """Ensure that the table is the one of this version.

        Raises:
            StorageError: It is not, and the message says what to do.
        """
        if self._is_current():
            return
        if self._auto_upgrade:
            self._make_tables()
            if self._is_current():
                return
        from .database import check_schema, open_engine, upgrade  # noqa: PLC0415 - rarely needed

        # An attribute, because a child forked meanwhile must not finalize the engine.
        self._migrating = engine = open_engine(self._url)
        try:
            (upgrade if self._auto_upgrade else check_schema)(engine)
        finally:
            engine.dispose()

    @contextmanager
    def begin(self) -> Iterator[_Connection]:
        """Open a transaction."""
        with self._connected() as connection:  # which commits or rolls back
            connection.execute("BEGIN")
            yield _Connection(connection)

    def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if self._descriptors.are_open() or self._descriptors.make_closable():
            connection.close()
        elif self._opened is not None:
            _abandoned[self._opened] = connection

    def leave_to_parent(self) -> None:
        """In a forked child: keep the connection as it is, by keeping this object."""

    def _connected(self) -> sqlite3.Connection:
        """Return a connection to the file that has the name now.

        One to a deleted file would keep writing data that no one else sees.

        Raises:
            StorageError: This process cannot use the file any more.
        """
        opened = identity_at(self._file)
        if self._opened != opened or not self._descriptors.are_open():
            self.close()
        if opened in _abandoned:  # SQLite shares the state of a file among its connections
            raise StorageError(_ABANDONED)
        if self._connection is None:
            make_private(self._file)
            before = open_numbers()
            # A fork closes it in another thread, while this one waits.
            connection = sqlite3.connect(self._file, check_same_thread=False)
            try:
                self._opened = identity_at(self._file)
                configure(connection)
                connection.execute(f"PRAGMA busy_timeout={WRITER_BUSY_MS}")
                connection.execute("SELECT 1 FROM sqlite_master").fetchone()  # opens all its files
            except BaseException:
                connection.close()
                raise
            self._connection = connection
            self._descriptors = SqliteDescriptors.opened(self._file, before)
        return self._connection

    def _make_tables(self) -> None:
        """Make the tables as all migrations together would, if the file is still empty."""
        with self._connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            if connection.execute("SELECT 1 FROM sqlite_master").fetchone() is not None:
                return
            for statement in _TABLES.read_text().split("\n\n"):
                connection.execute(statement)

    def _is_current(self) -> bool:
        """Return whether nothing is to be done, nor to be said."""
        with self.begin() as connection:
            tables = connection.exec_driver_sql(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name IN (?, ?)",
                (TABLE, VERSION_TABLE),
            )
            if len(list(tables)) < 2:
                return False
            versions = connection.exec_driver_sql(f"SELECT version_num FROM {VERSION_TABLE}")  # noqa: S608
            if list(versions) != [(SCHEMA_VERSION,)]:
                return False
            columns = connection.exec_driver_sql("SELECT name FROM pragma_table_info(?)", (TABLE,))
            return {name for (name,) in columns} >= _COLUMNS
