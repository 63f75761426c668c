"""The store sink: every run reaches the table, whatever happens to the database."""

from __future__ import annotations

import logging
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from sqlalchemy import Engine, text

from canvas_sync_core.events import (
    ErrorInfo,
    ErrorRecorded,
    Heartbeat,
    RunContext,
    RunEnded,
    RunSnapshot,
    RunStarted,
)
from canvas_sync_core.names import RunStatus
from canvas_sync_core.store.database import open_engine, upgrade
from canvas_sync_core.store.queries import recent_runs, run_by_task
from canvas_sync_core.store.row_database import RowDatabase, row_database_opener
from canvas_sync_core.store.spool import SPOOL_LIMIT, drain_orphans, encode, waiting_bytes
from canvas_sync_core.store.sqlite_rows import SqliteRows
from canvas_sync_instrumentation.outputs._row_writer import RowWriter
from canvas_sync_instrumentation.outputs.rows import StoreSink
from support.forked_programs import ForkedProgram
from support.postgresql import PostgresqlServer
from support.prometheus import eventually
from support.runs import running, snapshot
from support.small_disk import SmallDisk
from support.waiting import wait_until

_CONTEXT = RunContext("a", 42, None, "full", "0" * 32, "0" * 16, sampled=False)
_START = 1_766_398_530.25
_NOWHERE = "postgresql://nobody@127.0.0.1:9/none"
_TESTS = Path(__file__).parents[2]

_PROCESS = """
import os, sys, time
from pathlib import Path
from canvas_sync_core.events import RunContext, RunEnded, RunStarted
from canvas_sync_instrumentation.outputs.rows import StoreSink
from canvas_sync_core.store.row_database import row_database_opener
from support.runs import running, snapshot

url, folder, name, count = sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
context = RunContext("a", 42, None, "full", "0" * 32, "0" * 16, sampled=False)

def fail(sink, reason, count=1):
    raise AssertionError(reason)

sink = StoreSink(row_database_opener(url, auto_upgrade=True), folder, on_drop=fail)

def sync(name):
    for number in range(count):
        task_id = f"{name}-{number}"
        sink.handle(RunStarted(context, 0.0, running(task_id, start_time=1.7e9)))
        sink.handle(RunEnded(context, 0.0, snapshot(task_id, start_time=1.7e9)))
"""


class _Drops:
    """Counts what the sink loses."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def __call__(self, sink: str, reason: str, count: int = 1) -> None:
        assert sink == "store"
        self.counts[reason] += count


Sinks = Callable[..., StoreSink]


@pytest.fixture
def drops() -> _Drops:
    return _Drops()


@pytest.fixture
def make_sink(tmp_path: Path, drops: _Drops) -> Iterator[Sinks]:
    """Make sinks on a database, all with one spool folder; closed at the end."""
    made: list[StoreSink] = []

    def make(url: str, *, auto_upgrade: bool = True, limit: int = SPOOL_LIMIT) -> StoreSink:
        sink = StoreSink(
            row_database_opener(url, auto_upgrade=auto_upgrade),
            tmp_path / "spool",
            on_drop=drops,
            spool_limit=limit,
        )
        made.append(sink)
        return sink

    yield make
    for sink in made:
        sink.close(1)


def _start(task_id: str, **changes: Any) -> RunStarted:
    return RunStarted(_CONTEXT, _START, running(task_id, start_time=_START, **changes))


def _beat(task_id: str, seconds: float, **changes: Any) -> Heartbeat:
    beat = running(task_id, start_time=_START, heartbeat=_START + seconds, **changes)
    return Heartbeat(_CONTEXT, beat.heartbeat, beat)


def _end(task_id: str, **changes: Any) -> RunEnded:
    return RunEnded(_CONTEXT, _START + 60, snapshot(task_id, start_time=_START, **changes))


def _statuses(engine: Engine) -> dict[str, str]:
    return {run.sync_task_id: run.sync_status for run in recent_runs(engine, 5000).items}


def _reports(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the store said; an exporter of spans that a test before left hanging may speak too."""
    names = {"canvas_sync_instrumentation.outputs._row_writer", StoreSink.__module__}
    return [record.getMessage() for record in caplog.records if record.name in names]


def _run_python(code: str, *arguments: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(_TESTS)},
    )


def _run_to_its_end(program: str, url: str, folder: Path, count: int) -> None:
    """Run a program that forks while threads run; Python warns of that."""
    quiet = "import warnings; warnings.simplefilter('ignore', DeprecationWarning)\n"
    with _run_python(quiet + _PROCESS + program, url, folder, "x", count) as process:
        assert process.wait() == 0


