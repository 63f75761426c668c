"""Databases that are made once and then copied, such as one with the tables.

The migrations take longer than most tests.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from sqlalchemy import URL, Engine

from canvas_sync_core.files.modes import PRIVATE_FOLDER, make_folder
from canvas_sync_core.store.database import open_engine, upgrade

__all__ = ["create_tables", "put_file", "sqlite_file"]

_MIGRATED = "with_tables"
_ANY_TABLE = "SELECT 1 FROM pg_tables WHERE schemaname = 'public'"


def create_tables(engine: Engine) -> None:
    """Create the tables as :func:`upgrade` does, in an SQLite file or an empty PostgreSQL database.

    A new file is a copy of a migrated one, and an empty database gets the dump of a migrated one.
    """
    if engine.name == "postgresql":
        _restore(engine.url)
    elif not Path(engine.url.database or "").exists():
        put_file(engine, _migrated())
    upgrade(engine)  # checks a copy, and migrates everything else


def _restore(url: URL) -> None:
    """Execute the dump in a database without tables."""
    from psycopg import connect  # not where there is no PostgreSQL

    host, user = str(url.query["host"]), str(url.username)
    with connect(host=host, user=user, dbname=url.database) as connection:
        if not connection.execute(_ANY_TABLE).fetchone():
            connection.execute(_dumped(host, user).encode())


@cache
def _dumped(host: str, user: str) -> str:
    """Return the statements that make the tables, from a database that is migrated for that."""
    from psycopg import connect

    from .postgresql import find_binaries

    with connect(host=host, user=user, dbname="postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {_MIGRATED}".encode())
    engine = open_engine(f"postgresql://{user}@/{_MIGRATED}?host={host}")
    upgrade(engine)
    engine.dispose()
    binaries = find_binaries()
    assert binaries is not None, "there is a server"
    options = ["--host", host, "--username", user, "--inserts", "--no-owner"]
    dump = subprocess.run(
        [binaries / "pg_dump", *options, _MIGRATED], check=True, capture_output=True, text=True
    ).stdout
    for_sql = [line for line in dump.splitlines() if not line.startswith("\\")]  # commands of psql
    return "\n".join(for_sql)


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
