"""Databases for tests that must hold on SQLite and on PostgreSQL alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Connection, Engine, create_engine, event

from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.incidents.tables import INCIDENTS_METADATA
from canvas_sync_core.store.messages.tables import MESSAGES_METADATA
from canvas_sync_core.store.model import METADATA
from canvas_sync_core.store.pauses import PAUSES_METADATA
from canvas_sync_core.store.rollups.tables import ROLLUPS_METADATA

from .tables import create_tables

if TYPE_CHECKING:  # pytest rewrites the assertions of its plugins when it imports them itself
    from .postgresql import PostgresqlServer

__all__ = [
    "DATABASES",
    "emptied_engine",
    "empty_database_url",
    "engine",
    "kept_postgresql",
    "kept_sqlite",
    "lasting_engine",
    "listening",
    "memory_engine",
    "opened",
    "own_engine",
]

DATABASES = ("sqlite", "postgresql")
_METADATA = (
    METADATA,  # the first, since triggers note which runs went
    INCIDENTS_METADATA,
    MESSAGES_METADATA,
    PAUSES_METADATA,
    ROLLUPS_METADATA,
)
_TABLES = [name for each in _METADATA for name in each.tables]
_LARGE_TABLES = """
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND pg_relation_size(oid) > 65536
"""
_STATISTICS = "SELECT name FROM sqlite_schema WHERE name LIKE 'sqlite_stat%'"
"""Tables that a test has made if it had the database explain statements."""
_RESTART_IDS = "SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S'"


@pytest.fixture(params=DATABASES)
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without the table."""
    if request.param == "sqlite":
        return _in_folder(tmp_path)
    url: str = request.getfixturevalue("postgresql_url")
    return url


@pytest.fixture
def engine(empty_database_url: str) -> Iterator[Engine]:
    """A database with the table, empty."""
    with _upgraded(empty_database_url) as engine:
        yield engine


@pytest.fixture
def own_engine(empty_database_url: str) -> Iterator[Engine]:
    """The same, for a test that changes tables in a module whose tests share a database."""
    with _upgraded(empty_database_url) as engine:
        yield engine


@contextmanager
def opened(request: pytest.FixtureRequest, folder: Path) -> Iterator[Engine]:
    """Make a database of the kind ``request.param`` with the tables, until the block ends."""
    if request.param == "sqlite":
        with _upgraded(_in_folder(folder)) as engine:
            yield engine
        return
    server: PostgresqlServer = request.getfixturevalue("postgresql_server")
    name = server.create_database()
    with _upgraded(server.url(name)) as engine:
        yield engine
    server.empty_database(name)


@pytest.fixture(scope="session")
def kept_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An SQLite file with the tables for the whole session."""
    with _upgraded(_in_folder(tmp_path_factory.mktemp("database"))) as engine:
        yield engine


@pytest.fixture(scope="session")
def kept_postgresql(postgresql_server: PostgresqlServer) -> Iterator[Engine]:
    """A PostgreSQL database with the tables for the whole session."""
    with _upgraded(postgresql_server.url(postgresql_server.create_database())) as engine:
        yield engine


@pytest.fixture(scope="module", params=DATABASES)
def lasting_engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """The session's database of each kind, for all tests of a module: see :func:`emptied_engine`.

    Other modules see neither its rows nor its connections.
    """
    engine: Engine = request.getfixturevalue(f"kept_{request.param}")
    yield engine
    _empty(engine)
    engine.dispose()


@pytest.fixture
def emptied_engine(lasting_engine: Engine) -> Iterator[Engine]:
    """The session's database, emptied after each test; a test leaves tables and listeners alone.

    That saves the migrations, and the compilation of statements, which an engine remembers.
    """
    yield lasting_engine
    _empty(lasting_engine)


@contextmanager
def listening(engine: Engine, moment: str, listener: Callable[..., object]) -> Iterator[None]:
    """Call a listener at each such moment of an engine, until the block ends."""
    event.listen(engine, moment, listener)
    try:
        yield
    finally:
        event.remove(engine, moment, listener)


@pytest.fixture(scope="session")
def memory_engine() -> Iterator[Engine]:
    """An SQLite database in memory for examples, each of which deletes the runs of the one before.

    An engine of its own would compile every statement again for each example.
    """
    engine = create_engine("sqlite://")
    METADATA.create_all(engine)
    yield engine
    engine.dispose()


def _empty(engine: Engine) -> None:
    """Delete all rows and statistics, and give the next rows the first ids."""
    with engine.begin() as connection:
        if engine.name == "postgresql":
            _truncate_large_tables(connection)
        for name in _TABLES:
            connection.exec_driver_sql(f"DELETE FROM {name}")
        if engine.name == "postgresql":
            connection.exec_driver_sql(_RESTART_IDS)
            return
        for name in connection.exec_driver_sql(_STATISTICS).scalars().all():
            connection.exec_driver_sql(f"DELETE FROM {name}")


def _truncate_large_tables(connection: Connection) -> None:
    """Truncate what takes longer to delete, or has room for many rows that were deleted before.

    To truncate every table would take ten times as long as to delete the few rows of most tests.
    """
    large = connection.exec_driver_sql(_LARGE_TABLES).scalars().all()
    if large:
        connection.exec_driver_sql(f"TRUNCATE {', '.join(large)}")


@contextmanager
def _upgraded(url: str) -> Iterator[Engine]:
    engine = open_engine(url)
    create_tables(engine)
    yield engine
    engine.dispose()


def _in_folder(folder: Path) -> str:
    return f"sqlite:///{folder / 'state' / 'canvas_sync.sqlite3'}"
