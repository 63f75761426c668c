"""Several processes and forked children write rows."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from canvas_sync_core.store.database import open_engine, upgrade
from canvas_sync_core.store.spool.delivery import drain_orphans, waiting_bytes
from support.forked_programs import ForkedProgram
from support.store_sinks import NOWHERE, RowDrops, Sinks, run_ended, run_started, statuses_of

_TESTS = Path(__file__).parents[2]


_PROCESS = """
import os, sys, time
from pathlib import Path
from canvas_sync_core.events import RunContext, RunEnded, RunStarted
from canvas_sync_instrumentation.outputs.rows import RowSink
from canvas_sync_core.store.row_database import row_database_opener
from support.runs import running, snapshot

url, folder, name, count = sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
context = RunContext("a", 42, None, "full", "0" * 32, "0" * 16, sampled=False)

def fail(sink, reason, count=1):
    raise AssertionError(reason)

sink = RowSink(row_database_opener(url, auto_upgrade=True), folder, on_drop=fail)

def sync(name):
    for number in range(count):
        task_id = f"{name}-{number}"
        sink.handle(RunStarted(context, 0.0, running(task_id, start_time=1.7e9)))
        sink.handle(RunEnded(context, 0.0, snapshot(task_id, start_time=1.7e9)))
"""


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


def test_a_killed_process_leaves_its_rows_to_the_next_one(
    make_store: Sinks, empty_database_url: str, tmp_path: Path, row_drops: RowDrops
) -> None:
    folder = tmp_path / "spool"
    code = _PROCESS + "sync(name); print('ready', flush=True); time.sleep(600)"
    with ForkedProgram(code, NOWHERE, folder, "killed", 200) as process:
        assert process.stdout.readline() == "ready\n"
        process.kill()
    assert waiting_bytes(folder) > 0
    sink = make_store(empty_database_url)
    sink.handle(run_started("next"))
    sink.close(20)
    engine = open_engine(empty_database_url)
    statuses = statuses_of(engine)
    engine.dispose()
    assert statuses == {"next": "running"} | {f"killed-{n}": "success" for n in range(200)}
    assert not list(folder.iterdir())
    assert not row_drops.counts


def test_several_processes_write_at_once(empty_database_url: str, tmp_path: Path) -> None:
    code = _PROCESS + "sync(name); assert sink.flush(600); sink.close(5)"
    folder = tmp_path / "spool"
    processes = [ForkedProgram(code, empty_database_url, folder, n, 100) for n in range(4)]
    for process in processes:
        process.communicate()
    assert [process.returncode for process in processes] == [0] * 4
    engine = open_engine(empty_database_url)
    statuses = statuses_of(engine)
    engine.dispose()
    assert Counter(statuses.values()) == {"success": 400}
    assert not list(folder.iterdir())


def test_a_process_that_ends_without_a_close_leaves_no_row_unwritten(
    make_store: Sinks, empty_database_url: str, tmp_path: Path
) -> None:
    """Without a close some rows may be in the table and the others are in the spool."""
    folder = tmp_path / "spool"
    with _run_python(_PROCESS + "sync(name); os._exit(0)", empty_database_url, folder, "x", 50):
        pass
    sink = make_store(empty_database_url)
    sink.handle(run_ended("next"))
    sink.close(20)
    engine = open_engine(empty_database_url)
    assert len(statuses_of(engine)) == 51
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
    statuses = statuses_of(engine)
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
    assert names < set(statuses_of(engine))
    engine.dispose()


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
    assert set(statuses_of(engine)) == {"before-0", "before-1", "parent-0", "parent-1"}
    drain_orphans(folder, engine)
    assert {"child-0", "child-1"} < set(statuses_of(engine))
    engine.dispose()
