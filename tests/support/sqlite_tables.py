"""What makes the tables in an empty SQLite file; ``make sqlite-tables`` writes it to a file."""

from __future__ import annotations

import sqlite3
import tempfile
from pathlib import Path

from canvas_sync_core.store import migrations
from canvas_sync_core.store.database import open_engine, upgrade

__all__ = ["FILE", "statements"]

FILE = Path(migrations.__path__[0]) / "sqlite_tables.sql"


def statements() -> list[str]:
    """Return the statements that repeat what all migrations do to an empty file."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "made.sqlite3"
        engine = open_engine(f"sqlite:///{file}")
        upgrade(engine)
        engine.dispose()
        connection = sqlite3.connect(file)
        _, *found, _ = connection.iterdump()  # between BEGIN and COMMIT
        connection.close()
    return ["\n".join(map(str.rstrip, statement.splitlines())) for statement in found]


if __name__ == "__main__":
    FILE.write_text("\n\n".join(statements()) + "\n")
