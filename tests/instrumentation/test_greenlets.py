"""gevent and eventlet make greenlets of threads, before telemetry begins or any time later."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.queries import run_by_task
from support.http_answers import Answer, answering
from support.log_lines import records_in
from support.otlp import http_receiver

SYNCS, CALLS = 16, 2
"""More syncs at once than an engine has connections, which are 15."""

PATCH = {
    "gevent": "from gevent import monkey; monkey.patch_all()",
    "eventlet": "import eventlet; eventlet.monkey_patch()",
}
MOMENTS = {
    "before all": "{patch}\n{sync}",
    "after the set-up": "{sync}\n{patch}",
    "after a run": "{sync}\nsync('early')\nmonitor.flush(30)\n{patch}",
    "right after a run": "{sync}\nsync('early')\n{patch}",
    "within a run": "{sync}\nwith CanvasSyncMetricsTracker('early', 42):\n    {patch}",
}
SYNC = f"""
import os, threading
import requests
from canvas_sync_instrumentation import (
    CanvasSyncMetricsTracker, ThrottleGuard, configure, instrument_requests
)

instrument_requests(guard=ThrottleGuard())
monitor = configure()

def sync(task_id):
    with CanvasSyncMetricsTracker(task_id, 42):
        for _ in range({CALLS}):
            requests.get(os.environ["CANVAS"] + "/api/v1/courses/7", timeout=60).raise_for_status()

def sync_at_once(count):
    threads = [threading.Thread(target=sync, args=(f"sync-{{n}}",)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""


def run(code: str, environ: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env={**os.environ, "CANVAS_SYNC_EXIT_TIMEOUT_SECONDS": "30", **(environ or {})},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "cannot release un-acquired lock" not in done.stderr, "a thread was importing"
    return done.stdout


def statuses(logs: Path, task_ids: Sequence[str]) -> set[str | None]:
    engine = open_engine(f"sqlite:///{logs / 'state' / 'canvas_sync.sqlite3'}")
    runs = [run_by_task(engine, task_id) for task_id in task_ids]
    engine.dispose()
    return {run.sync_status if run else None for run in runs}


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("library", PATCH)
def test_syncs_in_greenlets_are_recorded_whenever_threads_were_patched(
    library: str, moment: str, tmp_path: Path
) -> None:
    code = f"{MOMENTS[moment]}\nsync_at_once({SYNCS})".format(patch=PATCH[library], sync=SYNC)
    with answering() as canvas, http_receiver() as receiver:
        canvas.answers["/api/v1/courses/7"] = [Answer(body='{"id": 7}')]
        run(code, {"CANVAS": canvas.url, **receiver.environ})
        sent = len(canvas.requests)
        spans = [span.name for span in receiver.spans]
    assert sent >= SYNCS * CALLS
    assert spans.count("GET /api/v1/courses/:id") == sent
    assert spans.count("canvas.sync") >= SYNCS
    logs = tmp_path / "logs"
    calls = [line for line in records_in(logs / "api_calls.log") if line["event"] == "api_call"]
    assert len(calls) == sent
    assert statuses(logs, [f"sync-{n}" for n in range(SYNCS)]) == {"success"}


IN_REAL_THREADS = {
    "gevent": "from gevent import get_hub\ncall = get_hub().threadpool.apply",
    "eventlet": "from eventlet.tpool import execute\ncall = lambda do, args: execute(do, *args)",
}


@pytest.mark.parametrize("library", PATCH)
def test_a_pool_of_real_threads_may_sync_beside_greenlets(library: str, tmp_path: Path) -> None:
    """A greenlet that such a thread started would never run."""
    code = f"""
{PATCH[library]}
import threading
from canvas_sync_instrumentation import CanvasSyncMetricsTracker, configure
{IN_REAL_THREADS[library]}

def sync(task_id):
    with CanvasSyncMetricsTracker(task_id, 42) as run:
        run.record_course(updated=True)

monitor = configure()
call(sync, ("alone",))
assert monitor.flush(60)
threads = [threading.Thread(target=call, args=(sync, (f"real-{{n}}",))) for n in range({SYNCS})]
threads += [threading.Thread(target=sync, args=(f"green-{{n}}",)) for n in range({SYNCS})]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert monitor.flush(60)
"""
    run(code)
    names = ["alone", *(f"{kind}-{n}" for kind in ("real", "green") for n in range(SYNCS))]
    assert statuses(tmp_path / "logs", names) == {"success"}


@pytest.mark.parametrize("library", PATCH)
def test_greenlets_go_on_while_another_process_locks_the_table(
    library: str, tmp_path: Path
) -> None:
    code = f"""
{PATCH[library]}
import sqlite3, threading, time
from canvas_sync_instrumentation import CanvasSyncMetricsTracker, configure
monitor = configure()
with CanvasSyncMetricsTracker("before", 42):
    pass
assert monitor.flush(60)
folder = monitor.settings.log_dir / "state"
other = sqlite3.connect(folder / "canvas_sync.sqlite3", isolation_level=None)
other.execute("BEGIN IMMEDIATE")
with CanvasSyncMetricsTracker("meanwhile", 42):
    pass
start = time.monotonic()
assert not monitor.flush(1)  # which sleeps now and then
longer = time.monotonic() - start - 1
other.execute("ROLLBACK")
assert monitor.flush(60)
print(longer)
"""
    assert float(run(code)) < 2, "SQLite waits for five seconds, and every greenlet with it"
    assert statuses(tmp_path / "logs", ["before", "meanwhile"]) == {"success"}
