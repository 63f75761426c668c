"""Where no thread can be started a sync goes on, and what is not delivered is counted."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from canvas_sync_core.store.database import open_engine, upgrade
from canvas_sync_core.store.queries import run_by_task
from canvas_sync_core.store.spool.delivery import drain_orphans, waiting_bytes
from canvas_sync_core.threads import start_daemon
from canvas_sync_exporter.collectors import SyncProcessCollector
from canvas_sync_instrumentation import CanvasSyncMetricsTracker
from canvas_sync_instrumentation.monitor import configure, shutdown
from support.metric_processes import samples
from support.otlp import http_receiver

DROPPED = 'canvas_sync_telemetry_dropped_total{{reason="{}",sink="{}"}}'
LATE_SYNC = """
import atexit
from canvas_sync_instrumentation import CanvasSyncMetricsTracker, configure

configure()

@atexit.register
def sync():
    with CanvasSyncMetricsTracker("late", 42) as run:
        run.record_api_call("GET", "/api/v1/courses", 200, 0.1)
    print("synced")
"""

SYNC_IN_FINALIZER = """
import os, sys, weakref
from canvas_sync_instrumentation import CanvasSyncMetricsTracker, configure, shutdown

class Late:
    # Names are bound here: modules lose theirs while Python ends.
    def __del__(self, tracker=CanvasSyncMetricsTracker, flush=shutdown, write=os.write, sys=sys):
        with tracker("late", 42) as run:
            run.record_course(created=True)
        flush(5)
        write(1, b"synced" if sys.is_finalizing() else b"too early")

def use():
    with CanvasSyncMetricsTracker("early", 42) as run:
        run.record_api_call("GET", "/api/v1/courses", 200, 0.1)

late = Late()
{before}
"""
SURVIVORS = """
import itertools, threading
from canvas_sync_instrumentation import CanvasSyncMetricsTracker

def use_without_end():
    for number in itertools.count():
        with CanvasSyncMetricsTracker(f"thread-{threading.get_ident()}-{number}", 42) as run:
            run.record_course(created=True)

for _ in range(4):
    threading.Thread(target=use_without_end, daemon=True).start()
"""


@contextmanager
def no_room_for_threads() -> Iterator[None]:
    """Ask for stacks that no address space holds, so that starting a thread fails for real."""
    before = threading.stack_size(1 << 47)
    try:
        yield
    finally:
        threading.stack_size(before)


def test_starting_a_thread_that_cannot_be_started_returns_none() -> None:
    with no_room_for_threads():
        assert start_daemon(lambda: None, "never") is None
    thread = start_daemon(lambda: None, "once")
    assert thread is not None
    thread.join()


def test_a_sync_without_threads_goes_on_and_loses_no_row(tmp_path: Path) -> None:
    with http_receiver() as receiver:
        monitor = configure(environ={**os.environ, **receiver.environ}, heartbeat_seconds=60)
        with no_room_for_threads():
            with CanvasSyncMetricsTracker("alone", 42) as run:
                run.record_api_call("GET", "/api/v1/courses", 200, 0.1)
            started = time.monotonic()
            assert monitor.flush(60) is False
            shutdown(60)
            assert time.monotonic() - started < 30, "it waited for threads that are not there"
        assert receiver.spans == []
    values = samples(SyncProcessCollector(tmp_path / "logs" / "state" / "metrics"))
    assert values[DROPPED.format("no_thread", "tracker")] == 1
    assert values[DROPPED.format("export_failed", "spans")] == 2
    state = tmp_path / "logs" / "state"
    assert waiting_bytes(state / "spool") > 0
    assert _status(state, "alone") == "success"


def test_a_sync_in_an_exit_handler_loses_no_row(tmp_path: Path) -> None:
    """In Python 3.12 no thread can be started there."""
    done = subprocess.run(
        [sys.executable, "-c", LATE_SYNC], capture_output=True, text=True, check=False, timeout=600
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "synced\n", "")
    assert _status(tmp_path / "logs" / "state", "late") == "success"


@pytest.mark.parametrize(
    "before",
    [
        "",
        "configure()",
        "use()",
        "late.me = late",  # a cycle, for the collector of garbage
        "weakref.finalize(late, use)",  # runs at exit, before Late.__del__
    ],
)
def test_a_sync_in_a_finalizer_ends_while_python_ends(before: str, tmp_path: Path) -> None:
    """Thread.start() of Python 3.11 would wait forever, and so would locks of stopped threads."""
    with http_receiver() as receiver:
        done = subprocess.run(
            [sys.executable, "-c", SYNC_IN_FINALIZER.format(before=before)],
            env={**os.environ, **receiver.environ, "CANVAS_SYNC_STRICT": "false"},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert (done.returncode, done.stdout) == (0, "synced"), done.stderr
    assert _status(tmp_path / "logs" / "state", "late") == "success"


def test_threads_that_survive_stop_no_finalizer() -> None:
    """They are stopped wherever they are, with all locks that they hold."""
    code = SYNC_IN_FINALIZER.format(before=f"exec({SURVIVORS!r}, {{}})\nuse()")
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "CANVAS_SYNC_STRICT": "false"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, "synced"), done.stderr


def _status(state: Path, task_id: str) -> str:
    """Of a run, once the spool is delivered as the exporter does it."""
    engine = open_engine(f"sqlite:///{state / 'canvas_sync.sqlite3'}")
    try:
        upgrade(engine)
        drain_orphans(state / "spool", engine)
        run = run_by_task(engine, task_id)
    finally:
        engine.dispose()
    assert run is not None
    return run.sync_status
