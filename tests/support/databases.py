"""Databases for tests that must hold on SQLite and on PostgreSQL alike."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine, create_engine, inspect, text

from canvas_sync_core.names import TABLE
from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.model import METADATA
from canvas_sync_core.store.schema_version import VERSION_TABLE

from .tables import create_tables

if TYPE_CHECKING:  # pytest rewrites the assertions of its plugins when it imports them itself
    from .postgresql import PostgresqlServer

__all__ = [
    "DATABASES",
    "emptied_engine",
    "empty_database_url",
    "engine",
    "lasting_engine",
    "memory_engine",
    "opened",
    "own_engine",
]

DATABASES = ("sqlite", "postgresql")


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
    server.drop_database(name)


@pytest.fixture(scope="module", params=DATABASES)
def lasting_engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    """A database with the tables for all tests of a module: see :func:`emptied_engine`."""
    with opened(request, tmp_path_factory.mktemp("database")) as engine:
        yield engine


@pytest.fixture
def emptied_engine(lasting_engine: Engine) -> Iterator[Engine]:
    """The module's database, emptied after each test; a test leaves tables and listeners alone.

    That saves the migrations, and the compilation of statements, which an engine remembers.
    """
    yield lasting_engine
    names = set(inspect(lasting_engine).get_table_names()) - {VERSION_TABLE}
    with lasting_engine.begin() as connection:
        if lasting_engine.name == "postgresql":
            connection.execute(text(f"TRUNCATE {', '.join(names)} RESTART IDENTITY"))
            return
        for name in [TABLE, *(names - {TABLE})]:  # triggers note which runs went
            connection.execute(text(f"DELETE FROM {name}"))


@pytest.fixture(scope="session")
def memory_engine() -> Iterator[Engine]:
    """An SQLite database in memory for examples, each of which deletes the runs of the one before.

    An engine of its own would compile every statement again for each example.
    """
    engine = create_engine("sqlite://")
    METADATA.create_all(engine)
    yield engine
    engine.dispose()


@contextmanager
def _upgraded(url: str) -> Iterator[Engine]:
    engine = open_engine(url)
    create_tables(engine)
    yield engine
    engine.dispose()


def _in_folder(folder: Path) -> str:
    return f"sqlite:///{folder / 'state' / 'canvas_sync.sqlite3'}"
