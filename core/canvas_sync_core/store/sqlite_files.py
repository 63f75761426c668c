"""Opens the SQLite file with the table: private, in WAL mode, and always the one of that name."""

from __future__ import annotations

import os
import sqlite3
import time
from functools import partial
from pathlib import Path
from typing import Any, Final

from canvas_sync_core.clock import monotonic
from canvas_sync_core.files.identity import Identity, status_identity
from canvas_sync_core.files.modes import PRIVATE_FILE, PRIVATE_FOLDER, make_folder, open_owned
from canvas_sync_core.identifiers import random_hex

__all__ = ["WRITER_BUSY_MS", "configure", "identity_at", "make_private"]

WRITER_BUSY_MS: Final = 20
"""How long the writer of rows lets SQLite wait for a lock, because a fork waits for the writer."""

_BUSY_TIMEOUT_MS: Final = 5000
_BUSY_PAUSE_S: Final = 0.01
_decode: Final = partial(str, encoding="utf-8", errors="replace")


def identity_at(file: Path) -> Identity | None:
    """Return which file has a name now; None if it cannot be found out."""
    try:
        found = file.stat()
    except OSError:
        return None
    return status_identity(found)


def make_private(file: Path) -> None:
    """Create an empty file with access only for the owner, without opening it under its own name.

    POSIX locks belong to the process: closing the file would drop all locks that SQLite holds on it
    in this process, and another process would then remove the journal that we still write to, with
    the rows in it.
    """
    make_folder(file.parent, PRIVATE_FOLDER)
    if file.exists():
        return
    empty = file.with_name(f"{file.name}.{random_hex(8)}")
    os.close(open_owned(empty, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_FILE))
    try:
        file.hardlink_to(empty)
    except FileExistsError:
        pass  # another process was faster
    finally:
        empty.unlink()


def configure(connection: Any) -> None:
    """Set up a connection of :mod:`sqlite3`; transactions are started explicitly."""
    connection.isolation_level = None
    connection.text_factory = _decode
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}")
    _use_wal(cursor)
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def _use_wal(cursor: sqlite3.Cursor) -> None:
    """Switch to WAL mode, with retries, because SQLite does not wait for a lock in this case."""
    deadline = monotonic() + _BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            if cursor.execute("PRAGMA page_count").fetchone() == (0,):
                # A new file: it can give back the space of deleted rows, see :mod:`.free_space`.
                cursor.execute("PRAGMA auto_vacuum=INCREMENTAL")
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or monotonic() >= deadline:
                raise
            time.sleep(_BUSY_PAUSE_S)
        else:
            return
