"""The app's database: opened, and filled by create-or-update in batches."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, insert, select, update
from sqlalchemy.orm import Session

from .models import Base

__all__ = ["open_database", "save"]

_BATCH = 100
_WAL_ATTEMPTS = 100


def open_database(file: Path) -> Engine:
    """Open the SQLite database in a file and make what is missing of it."""
    engine = create_engine(f"sqlite:///{file}", connect_args={"timeout": 30})
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    Base.metadata.create_all(engine)
    return engine


def save(session: Session, model: type[Base], rows: Iterable[dict[str, Any]]) -> None:
    """Create or update rows by their id, and leave those alone that are as they were.

    Args:
        session: Where; every batch is a transaction, so that other syncs come to write too.
        model: The table.
        rows: Column values, all with the same columns.
    """
    for batch in _batches(rows):
        known = _known(session, model, batch)
        new = [row for row in batch if row["id"] not in known]
        changed = [row for row in batch if row["id"] in known and known[row["id"]] != row]
        if new:
            session.execute(insert(model), new)
        if changed:
            session.execute(update(model), changed)
        session.commit()


def _known(
    session: Session, model: type[Base], batch: Sequence[dict[str, Any]]
) -> dict[int, dict[str, Any]]:
    ids = [row["id"] for row in batch]
    columns = model.__table__.columns
    found = session.execute(select(*columns).where(model.id.in_(ids))).mappings()
    return {row["id"]: dict(row) for row in found}


def _batches(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    remaining = iter(rows)
    while batch := list(islice(remaining, _BATCH)):
        yield batch


def _prepare(connection: Any, _: object) -> None:
    connection.isolation_level = None  # the driver begins no transactions: _begin does
    _use_wal(connection)


def _use_wal(connection: sqlite3.Connection) -> None:
    """Let others read meanwhile; to change a new file to it SQLite does not wait for its turn."""
    for attempts_left in reversed(range(_WAL_ATTEMPTS)):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            break
        except sqlite3.OperationalError:
            if not attempts_left:
                raise
            time.sleep(0.05)


def _begin(connection: Connection) -> None:
    """Syncs share people: what one has looked up, no other may create meanwhile."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
