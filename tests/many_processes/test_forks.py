"""Children forked while threads of their parent are in the midst of everything."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.queries import run_by_task
from canvas_sync_core.store.spool.delivery import drain_orphans
from support.otlp import http_receiver

CHILDREN = 12

FORK = f"""
import itertools, os, signal, threading
from canvas_sync_instrumentation import CanvasSyncMetricsTracker, carry_run, shutdown

def record(run, number):
    with run.step("step"):
        run.record_course(updated=True)
        run.record_api_call("GET", f"/api/v1/courses/{{number % 9}}", 200, 0.01)
        run.record_db_operation("INSERT", "courses", 3, duration=0.01)
        run.record_error("a failure")
        run.progress(number % 100, "on the way")

def without_end(outer):
    for number in itertools.count():
        record(outer, number)
        with CanvasSyncMetricsTracker(f"thread-{{threading.get_ident()}}-{{number}}", 42) as run:
            record(run, number)

def child(outer, number):
    signal.alarm(60)  # one that hangs is killed
    outer.complete_failure("not mine")
    with CanvasSyncMetricsTracker(f"child-{{number}}", 42) as run:
        record(run, number)
    shutdown()

outer = CanvasSyncMetricsTracker("outer", 42)
for _ in range(4):
    threading.Thread(target=carry_run(without_end), args=(outer,), daemon=True).start()
codes = []
for number in range({CHILDREN}):
    pid = os.fork()
    if not pid:
        code = 1
        try:
            child(outer, number)
            code = 0
        finally:
            os._exit(code)
    codes.append(os.waitpid(pid, 0)[1])
outer.complete_success()
shutdown()
print(codes, flush=True)
os._exit(0)  # the threads go on until then
"""


def test_no_lock_of_a_thread_of_the_parent_stops_a_child(tmp_path: Path) -> None:
    """Each delivers its own run, and ends none of its parent's."""
    with http_receiver() as receiver:
        done = subprocess.run(
            [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORK],
            cwd=tmp_path,
            env={
                **os.environ,
                **receiver.environ,
                "CANVAS_SYNC_STRICT": "false",  # threads go on after the end
                "CANVAS_SYNC_EXIT_TIMEOUT_SECONDS": "30",
            },
            capture_output=True,
            text=True,
            timeout=300,
            check=True,
        )
    assert done.stdout.strip() == str([0] * CHILDREN), done.stderr
    state = Path(os.environ["CANVAS_SYNC_LOG_DIR"]) / "state"
    table = open_engine(f"sqlite:///{state / 'canvas_sync.sqlite3'}")
    drain_orphans(state / "spool", table)  # as the exporter does: of one forked in a long write
    for task_id in ("outer", *(f"child-{number}" for number in range(CHILDREN))):
        run = run_by_task(table, task_id)
        assert run is not None
        assert run.sync_status == "success"
    table.dispose()
