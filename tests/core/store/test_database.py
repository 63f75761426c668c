"""Opening the database, and creating, upgrading and checking the table."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, MetaData, event, func, inspect, select, text

from canvas_sync_core.errors import SettingsError, StorageError
from canvas_sync_core.store import database, queries
from canvas_sync_core.store.database import (
    check_schema,
    connect_for_long_read,
    downgrade,
    open_engine,
    upgrade,
)
from canvas_sync_core.store.freshness import freshness
from canvas_sync_core.store.incidents.tables import INCIDENTS_METADATA
from canvas_sync_core.store.messages.tables import MESSAGES_METADATA
from canvas_sync_core.store.model import METADATA, metrics_table
from canvas_sync_core.store.pauses import PAUSES_METADATA
from canvas_sync_core.store.queries import recent_runs, run_by_task
from canvas_sync_core.store.rollups.tables import ROLLUPS_METADATA
from canvas_sync_core.store.schema_version import SCHEMA_VERSION, VERSION_TABLE
from support.forked_programs import ForkedProgram, run_forked
from support.postgresql import PostgresqlServer
from support.runs import snapshot, write

_METADATA = (
    *(METADATA, ROLLUPS_METADATA, PAUSES_METADATA),
    *(INCIDENTS_METADATA, MESSAGES_METADATA),
)
_UPGRADE = """
import sys
from canvas_sync_core.store.database import open_engine, upgrade
upgrade(open_engine(sys.argv[1]))
"""
_READ_AND_CLOSE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("SELECT * FROM seen")
connection.close()
"""
_OPEN_CURRENT = _UPGRADE + "assert 'alembic' not in sys.modules, 'Alembic was imported'"


def test_the_migrations_make_the_tables_of_the_models(empty_database_url: str) -> None:
    engine = open_engine(empty_database_url)
    upgrade(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        everything = MetaData()
        for metadata in _METADATA:
            for each in metadata.tables.values():
                each.to_metadata(everything)
        differences = compare_metadata(context, everything)
    engine.dispose()
    assert differences == []


def test_the_version_known_to_the_code_is_the_newest_migration() -> None:
    migrations = Path(database.__file__).parent / "migrations"
    assert ScriptDirectory(str(migrations)).get_current_head() == SCHEMA_VERSION


def test_several_processes_may_upgrade_at_once(empty_database_url: str) -> None:
    processes = [ForkedProgram(_UPGRADE, empty_database_url) for _ in range(4)]
    assert [process.wait() for process in processes] == [0, 0, 0, 0]
    engine = open_engine(empty_database_url)
    check_schema(engine)
    engine.dispose()


def test_a_current_table_is_opened_without_alembic(empty_database_url: str) -> None:
    """Importing Alembic costs every instrumented process time and memory."""
    assert run_forked(_UPGRADE, empty_database_url) == 0
    subprocess.run([sys.executable, "-c", _OPEN_CURRENT, empty_database_url], check=True)


def test_upgrading_twice_changes_nothing(empty_database_url: str) -> None:
    engine = open_engine(empty_database_url)
    upgrade(engine)
    upgrade(engine)
    with engine.connect() as connection:
        versions = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).all()
    engine.dispose()
    assert versions == [(SCHEMA_VERSION,)]


def test_a_table_of_the_first_version_keeps_its_rows(engine: Engine) -> None:
    write(engine, snapshot("before"))
    downgrade(engine, "0001")
    upgrade(engine)
    run = run_by_task(engine, "before")
    assert run is not None
    assert (run.suspect, run.api_truncated, run.api_wait_seconds) == (None, 0, 0.0)
    assert (run.api_items, run.api_bytes, run.telemetry_fault) == (None, None, None)


def test_what_a_run_received_is_unknown_in_rows_of_an_older_version(engine: Engine) -> None:
    write(engine, snapshot("before", api_items=7, api_bytes=70, telemetry_fault="log: full"))
    downgrade(engine, "0005")
    with engine.connect() as connection:
        old_columns = {
            each["name"] for each in inspect(connection).get_columns("canvas_sync_metrics")
        }
    upgrade(engine)
    write(engine, snapshot("after", api_items=0, api_bytes=2))
    before, after = run_by_task(engine, "before"), run_by_task(engine, "after")
    assert old_columns.isdisjoint({"api_items", "api_bytes", "telemetry_fault", "clock_skew"})
    assert before is not None
    assert after is not None
    assert (before.api_calls, before.api_items, before.api_bytes) == (10, None, None)
    assert before.telemetry_fault is None
    assert (after.api_items, after.api_bytes) == (0, 2)


