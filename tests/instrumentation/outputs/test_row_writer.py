"""Rows wait while the database is away, silent, locked or not as it should be."""

from __future__ import annotations

import logging
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest
from msgspec import structs
from sqlalchemy import text

from canvas_sync_core.events import RunEnded, RunSnapshot
from canvas_sync_core.names import RunStatus
from canvas_sync_core.store.database import open_engine, upgrade
from canvas_sync_core.store.queries import recent_runs
from canvas_sync_core.store.row_database import RowDatabase, row_database_opener
from canvas_sync_core.store.spool.delivery import waiting_bytes
from canvas_sync_core.store.spool.lines import encode
from canvas_sync_core.store.sqlite_rows import SqliteRows
from canvas_sync_instrumentation.outputs._row_writer import RowWriter
from canvas_sync_instrumentation.outputs.rows import RowSink
from support.postgresql import PostgresqlServer
from support.prometheus import eventually
from support.store_sinks import (
    CONTEXT,
    NOWHERE,
    START,
    RowDrops,
    Sinks,
    reports_in,
    run_ended,
    statuses_of,
    sync_all,
)


def test_a_database_that_is_deleted_is_recreated_and_reported(
    make_store: Sinks, tmp_path: Path, row_drops: RowDrops, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "state"
    url = f"sqlite:///{folder / 'runs.sqlite3'}"
    sink = make_store(url)
    sink.handle(run_ended("before"))
    assert sink.flush(600)
    for each in folder.iterdir():
        each.unlink()

    sink.handle(run_ended("after"))
    assert sink.flush(600)
    engine = open_engine(url)
    assert statuses_of(engine) == {"after": RunStatus.SUCCESS}
    engine.dispose()
    assert not row_drops.counts
    (away, back) = reports_in(caplog)
    assert "no such table" in away
    assert "The database is back" in back


def test_rows_wait_while_the_server_is_away_and_all_arrive(
    make_store: Sinks,
    postgresql_url: str,
    postgresql_server: PostgresqlServer,
    row_drops: RowDrops,
    caplog: pytest.LogCaptureFixture,
) -> None:
    sink = make_store(postgresql_url)
    names = [f"run-{number}" for number in range(60)]
    sync_all(sink, names[:20])
    assert sink.flush(600)
    postgresql_server.stop()
    with caplog.at_level(logging.WARNING, "canvas_sync_instrumentation"):
        sync_all(sink, names[20:40])
        assert not sink.flush(1)
        sync_all(sink, names[40:])
        assert not sink.flush(1)
        assert len(reports_in(caplog)) == 1, "an outage is reported once"
        postgresql_server.start()
        assert sink.flush(600)
    assert [message[:20] for message in reports_in(caplog)[1:]] == ["The database is back"]
    engine = open_engine(postgresql_url)
    runs = sorted(recent_runs(engine, 500).items, key=lambda run: run.id)
    engine.dispose()
    assert [run.sync_task_id for run in runs] == names
    assert {run.sync_status for run in runs} == {RunStatus.SUCCESS}
    assert not row_drops.counts


def test_rows_wait_while_the_server_is_silent_and_all_arrive(
    make_store: Sinks,
    postgresql_url: str,
    postgresql_server: PostgresqlServer,
    row_drops: RowDrops,
    caplog: pytest.LogCaptureFixture,
) -> None:
    sink = make_store(postgresql_url)
    sync_all(sink, ["before"])
    assert sink.flush(600)
    with caplog.at_level(logging.WARNING, "canvas_sync_instrumentation"):
        with postgresql_server.stopped_in_its_tracks():
            began = time.monotonic()
            sync_all(sink, ["meanwhile"])
            assert time.monotonic() - began < 1.0, "the sync does not wait"
            eventually(lambda: reports_in(caplog), "the outage is reported")
        assert sink.flush(600)
    assert "timeout" in reports_in(caplog)[0]
    engine = open_engine(postgresql_url)
    assert statuses_of(engine) == {"before": "success", "meanwhile": "success"}
    engine.dispose()
    assert not row_drops.counts


def test_a_locked_sqlite_file_is_waited_for(
    make_store: Sinks, tmp_path: Path, row_drops: RowDrops
) -> None:
    file = tmp_path / "x.sqlite3"
    engine = open_engine(f"sqlite:///{file}")
    upgrade(engine)
    locker = sqlite3.connect(file, isolation_level=None)
    locker.execute("BEGIN EXCLUSIVE")
    sink = make_store(f"sqlite:///{file}")
    sync_all(sink, ["a", "b"])
    assert not sink.flush(0.3)
    locker.execute("ROLLBACK")
    locker.close()
    assert sink.flush(600)
    assert statuses_of(engine) == {"a": "success", "b": "success"}
    engine.dispose()
    assert not row_drops.counts


def test_a_missing_table_is_reported_once_and_rows_wait_for_it(
    make_store: Sinks, empty_database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    sink = make_store(empty_database_url, auto_upgrade=False)
    sync_all(sink, ["a"])
    assert not sink.flush(0.8)
    sync_all(sink, ["b"])
    assert not sink.flush(0.8)
    (report,) = reports_in(caplog)
    assert "canvas-sync-monitor db upgrade" in report
    engine = open_engine(empty_database_url)
    upgrade(engine)
    assert sink.flush(600)
    assert statuses_of(engine) == {"a": "success", "b": "success"}
    engine.dispose()


def test_reports_show_no_password(make_store: Sinks, caplog: pytest.LogCaptureFixture) -> None:
    sink = make_store("postgresql://user:hunter2@127.0.0.1:9/none")
    sync_all(sink, ["a"])
    sink.close(5)
    (report,) = reports_in(caplog)
    assert "hunter2" not in report
    assert "127.0.0.1" in report


def test_a_failure_that_nobody_foresaw_loses_no_row(
    empty_database_url: str, tmp_path: Path, row_drops: RowDrops, caplog: pytest.LogCaptureFixture
) -> None:
    def open_database() -> RowDatabase:
        if not is_mended.is_set():
            raise TypeError("a driver's mistake")
        return opener()

    opener = row_database_opener(empty_database_url, auto_upgrade=True)
    is_mended = threading.Event()
    sink = RowSink(open_database, tmp_path / "spool", on_drop=row_drops)
    sync_all(sink, ["a"])
    assert not sink.flush(0.5)
    is_mended.set()
    assert sink.flush(600)
    sink.close(5)
    engine = open_engine(empty_database_url)
    assert statuses_of(engine) == {"a": "success"}
    engine.dispose()
    (message,) = [each for each in caplog.messages if "TypeError: a driver's mistake" in each]
    assert "open_database:" in message
    assert row_drops.counts == {}


class _StoppingDatabase(SqliteRows):
    """Stops in the middle of a write until it may go on: before the commit begins, or within."""

    def __init__(self, file: Path, stops: str, error: Exception | None = None) -> None:
        super().__init__(file, f"sqlite:///{file}", auto_upgrade=True)
        self._is_prepared = False
        self._stops = stops
        self._error = error
        self.has_stopped, self.may_go_on = threading.Event(), threading.Event()

    def prepare(self) -> None:
        super().prepare()
        self._is_prepared = True

    @contextmanager
    def begin(self) -> Iterator[Any]:
        with super().begin() as connection:
            self._stop("before")
            yield connection
            self._stop("within")

    def _stop(self, where: str) -> None:
        if self._is_prepared and where == self._stops:
            self.has_stopped.set()
            assert self.may_go_on.wait(600)
            if self._error is not None:
                raise self._error


@pytest.mark.parametrize(
    ("stops", "error", "lost"),
    [("before", None, (2, 2)), ("within", None, (0, 0)), ("within", OSError(28, "full"), (0, 2))],
    ids=["before the commit", "within it", "within one that fails"],
)
def test_a_row_that_is_being_written_at_the_close_is_either_delivered_or_counted(
    tmp_path: Path,
    row_drops: RowDrops,
    stops: str,
    error: Exception | None,
    lost: tuple[int, int],
) -> None:
    (tmp_path / "spool").write_text("a file where the folder should be")
    database = _StoppingDatabase(tmp_path / "runs.sqlite3", stops, error)
    sink = RowSink(lambda: database, tmp_path / "spool", on_drop=row_drops)
    sync_all(sink, ["a", "b"])
    assert database.has_stopped.wait(600)
    sink.close(0)
    counts = [row_drops.counts.total()]
    database.may_go_on.set()
    assert sink._thread is not None
    assert sink._thread.join(600)
    assert (*counts, row_drops.counts.total()) == lost
    engine = open_engine(f"sqlite:///{tmp_path / 'runs.sqlite3'}")
    assert statuses_of(engine) == ({} if lost[1] else {"a": "success", "b": "success"})
    engine.dispose()


def test_a_close_leaves_the_rows_to_others_when_the_database_refuses(
    make_store: Sinks, tmp_path: Path, row_drops: RowDrops
) -> None:
    sink = make_store(NOWHERE)
    sync_all(sink, ["a"])
    began = time.monotonic()
    sink.close(3600)
    assert time.monotonic() - began < 600, "a refused connection is not tried until the timeout"
    assert waiting_bytes(tmp_path / "spool") > 0
    assert not row_drops.counts


def test_a_close_does_not_wait_longer_than_it_may_for_a_silent_server(make_store: Sinks) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        sink = make_store(f"postgresql://user@{address}/none?connect_timeout=3600")
        sync_all(sink, ["a"])
        began = time.monotonic()
        sink.close(0.5)
        assert time.monotonic() - began < 600, "the connection alone would be waited for an hour"


def test_a_value_that_cannot_be_stored_is_counted_and_holds_nothing_up(
    make_store: Sinks, empty_database_url: str, tmp_path: Path, row_drops: RowDrops
) -> None:
    sink = make_store(empty_database_url)
    sync_all(sink, ["a"])
    impossible: RunSnapshot = structs.replace(run_ended("bad").snapshot, user_id=2**63)
    sink.handle(RunEnded(CONTEXT, START, impossible))
    sync_all(sink, ["b"])
    assert sink.flush(600)
    engine = open_engine(empty_database_url)
    assert statuses_of(engine) == {"a": "success", "b": "success"}
    engine.dispose()
    assert row_drops.counts == {"rejected_row": 1}
    assert (tmp_path / "spool" / "damaged.txt").read_bytes() == encode(impossible)


def test_a_table_dropped_under_way_is_made_again(
    make_store: Sinks, empty_database_url: str
) -> None:
    sink = make_store(empty_database_url)
    sync_all(sink, ["a"])
    assert sink.flush(600)
    engine = open_engine(empty_database_url)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE canvas_sync_metrics"))
        connection.execute(text("DROP TABLE canvas_sync_alembic_version"))
    sync_all(sink, ["b"])
    assert sink.flush(600)
    assert statuses_of(engine) == {"b": "success"}
    engine.dispose()


def test_a_database_that_is_away_is_asked_less_and_less_often(
    make_store: Sinks, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[float] = []
    asked_often = threading.Event()

    def write(_rows: RowWriter, *_: Any, **__: Any) -> bool:
        attempts.append(time.monotonic())
        if len(attempts) == 6:
            asked_often.set()
        return False

    monkeypatch.setattr(RowWriter, "write", write)
    monkeypatch.setattr("canvas_sync_instrumentation.outputs.rows._FIRST_DELAY_S", 0.02)
    make_store(NOWHERE).handle(run_ended("run-1"))
    assert asked_often.wait(60)
    pauses = [later - earlier for earlier, later in pairwise(attempts)]
    for number, pause in enumerate(pauses[:5]):
        assert pause >= 0.02 * 2**number


class _Database:
    """A database that takes part in forks and holds nothing."""

    def __init__(self, *, is_sqlite: bool) -> None:
        self.is_sqlite = is_sqlite
        self.calls: list[str] = []

    def prepare(self) -> None:
        self.calls.append("prepare")

    def close(self) -> None:
        self.calls.append("close")

    def leave_to_parent(self) -> None:
        self.calls.append("leave")


def _connected(folder: Path, *, is_sqlite: bool) -> tuple[RowWriter, list[_Database]]:
    opened: list[_Database] = []

    def open_database() -> RowDatabase:
        opened.append(_Database(is_sqlite=is_sqlite))
        return cast("RowDatabase", opened[-1])

    writer = RowWriter(open_database, folder, lambda *_: None)
    writer.after_fork_in_child()  # has nothing to leave yet
    writer.drain_orphans()
    return writer, opened


def test_orphans_are_looked_for_once_until_there_may_be_some_again(tmp_path: Path) -> None:
    writer, (database,) = _connected(tmp_path, is_sqlite=True)
    writer.close()
    writer.drain_orphans()
    assert database.calls == ["prepare", "close"]
    writer.expect_orphans()
    writer.drain_orphans()
    writer.drain_orphans()
    assert database.calls == ["prepare", "close"]


@pytest.mark.parametrize("is_sqlite", [True, False])
def test_an_sqlite_file_is_closed_before_a_fork_and_other_connections_stay(
    tmp_path: Path, is_sqlite: bool
) -> None:
    writer, opened = _connected(tmp_path, is_sqlite=is_sqlite)
    writer.before_fork()
    writer.after_fork_in_parent()
    writer.expect_orphans()
    writer.drain_orphans()
    assert opened[0].calls == (["prepare", "close"] if is_sqlite else ["prepare"])
    assert len(opened) == (2 if is_sqlite else 1)


@pytest.mark.parametrize("is_sqlite", [True, False])
def test_a_child_leaves_open_connections_to_its_parent(tmp_path: Path, is_sqlite: bool) -> None:
    """It never opens an SQLite file whose locks it has inherited."""
    writer, opened = _connected(tmp_path, is_sqlite=is_sqlite)
    writer.after_fork_in_child()
    assert opened[0].calls == ["prepare", "leave"]
    writer.expect_orphans()
    writer.drain_orphans()
    assert len(opened) == (1 if is_sqlite else 2)