def test_a_run_is_seen_from_its_start_to_its_end(
    make_sink: Sinks, empty_database_url: str, drops: _Drops
) -> None:
    sink = make_sink(empty_database_url)
    engine = open_engine(empty_database_url)
    seen = []
    for event in (_start("a", progress=0.0), _beat("a", 10, progress=40.0), _end("a")):
        sink.handle(event)
        assert sink.flush(600)
        run = run_by_task(engine, "a")
        assert run is not None
        seen.append((run.id, run.sync_status, run.progress))
    engine.dispose()
    assert seen == [
        (1, RunStatus.RUNNING, 0.0),
        (1, RunStatus.RUNNING, 40.0),
        (1, RunStatus.SUCCESS, 100.0),
    ]
    assert not drops.counts


def test_a_database_that_is_deleted_is_recreated_and_reported(
    make_sink: Sinks, tmp_path: Path, drops: _Drops, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "state"
    url = f"sqlite:///{folder / 'runs.sqlite3'}"
    sink = make_sink(url)
    sink.handle(_end("before"))
    assert sink.flush(600)
    for each in folder.iterdir():
        each.unlink()

    sink.handle(_end("after"))
    assert sink.flush(600)
    engine = open_engine(url)
    assert _statuses(engine) == {"after": RunStatus.SUCCESS}
    engine.dispose()
    assert not drops.counts
    (away, back) = _reports(caplog)
    assert "no such table" in away
    assert "The database is back" in back


def test_only_runs_wake_it(make_sink: Sinks, tmp_path: Path) -> None:
    sink = make_sink(_NOWHERE)
    sink.handle(ErrorRecorded(_CONTEXT, _START, "api", ErrorInfo("E", "m")))
    assert sink.flush(0)
    assert not (tmp_path / "spool").exists()


class _Signal(Exception):  # noqa: N818 - such as a timeout that a signal's handler raises
    pass


def test_an_event_makes_up_for_one_that_was_broken_off_before_it_told_the_thread(
    make_sink: Sinks, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def strike() -> bool:
        raise _Signal

    sink = make_sink(empty_database_url)
    sink.handle(_start("a"))
    assert sink.flush(600)
    wait_until(lambda: sink._idle, "the thread to sleep")
    with monkeypatch.context() as patch:
        patch.setattr(sink, "_ensure_thread", strike)
        with pytest.raises(_Signal):
            sink.handle(_start("b"))
    sink.handle(_end("a"))
    with sink._changed.lock:  # a flush would wake the thread
        assert sink._changed.wait_for(lambda: not sink._has_work(), 600)
    engine = open_engine(empty_database_url)
    assert _statuses(engine) == {"a": RunStatus.SUCCESS, "b": RunStatus.RUNNING}
    engine.dispose()


def test_a_thread_that_is_awake_is_not_told_of_further_events(
    make_sink: Sinks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To be woken costs the sync's thread the time that it lets the other one have."""
    told: list[bool] = []
    sink = make_sink(_NOWHERE)
    with sink._changed.lock, monkeypatch.context() as patch:
        patch.setattr(sink._changed, "notify_all", lambda: told.append(sink._idle))
        for is_idle in (False, True, False):
            patch.setattr(sink, "_idle", is_idle)
            sink.handle(_start("a"))
        patch.setattr(sink, "_idle", False)
    assert told == [True]


def test_the_syncs_thread_never_meets_the_database(tmp_path: Path, drops: _Drops) -> None:
    opened_in: list[threading.Thread] = []

    def open_database() -> RowDatabase:
        opened_in.append(threading.current_thread())
        return opener()

    opener = row_database_opener(f"sqlite:///{tmp_path / 'x.sqlite3'}", auto_upgrade=True)
    sink = StoreSink(open_database, tmp_path / "spool", on_drop=drops)
    sink.handle(_start("a"))
    assert sink.flush(600)
    sink.close(10)
    assert [thread.name for thread in opened_in] == ["canvas-sync-store"]
    assert opened_in[0].daemon
    assert not opened_in[0].is_alive()


def test_rows_wait_while_the_server_is_away_and_all_arrive(
    make_sink: Sinks,
    postgresql_url: str,
    postgresql_server: PostgresqlServer,
    drops: _Drops,
    caplog: pytest.LogCaptureFixture,
) -> None:
    sink = make_sink(postgresql_url)
    names = [f"run-{number}" for number in range(60)]
    _sync(sink, names[:20])
    assert sink.flush(600)
    postgresql_server.stop()
    with caplog.at_level(logging.WARNING, "canvas_sync_instrumentation"):
        _sync(sink, names[20:40])
        assert not sink.flush(1)
        _sync(sink, names[40:])
        assert not sink.flush(1)
        assert len(_reports(caplog)) == 1, "an outage is reported once"
        postgresql_server.start()
        assert sink.flush(600)
    assert [message[:20] for message in _reports(caplog)[1:]] == ["The database is back"]
    engine = open_engine(postgresql_url)
    runs = sorted(recent_runs(engine, 500).items, key=lambda run: run.id)
    engine.dispose()
    assert [run.sync_task_id for run in runs] == names
    assert {run.sync_status for run in runs} == {RunStatus.SUCCESS}
    assert not drops.counts


def test_rows_wait_while_the_server_is_silent_and_all_arrive(
    make_sink: Sinks,
    postgresql_url: str,
    postgresql_server: PostgresqlServer,
    drops: _Drops,
    caplog: pytest.LogCaptureFixture,
) -> None:
    sink = make_sink(postgresql_url)
    _sync(sink, ["before"])
    assert sink.flush(600)
    with caplog.at_level(logging.WARNING, "canvas_sync_instrumentation"):
        with postgresql_server.stopped_in_its_tracks():
            began = time.monotonic()
            _sync(sink, ["meanwhile"])
            assert time.monotonic() - began < 1.0, "the sync does not wait"
            eventually(lambda: _reports(caplog), "the outage is reported")
        assert sink.flush(600)
    assert "timeout" in _reports(caplog)[0]
    engine = open_engine(postgresql_url)
    assert _statuses(engine) == {"before": "success", "meanwhile": "success"}
    engine.dispose()
    assert not drops.counts


def test_a_locked_sqlite_file_is_waited_for(
    make_sink: Sinks, tmp_path: Path, drops: _Drops
) -> None:
    file = tmp_path / "x.sqlite3"
    engine = open_engine(f"sqlite:///{file}")
    upgrade(engine)
    locker = sqlite3.connect(file, isolation_level=None)
    locker.execute("BEGIN EXCLUSIVE")
    sink = make_sink(f"sqlite:///{file}")
    _sync(sink, ["a", "b"])
    assert not sink.flush(0.3)
    locker.execute("ROLLBACK")
    locker.close()
    assert sink.flush(600)
    assert _statuses(engine) == {"a": "success", "b": "success"}
    engine.dispose()
    assert not drops.counts


def test_a_missing_table_is_reported_once_and_rows_wait_for_it(
    make_sink: Sinks, empty_database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    sink = make_sink(empty_database_url, auto_upgrade=False)
    _sync(sink, ["a"])
    assert not sink.flush(0.8)
    _sync(sink, ["b"])
    assert not sink.flush(0.8)
    (report,) = _reports(caplog)
    assert "canvas-sync-monitor db upgrade" in report
    engine = open_engine(empty_database_url)
    upgrade(engine)
    assert sink.flush(600)
    assert _statuses(engine) == {"a": "success", "b": "success"}
    engine.dispose()


def test_reports_show_no_password(make_sink: Sinks, caplog: pytest.LogCaptureFixture) -> None:
    sink = make_sink("postgresql://user:hunter2@127.0.0.1:9/none")
    _sync(sink, ["a"])
    sink.close(5)
    (report,) = _reports(caplog)
    assert "hunter2" not in report
    assert "127.0.0.1" in report


def test_a_failure_that_nobody_foresaw_loses_no_row(
    empty_database_url: str, tmp_path: Path, drops: _Drops, caplog: pytest.LogCaptureFixture
) -> None:
    def open_database() -> RowDatabase:
        if not is_mended.is_set():
            raise TypeError("a driver's mistake")
        return opener()

    opener = row_database_opener(empty_database_url, auto_upgrade=True)
    is_mended = threading.Event()
    sink = StoreSink(open_database, tmp_path / "spool", on_drop=drops)
    _sync(sink, ["a"])
    assert not sink.flush(0.5)
    is_mended.set()
    assert sink.flush(600)
    sink.close(5)
    engine = open_engine(empty_database_url)
    assert _statuses(engine) == {"a": "success"}
    engine.dispose()
    (told,) = [each for each in caplog.messages if "TypeError: a driver's mistake" in each]
    assert "open_database:" in told
    assert drops.counts == {}


def test_a_killed_process_leaves_its_rows_to_the_next_one(
    make_sink: Sinks, empty_database_url: str, tmp_path: Path, drops: _Drops
) -> None:
    folder = tmp_path / "spool"
    code = _PROCESS + "sync(name); print('ready', flush=True); time.sleep(600)"
    with ForkedProgram(code, _NOWHERE, folder, "killed", 200) as process:
        assert process.stdout.readline() == "ready\n"
        process.kill()
    assert waiting_bytes(folder) > 0
    sink = make_sink(empty_database_url)
    sink.handle(_start("next"))
    sink.close(20)
    engine = open_engine(empty_database_url)
    statuses = _statuses(engine)
    engine.dispose()
    assert statuses == {"next": "running"} | {f"killed-{n}": "success" for n in range(200)}
    assert not list(folder.iterdir())
    assert not drops.counts


def test_several_processes_write_at_once(empty_database_url: str, tmp_path: Path) -> None:
    code = _PROCESS + "sync(name); assert sink.flush(600); sink.close(5)"
    folder = tmp_path / "spool"
    processes = [ForkedProgram(code, empty_database_url, folder, n, 100) for n in range(4)]
    for process in processes:
        process.communicate()
    assert [process.returncode for process in processes] == [0] * 4
    engine = open_engine(empty_database_url)
    statuses = _statuses(engine)
    engine.dispose()
    assert Counter(statuses.values()) == {"success": 400}
    assert not list(folder.iterdir())


def test_a_process_that_only_ends_leaves_nothing_behind_that_is_not_written(
    make_sink: Sinks, empty_database_url: str, tmp_path: Path
) -> None:
    """Without a close some rows may be in the table and the others are in the spool."""
    folder = tmp_path / "spool"
    with _run_python(_PROCESS + "sync(name); os._exit(0)", empty_database_url, folder, "x", 50):
        pass
    sink = make_sink(empty_database_url)
    sink.handle(_end("next"))
    sink.close(20)
    engine = open_engine(empty_database_url)
    assert len(_statuses(engine)) == 51
    engine.dispose()


def test_parent_and_forked_child_both_write(empty_database_url: str, tmp_path: Path) -> None:
    program = """
sync("before")
assert sink.flush(600)
sink.before_fork()
child = os.fork()
if child == 0:
    sink.after_fork_in_child()
    sync("child")
    assert sink.flush(600)
    sink.close(5)
    os._exit(0)
sink.after_fork_in_parent()
sync("parent")
assert os.waitpid(child, 0)[1] == 0
sync("after")
assert sink.flush(600)
sink.close(5)
"""
    folder = tmp_path / "spool"
    _run_to_its_end(program, empty_database_url, folder, 10)
    engine = open_engine(empty_database_url)
    statuses = _statuses(engine)
    engine.dispose()
    names = [f"{who}-{n}" for who in ("before", "child", "parent", "after") for n in range(10)]
    assert statuses == dict.fromkeys(names, "success")
    assert not list(folder.iterdir())


def test_a_fork_does_not_wait_for_a_stopped_process_that_has_locked_the_database(
    tmp_path: Path,
) -> None:
    """The parent's rows wait for it, and the child's too; none is lost."""
    url = f"sqlite:///{tmp_path / 'table.sqlite3'}"
    engine = open_engine(url)
    upgrade(engine)
    program = """
from support.log_processes import stop_with_a_lock, stopped_process
sync("before")
assert sink.flush(600)
with stopped_process(stop_with_a_lock, url.removeprefix("sqlite:///")):
    sync("parent")
    waits = []
    for number in range(5):
        assert not sink.flush(0.1)  # so that the writer thread is at it
        began = time.monotonic()
        sink.before_fork()
        child = os.fork()
        if child == 0:
            sink.after_fork_in_child()
            sync(f"child{number}")
            os._exit(0)
        sink.after_fork_in_parent()
        waits.append(time.monotonic() - began)
        assert os.waitpid(child, 0)[1] == 0
assert sorted(waits)[2] < 0.5, waits
assert sink.flush(600)
sink.close(60)
"""
    folder = tmp_path / "spool"
    _run_to_its_end(program, url, folder, 2)
    drain_orphans(folder, engine)
    names = {f"{who}-{n}" for who in ("before", "parent", "child0", "child4") for n in range(2)}
    assert names < set(_statuses(engine))


def test_a_child_forked_in_a_long_write_leaves_its_rows_to_others(
    tmp_path: Path,
) -> None:
    """The locks on an SQLite file that it inherits would never be free."""
    url = f"sqlite:///{tmp_path / 'table.sqlite3'}"
    engine = open_engine(url)
    upgrade(engine)
    program = """
import threading
from canvas_sync_instrumentation.outputs import _row_writer
sync("before")
assert sink.flush(600)
begun, go_on, write = threading.Event(), threading.Event(), _row_writer.write_runs
def write_slowly(*arguments):
    begun.set()
    go_on.wait(600)
    return write(*arguments)
_row_writer.write_runs = write_slowly
sync("parent")
assert begun.wait(600)
sink.before_fork()
child = os.fork()
if child == 0:
    sink.after_fork_in_child()
    sync("child")
    assert not sink.flush(1)
    sink.close(20)
    os._exit(0)
sink.after_fork_in_parent()
go_on.set()
assert os.waitpid(child, 0)[1] == 0
assert sink.flush(600)
sink.close(5)
"""
    folder = tmp_path / "spool"
    _run_to_its_end(program, url, folder, 2)
    assert set(_statuses(engine)) == {"before-0", "before-1", "parent-0", "parent-1"}
    drain_orphans(folder, engine)
    assert {"child-0", "child-1"} < set(_statuses(engine))
    engine.dispose()


def test_heartbeats_give_way_first_when_the_spool_is_full(
    make_sink: Sinks, tmp_path: Path, drops: _Drops
) -> None:
    size = len(encode(_end("run-00").snapshot))
    sink = make_sink(_NOWHERE, limit=size * 20)
    for number in range(16):
        sink.handle(_end(f"run-{number:02}"))
    sink.handle(_beat("run-00", 10))
    assert not drops.counts
    for number in range(16, 20):
        sink.handle(_end(f"run-{number:02}"))
    _sync(sink, [f"run-{number:02}" for number in range(20, 25)])
    assert drops.counts == {"spool_full": 5}, "once for each run"
    assert waiting_bytes(tmp_path / "spool") == size * 20


def test_rows_go_through_memory_when_the_spool_cannot_be_written(
    make_sink: Sinks,
    empty_database_url: str,
    tmp_path: Path,
    drops: _Drops,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "spool").write_text("a file where the folder should be")
    sink = make_sink(empty_database_url)
    _sync(sink, ["a", "b"])
    assert sink.flush(600)
    engine = open_engine(empty_database_url)
    assert _statuses(engine) == {"a": "success", "b": "success"}
    engine.dispose()
    assert not drops.counts
    (message,) = _reports(caplog)
    assert message.startswith(f"{tmp_path / 'spool'} cannot be written: [Errno 17] File exists")


def test_rows_in_memory_that_never_arrive_are_counted(
    make_sink: Sinks, tmp_path: Path, drops: _Drops
) -> None:
    (tmp_path / "spool").write_text("a file where the folder should be")
    sink = make_sink(_NOWHERE)
    _sync(sink, [f"run-{number}" for number in range(1010)])
    assert drops.counts == {"spool_unwritable": 10}, "once for each run"
    sink.close(5)
    assert drops.counts == {"spool_unwritable": 1010}


def test_a_run_that_waits_in_a_removed_spool_and_in_memory_is_lost_once(
    make_sink: Sinks, tmp_path: Path, drops: _Drops
) -> None:
    sink = make_sink(_NOWHERE)
    _sync(sink, ["a"])
    sink.handle(_start("b"))
    shutil.rmtree(tmp_path / "spool")
    (tmp_path / "spool").write_text("a file where the folder should be")
    sink.handle(_end("b"))
    sink.close(5)
    assert drops.counts == {"spool_unwritable": 2}


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
    drops: _Drops,
    stops: str,
    error: Exception | None,
    lost: tuple[int, int],
) -> None:
    (tmp_path / "spool").write_text("a file where the folder should be")
    database = _StoppingDatabase(tmp_path / "runs.sqlite3", stops, error)
    sink = StoreSink(lambda: database, tmp_path / "spool", on_drop=drops)
    _sync(sink, ["a", "b"])
    assert database.has_stopped.wait(600)
    sink.close(0)
    counts = [drops.counts.total()]
    database.may_go_on.set()
    assert sink._thread is not None
    assert sink._thread.join(600)
    assert (*counts, drops.counts.total()) == lost
    engine = open_engine(f"sqlite:///{tmp_path / 'runs.sqlite3'}")
    assert _statuses(engine) == ({} if lost[1] else {"a": "success", "b": "success"})
    engine.dispose()


def test_a_full_disk_loses_nothing_while_the_database_is_there(
    empty_database_url: str, small_disk: SmallDisk, drops: _Drops
) -> None:
    folder = small_disk.path / "spool"
    sink = StoreSink(
        row_database_opener(empty_database_url, auto_upgrade=True), folder, on_drop=drops
    )
    _sync(sink, ["before"])
    small_disk.fill()
    _sync(sink, [f"full-{number}" for number in range(50)])
    assert sink.flush(600)
    small_disk.make_room()
    _sync(sink, ["after"])
    sink.close(10)
    engine = open_engine(empty_database_url)
    names = ["before", *(f"full-{number}" for number in range(50)), "after"]
    assert _statuses(engine) == dict.fromkeys(names, "success")
    engine.dispose()
    assert not drops.counts


def test_a_close_leaves_the_rows_to_others_when_the_database_refuses(
    make_sink: Sinks, tmp_path: Path, drops: _Drops
) -> None:
    sink = make_sink(_NOWHERE)
    _sync(sink, ["a"])
    began = time.monotonic()
    sink.close(3600)
    assert time.monotonic() - began < 600, "a refused connection is not tried until the timeout"
    assert waiting_bytes(tmp_path / "spool") > 0
    assert not drops.counts


def test_a_close_does_not_wait_longer_than_it_may_for_a_silent_server(make_sink: Sinks) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        sink = make_sink(f"postgresql://user@{address}/none?connect_timeout=3600")
        _sync(sink, ["a"])
        began = time.monotonic()
        sink.close(0.5)
        assert time.monotonic() - began < 600, "the connection alone would be waited for an hour"


def test_rows_after_the_close_are_counted(
    make_sink: Sinks, empty_database_url: str, drops: _Drops
) -> None:
    sink = make_sink(empty_database_url)
    sink.close(5)
    _sync(sink, ["late"])
    sink.close(5)
    assert drops.counts == {"closed": 1}


def test_a_value_that_cannot_be_stored_is_counted_and_holds_nothing_up(
    make_sink: Sinks, empty_database_url: str, tmp_path: Path, drops: _Drops
) -> None:
    sink = make_sink(empty_database_url)
    _sync(sink, ["a"])
    impossible: RunSnapshot = structs.replace(_end("bad").snapshot, user_id=2**63)
    sink.handle(RunEnded(_CONTEXT, _START, impossible))
    _sync(sink, ["b"])
    assert sink.flush(600)
    engine = open_engine(empty_database_url)
    assert _statuses(engine) == {"a": "success", "b": "success"}
    engine.dispose()
    assert drops.counts == {"rejected_row": 1}
    assert (tmp_path / "spool" / "damaged.txt").read_bytes() == encode(impossible)


def test_a_table_dropped_under_way_is_made_again(make_sink: Sinks, empty_database_url: str) -> None:
    sink = make_sink(empty_database_url)
    _sync(sink, ["a"])
    assert sink.flush(600)
    engine = open_engine(empty_database_url)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE canvas_sync_metrics"))
        connection.execute(text("DROP TABLE canvas_sync_alembic_version"))
    _sync(sink, ["b"])
    assert sink.flush(600)
    assert _statuses(engine) == {"b": "success"}
    engine.dispose()


def _sync(sink: StoreSink, names: list[str]) -> None:
    for name in names:
        sink.handle(_start(name))
        sink.handle(_end(name))


def test_a_database_that_is_away_is_asked_less_and_less_often(
    make_sink: Sinks, monkeypatch: pytest.MonkeyPatch
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
    make_sink(_NOWHERE).handle(_end("run-1"))
    assert asked_often.wait(60)
    pauses = [later - earlier for earlier, later in pairwise(attempts)]
    for number, pause in enumerate(pauses[:5]):
        assert pause >= 0.02 * 2**number


def test_rows_that_wait_in_a_spool_that_somebody_empties_are_counted(
    make_sink: Sinks, tmp_path: Path, drops: _Drops
) -> None:
    sink = make_sink(_NOWHERE)
    for number in range(3):
        sink.handle(_end(f"run-{number}"))
    for file in (tmp_path / "spool").glob("*.jsonl"):
        os.truncate(file, 0)
    sink.handle(_end("run-3"))
    assert drops.counts == Counter({"spool_emptied": 3})
