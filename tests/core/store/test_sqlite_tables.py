"""A new SQLite file gets the tables without SQLAlchemy, the same as from the migrations."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from canvas_sync_core.store.database import check_schema, open_engine
from canvas_sync_core.store.row_database import row_database_opener
from support.sqlite_tables import FILE, statements

_PREPARE = """
import sys
from canvas_sync_core.store.row_database import row_database_opener
rows = row_database_opener(sys.argv[1], auto_upgrade=True)()
rows.prepare()
rows.close()
assert not {"sqlalchemy", "alembic"} & set(sys.modules)
"""


def test_the_statements_are_those_of_the_migrations() -> None:
    """If this fails, a migration was added or changed: call ``make sqlite-tables``."""
    assert FILE.read_text().rstrip("\n").split("\n\n") == statements()


def test_an_empty_file_gets_them_without_alembic(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.sqlite3'}"
    processes = [subprocess.Popen([sys.executable, "-c", _PREPARE, url]) for _ in range(2)]
    assert 0 in [process.wait() for process in processes], "the other one may find it locked"
    engine = open_engine(url)
    check_schema(engine)
    engine.dispose()


def test_a_file_with_other_tables_gets_them_from_the_migrations(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'app.sqlite3'}"
    rows = row_database_opener(url, auto_upgrade=True)()
    with rows.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE numbers (number)", ())
    rows.prepare()
    rows.close()
    engine = open_engine(url)
    check_schema(engine)
    engine.dispose()
