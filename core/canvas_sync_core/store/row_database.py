"""The database as the writer of rows sees it: statements are texts, so that SQLite needs no more.

Importing SQLAlchemy takes several times as long as everything else that a short sync needs. It is
only imported for PostgreSQL, for unusual URLs, and to create or upgrade the table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

from canvas_sync_core.errors import SettingsError

from .sqlite_rows import SqliteRows

__all__ = ["RowConnection", "RowDatabase", "Transactions", "execute", "row_database_opener"]

_PLAIN_FILE: Final = re.compile(r"sqlite(?:\+pysqlite)?:///(?!:memory:|file:)([^?%]+)")
"""An SQLAlchemy URL that names an SQLite file and nothing else."""


class _Dialect(Protocol):
    @property
    def name(self) -> str:
        """``sqlite`` or ``postgresql``."""


class RowConnection(Protocol):
    """A connection in a transaction; SQLAlchemy's is one too."""

    @property
    def dialect(self) -> _Dialect:
        """Which SQL it understands."""

    def exec_driver_sql(self, statement: str, parameters: Any = None, /) -> Iterable[Any]:
        """Execute a statement of the driver; return its rows.

        Args:
            statement: The statement.
            parameters: A tuple; or a list of tuples, to execute the statement for each.
        """


class Transactions(Protocol):
    """Where rows are written; SQLAlchemy's engine is one too."""

    def begin(self) -> AbstractContextManager[RowConnection]:
        """Open a transaction, which is rolled back if the block raises."""


class RowDatabase(Transactions, Protocol):
    """A database for one writer, which holds its connections."""

    @property
    def is_sqlite(self) -> bool:
        """Whether it is an SQLite file, whose locks a forked child must not inherit."""

    def prepare(self) -> None:
        """Ensure that the table is the one of this version.

        Raises:
            StorageError: It is not, and the message says what to do.
        """

    def close(self) -> None:
        """Close the connections; the next transaction opens another."""

    def leave_to_parent(self) -> None:
        """In a forked child: keep the connections as they are, since the parent uses them."""


def execute(connection: RowConnection, statement: str, parameters: Any) -> Iterable[Any]:
    """Execute a statement with a ``?`` for each parameter; return its rows.

    Args:
        connection: The connection.
        statement: The statement, with no other question mark.
        parameters: As for :meth:`RowConnection.exec_driver_sql`.
    """
    if connection.dialect.name != "sqlite":
        statement = statement.replace("?", "%s")
    return connection.exec_driver_sql(statement, parameters)


def row_database_opener(url: str, *, auto_upgrade: bool) -> Callable[[], RowDatabase]:
    """Import what a database needs, and return the function that opens it.

    The import is done here, because it may fail in a thread while gevent or eventlet replace
    threads.

    Args:
        url: An SQLAlchemy URL of an SQLite file or of PostgreSQL.
        auto_upgrade: Whether preparing the table creates and upgrades it, instead of checking it.

    Returns:
        A function that raises SettingsError if the URL cannot be used.
    """
    plain = _PLAIN_FILE.fullmatch(url)
    if plain is not None:
        return partial(SqliteRows, Path(plain[1]), url, auto_upgrade=auto_upgrade)
    from .database import prepare_upgrade  # noqa: PLC0415 - only if it is used
    from .engine_rows import open_engine_rows  # noqa: PLC0415 - as above

    if auto_upgrade:
        prepare_upgrade()
    open_rows = partial(open_engine_rows, url, auto_upgrade=auto_upgrade)
    with suppress(SettingsError):  # the returned function raises it again
        open_rows().close()  # imports the driver and connects to nothing
    return open_rows
