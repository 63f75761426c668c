"""Databases for the writer of rows: the same rows, with or without SQLAlchemy."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from canvas_sync_core.errors import SettingsError, StorageError
from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.engine_rows import EngineRows
from canvas_sync_core.store.row_database import row_database_opener
from canvas_sync_core.store.rows import write_runs
from canvas_sync_core.store.schema_version import VERSION_TABLE
from canvas_sync_core.store.sqlite_rows import SqliteRows
from support.runs import failed, running, snapshot
from support.tables import create_tables

_START = 1_766_398_530.25


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database with the tables."""
    url = f"sqlite:///{tmp_path / 'table.sqlite3'}"
    engine = open_engine(url)
    create_tables(engine)
    engine.dispose()
    return url


@pytest.fixture
def rows(url: str) -> Iterator[SqliteRows]:
    database = row_database_opener(url, auto_upgrade=False)()
    assert isinstance(database, SqliteRows)
    yield database
    database.close()


def _stored(url: str) -> list[tuple[object, ...]]:
    engine = open_engine(url)
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT * FROM canvas_sync_metrics ORDER BY id")
        stored = [tuple(row) for row in found]
        connection.exec_driver_sql("DELETE FROM canvas_sync_metrics")
        connection.commit()
    engine.dispose()
    return stored


def test_both_ways_store_the_same(url: str, rows: SqliteRows) -> None:
    runs = [
        running("a", start_time=_START),
        failed("b", start_time=_START, metadata={"name": "Zoë", "list": [1, None]}),
        snapshot("a", start_time=_START, user_id=None),
        snapshot("a", start_time=_START + 9, trace_id="f" * 32),
    ]
    rows.prepare()
    for run in runs:
        assert write_runs(rows, [run]) == []
    without = _stored(url)
    engine = open_engine(url)
    for run in runs:
        assert write_runs(engine, [run]) == []
    engine.dispose()
    assert without == _stored(url)
    assert len(without) == 3


def test_a_failed_transaction_leaves_nothing(url: str, rows: SqliteRows) -> None:
    impossible = snapshot("b", user_id=2**63)
    assert write_runs(rows, [snapshot("a"), impossible]) == [impossible]
    assert [row[1] for row in _stored(url)] == ["a"]


def test_a_new_file_of_the_same_name_gets_the_next_rows(
    url: str, rows: SqliteRows, tmp_path: Path
) -> None:
    write_runs(rows, [snapshot("a")])
    for file in tmp_path.glob("table.sqlite3*"):
        file.rename(tmp_path / f"old-{file.name}")
    engine = open_engine(url)
    create_tables(engine)
    engine.dispose()
    write_runs(rows, [snapshot("b")])
    assert [row[1] for row in _stored(url)] == ["b"]


def test_a_new_file_is_private(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "table.sqlite3"
    rows = row_database_opener(f"sqlite:///{file}", auto_upgrade=False)()
    with rows.begin():
        pass
    rows.close()
    assert [file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777] == [0o600, 0o700]
    assert [each.name for each in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        ("ALTER TABLE canvas_sync_metrics DROP COLUMN clock_skew", "lacks clock_skew"),
        (f"UPDATE {VERSION_TABLE} SET version_num = '9999'", "Update canvas-sync-monitor"),
        ("DROP TABLE canvas_sync_metrics", "db upgrade"),
    ],
)
def test_an_unsuitable_table_is_refused(url: str, change: str, hint: str, rows: SqliteRows) -> None:
    engine = open_engine(url)
    with engine.begin() as connection:
        connection.execute(text(change))
    engine.dispose()
    with pytest.raises(StorageError, match=hint):
        rows.prepare()


def test_a_missing_table_is_made(tmp_path: Path) -> None:
    rows = row_database_opener(f"sqlite:///{tmp_path / 'new.sqlite3'}", auto_upgrade=True)()
    rows.prepare()
    assert write_runs(rows, [snapshot("a")]) == []
    rows.close()


@pytest.mark.parametrize(
    "url", ["sqlite:////var/lib/a b#c/d.sqlite3", "sqlite:///e.db", "sqlite+pysqlite:////e.db"]
)
def test_a_url_means_the_file_that_sqlalchemy_opens(url: str) -> None:
    rows = row_database_opener(url, auto_upgrade=False)()
    assert isinstance(rows, SqliteRows)
    assert rows._file == Path(make_url(url).database or "").absolute()


@pytest.mark.parametrize("url", ["sqlite:////a%20b.db", "sqlite:///file:/e.db?uri=true"])
def test_other_urls_are_left_to_sqlalchemy(url: str) -> None:
    assert isinstance(row_database_opener(url, auto_upgrade=False)(), EngineRows)


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
def test_the_thread_that_writes_imports_no_driver(driver: str) -> None:
    """If greenlets replace threads meanwhile, an import fails or never ends."""
    code = f"""
import sys
from canvas_sync_core.store.row_database import row_database_opener
open_rows = row_database_opener("postgresql+{driver}://nobody@127.0.0.1:9/none", auto_upgrade=True)
before = set(sys.modules)
open_rows().close()
print({{{driver!r}, "alembic.command"}} <= before, set(sys.modules) - before)
"""
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert printed == "True set()\n"


def test_a_url_that_cannot_be_used_is_reported_where_the_database_is_opened() -> None:
    open_rows = row_database_opener("postgresql+asyncpg://127.0.0.1/none", auto_upgrade=False)
    with pytest.raises(SettingsError, match="its driver is neither"):
        open_rows()