def test_the_table_may_live_among_the_tables_of_the_app(empty_database_url: str) -> None:
    """Made by the app's own metadata it is accepted as it is, and by an upgrade too."""
    engine = open_engine(empty_database_url)
    app_metadata = MetaData()
    metrics_table.to_metadata(app_metadata)
    app_metadata.create_all(engine)
    check_schema(engine)
    upgrade(engine)
    check_schema(engine)
    engine.dispose()


def test_the_apps_own_alembic_table_is_left_alone(empty_database_url: str) -> None:
    engine = open_engine(empty_database_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('of_the_app')"))
    upgrade(engine)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "of_the_app"
    engine.dispose()


def test_a_missing_table_names_the_command_that_makes_it(empty_database_url: str) -> None:
    engine = open_engine(empty_database_url)
    with pytest.raises(StorageError, match="canvas-sync-monitor db upgrade"):
        check_schema(engine)
    engine.dispose()


def test_a_table_without_a_column_is_too_old(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE canvas_sync_metrics DROP COLUMN canvas_host"))
    with pytest.raises(StorageError, match="lacks canvas_host"):
        check_schema(engine)


def test_a_table_of_a_later_version_is_refused(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    for check in (check_schema, upgrade):
        with pytest.raises(StorageError, match="Update canvas-sync-monitor"):
            check(engine)


@pytest.mark.parametrize("version", database._versions()[:-1])
def test_rows_survive_the_way_down_to_each_version_and_up_again(
    engine: Engine, version: str
) -> None:
    write(engine, *(snapshot(f"run-{number}") for number in range(3)))
    downgrade(engine, version)
    with engine.connect() as connection:
        assert connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}")) == version
        assert connection.scalar(text("SELECT count(*) FROM canvas_sync_metrics")) == 3
    upgrade(engine)
    write(engine, snapshot("after"))
    runs = recent_runs(engine, 10).items
    assert {run.sync_task_id for run in runs} == {"run-0", "run-1", "run-2", "after"}


@pytest.mark.parametrize("version", ["0042", SCHEMA_VERSION, "", "head", "-1"])
def test_a_version_that_is_not_older_is_refused(emptied_engine: Engine, version: str) -> None:
    with pytest.raises(StorageError, match="use one of 0001, 0002"):
        downgrade(emptied_engine, version)
    check_schema(emptied_engine)


def test_without_a_table_there_is_nothing_to_undo(empty_database_url: str) -> None:
    engine = open_engine(empty_database_url)
    with pytest.raises(StorageError, match="nothing can be undone"):
        downgrade(engine, "0001")
    engine.dispose()


def test_an_sqlite_file_is_private_and_in_wal_mode(tmp_path: Path) -> None:
    file = tmp_path / "state" / "canvas_sync.sqlite3"
    engine = open_engine(f"sqlite:///{file}")
    assert not file.parent.exists(), "opening an engine must not touch the disk"
    upgrade(engine)
    with engine.connect() as connection:
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
        assert connection.scalar(text("PRAGMA synchronous")) == 1
    assert file.parent.stat().st_mode & 0o777 == 0o700
    modes = {each.name: each.stat().st_mode & 0o777 for each in file.parent.iterdir()}
    assert set(modes.values()) == {0o600}, modes
    engine.dispose()


def test_the_first_use_of_a_file_waits_for_another_process_at_it(tmp_path: Path) -> None:
    """SQLite itself waits for its turn to write, but not to change a file to WAL mode."""
    file = tmp_path / "canvas_sync.sqlite3"
    engine = open_engine(f"sqlite:///{file}")
    with (
        closing(sqlite3.connect(file, isolation_level=None)) as other,
        ThreadPoolExecutor() as pool,
    ):
        other.execute("BEGIN IMMEDIATE")
        upgraded = pool.submit(upgrade, engine)
        assert wait([upgraded], timeout=0.2).not_done
        other.execute("COMMIT")
        upgraded.result(30)
    check_schema(engine)
    engine.dispose()


def test_a_row_stays_when_another_process_was_the_first_to_close_the_file(tmp_path: Path) -> None:
    """Opening a further connection must not drop this process's locks on the SQLite file.

    Without them another process takes itself for the last one and removes the journal under the
    feet of those that write to it.
    """
    file = tmp_path / "x.sqlite3"
    engine = open_engine(f"sqlite:///{file}")
    upgrade(engine)
    with engine.connect() as one, engine.connect() as two:
        one.execute(text("CREATE TABLE seen (word TEXT)"))
        one.commit()
        subprocess.run([sys.executable, "-c", _READ_AND_CLOSE, str(file)], check=True)
        two.execute(text("INSERT INTO seen VALUES ('kept')"))
        two.commit()
        with closing(sqlite3.connect(file)) as other:
            assert other.execute("SELECT word FROM seen").fetchall() == [("kept",)]
    engine.dispose()


def test_a_file_that_was_deleted_and_recreated_is_reopened(tmp_path: Path) -> None:
    file = tmp_path / "runs.sqlite3"
    old, new = open_engine(f"sqlite:///{file}"), open_engine(f"sqlite:///{file}")
    upgrade(old)
    write(old, snapshot("before"))
    for each in tmp_path.iterdir():
        each.unlink()

    upgrade(new)
    write(new, snapshot("after"))  # still in the journal, which the old connection must not remove
    assert [run.sync_task_id for run in recent_runs(old, 10).items] == ["after"]
    write(old, snapshot("later"))
    new.dispose()
    old.dispose()
    fresh = open_engine(f"sqlite:///{file}")
    assert {run.sync_task_id for run in recent_runs(fresh, 10).items} == {"after", "later"}
    fresh.dispose()


def test_postgresql_bounds_every_statement(postgresql_url: str) -> None:
    engine = open_engine(postgresql_url)
    with engine.connect() as connection:
        assert connection.scalar(text("SHOW statement_timeout")) == "15s"
    engine.dispose()


_AGES_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "ask",
    [
        lambda engine: queries.summary(engine, _AGES_AGO),
        lambda engine: queries.performance(engine, _AGES_AGO),
        lambda engine: freshness(engine, _AGES_AGO, _AGES_AGO),
    ],
    ids=["summary", "performance", "freshness"],
)
@pytest.mark.parametrize(
    ("options", "limits"),
    [("", ("2min", "15s")), ("&options=-c%20statement_timeout%3D1234", ("1234ms", "1234ms"))],
)
def test_what_reads_many_rows_may_take_longer_unless_the_url_says_otherwise(
    kept_postgresql: Engine,
    options: str,
    limits: tuple[str, str],
    ask: Callable[[Engine], object],
) -> None:
    engine = open_engine(kept_postgresql.url.render_as_string() + options)
    found: list[str] = []

    def note(_connection: object, cursor: Any, statement: str, *_: object) -> None:
        if metrics_table.name in statement:
            with cursor.connection.cursor() as other:
                found.extend(other.execute("SHOW statement_timeout").fetchone())

    event.listen(engine, "before_cursor_execute", note)
    ask(engine)
    event.remove(engine, "before_cursor_execute", note)
    assert set(found) == {limits[0]}
    with engine.connect() as connection:
        assert connection.scalar(text("SHOW statement_timeout")) == limits[1]
    engine.dispose()


def test_a_long_limit_leaves_what_statements_see_as_it_is(postgresql_url: str) -> None:
    """Each sees what is committed when it begins."""
    engine = open_engine(postgresql_url)
    upgrade(engine)
    runs = select(func.count()).select_from(metrics_table)
    with connect_for_long_read(engine) as connection:
        assert connection.scalar(runs) == 0
        write(engine, snapshot("in between"))
        assert connection.scalar(runs) == 1
    engine.dispose()


def test_options_in_the_url_win(postgresql_url: str) -> None:
    engine = open_engine(f"{postgresql_url}&options=-c%20statement_timeout%3D1234")
    with engine.connect() as connection:
        assert connection.scalar(text("SHOW statement_timeout")) == "1234ms"
    engine.dispose()


def test_a_database_without_an_encoding_can_be_used(postgresql_server: PostgresqlServer) -> None:
    name = postgresql_server.create_database("ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
    engine = open_engine(postgresql_server.url(name))
    try:
        upgrade(engine)
        with engine.connect() as connection:
            assert connection.scalar(select(text("'Überprüfung'::text"))) == "Überprüfung"
    finally:
        engine.dispose()
        postgresql_server.drop_database(name)


def test_the_old_spelling_of_a_postgresql_url_works(postgresql_url: str) -> None:
    engine = open_engine(postgresql_url.replace("postgresql://", "postgres://"))
    with engine.connect() as connection:
        assert connection.scalar(select(func.current_database()))
    engine.dispose()


def test_engines_are_marked_as_internal(tmp_path: Path) -> None:
    """The SQLAlchemy hook leaves our own statements out by this mark."""
    engine = open_engine(f"sqlite:///{tmp_path / 'x.sqlite3'}")
    with engine.connect() as connection:
        assert connection.get_execution_options()["canvas_sync_internal"] is True
        assert not inspect(connection).has_table("canvas_sync_metrics")
    engine.dispose()


@pytest.mark.parametrize(
    "url",
    [
        "hunter2",
        "postgres:hunter2",
        "mysql://user:hunter2@host/database",
        "sqlite://",
        "sqlite:///:memory:",
        "postgresql+hunter2://user:hunter2@host/database",
        "postgresql://user:hunter2@host:port/database",
    ],
)
def test_an_unusable_url_is_refused_without_showing_its_password(url: str) -> None:
    with pytest.raises(SettingsError, match="CANVAS_SYNC_DATABASE_URL") as caught:
        open_engine(url)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None
