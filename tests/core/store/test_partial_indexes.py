"""An index on some rows has its condition in both databases, and SQLite alone loads one dialect."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, column, create_mock_engine

from canvas_sync_core.store.partial_indexes import partial_index


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql+psycopg"])
def test_the_condition_is_part_of_the_index_in_each_database(dialect: str) -> None:
    metadata = MetaData()
    index = partial_index("ix_courses_open", "closed", where=column("closed").is_(None))
    Table("courses", metadata, Column("closed", Integer), index)
    statements: list[str] = []

    def note(statement: Any, *_: Any) -> None:
        statements.append(str(statement.compile(dialect=engine.dialect)))

    engine = create_mock_engine(f"{dialect}://", note)
    metadata.create_all(engine, checkfirst=False)
    assert "CREATE INDEX ix_courses_open ON courses (closed) WHERE closed IS NULL" in statements[1]


def test_a_database_file_loads_no_dialect_of_postgresql(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from canvas_sync_core.store import rows\n"
        "from canvas_sync_core.store.database import open_engine\n"
        "from canvas_sync_core.store.incidents import judges, writing\n"
        "from canvas_sync_core.store.messages.writing import _insert, _upsert\n"
        "open_engine('sqlite:///' + sys.argv[1]).dispose()\n"
        "for statement in (_insert, _upsert, judges._upsert, writing._insert_unless_open):\n"
        "    statement('sqlite')\n"
        "print(*(name for name in sys.modules if 'dialects.postgresql' in name))\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "file")]
    assert subprocess.check_output(command, text=True).strip() == ""
