"""Databases that are made once and then copied, such as one with the tables.

The migrations take longer than most tests.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import URL, Engine

from canvas_sync_core.files.modes import PRIVATE_FOLDER, make_folder
from canvas_sync_core.store.database import open_engine, upgrade

if TYPE_CHECKING:
    from psycopg import Connection

__all__ = ["create_tables", "put_file", "sqlite_file"]

_MIGRATED = "with_tables"


def create_tables(engine: Engine) -> None:
    """Create the tables as :func:`upgrade` does, in an SQLite file or a new PostgreSQL database.

    A new file is a copy of a migrated one, and so is what replaces the new database.
    """
    if engine.name == "postgresql":
        _replace_by_copy(engine.url)
    elif not Path(engine.url.database or "").exists():
        put_file(engine, _migrated())
    upgrade(engine)  # checks a copy, and migrates everything else


def _replace_by_copy(url: URL) -> None:
    """Recreate an empty database from one with the tables, which the first call makes."""
    from psycopg import connect  # not where there is no PostgreSQL

    server = f"host={url.query['host']} user={url.username}"
    with connect(f"{server} dbname={url.database}") as connection:
        if connection.execute("SELECT 1 FROM pg_tables WHERE schemaname = 'public'").fetchone():
            return
    with connect(f"{server} dbname=postgres", autocommit=True) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [_MIGRATED])
        if not known.fetchone():
            connection.execute(f"CREATE DATABASE {_MIGRATED}".encode())
            engine = open_engine(url.set(database=_MIGRATED).render_as_string(hide_password=False))
            upgrade(engine)
            engine.dispose()
        _put_aside(connection, url.database)
        copied = f"{url.database} TEMPLATE {_MIGRATED} STRATEGY file_copy"
        connection.execute(f"CREATE DATABASE {copied}".encode())


def _put_aside(connection: Connection, database: str | None) -> None:
    """Leave an empty database to the next test, unless one is left over already."""
    from .postgresql import LEFT_OVER

    known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [LEFT_OVER])
    aside = "DROP DATABASE {}" if known.fetchone() else f"ALTER DATABASE {{}} RENAME TO {LEFT_OVER}"
    connection.execute(aside.format(database).encode())


def sqlite_file(fill: Callable[[Engine], object]) -> bytes:
    """Return the content of an SQLite file that ``fill`` has filled."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "made.sqlite3"
        engine = open_engine(f"sqlite:///{file}")
        fill(engine)
        engine.dispose()  # the last connection puts all of the write-ahead log into the file
        return file.read_bytes()


def put_file(engine: Engine, content: bytes) -> None:
    """Make the file of an SQLite database that does not exist yet, as private as its own."""
    file = Path(engine.url.database or "")
    make_folder(file.parent, PRIVATE_FOLDER)
    file.touch(0o600, exist_ok=False)
    file.write_bytes(content)


@cache
def _migrated() -> bytes:
    return sqlite_file(upgrade)
