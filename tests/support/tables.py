"""SQLite files that are made once and then copied, such as one with the tables.

The migrations take longer than most tests.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from sqlalchemy import Engine

from canvas_sync_core.files.modes import PRIVATE_FOLDER, make_folder
from canvas_sync_core.store.database import open_engine, upgrade

__all__ = ["create_tables", "put_file", "sqlite_file"]


def create_tables(engine: Engine) -> None:
    """Create the tables as :func:`upgrade` does; a new SQLite file is a copy of a migrated one."""
    if engine.name == "sqlite" and not Path(engine.url.database or "").exists():
        put_file(engine, _migrated())
    upgrade(engine)  # checks a copy, and migrates everything else


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
