"""gevent and eventlet make greenlets of threads, before telemetry begins or any time later."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from canvas_sync_instrumentation.storage.database import open_engine
from canvas_sync_instrumentation.storage.queries import run_by_task
from support.http_answers import Answer, answering
from support.log_lines import records_in
from support.otlp import http_receiver

SYNCS, CALLS = 40, 3

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
        asked = len(canvas.requests)
        spans = [span.name for span in receiver.spans]
    assert asked >= SYNCS * CALLS
    assert spans.count("GET /api/v1/courses/:id") == asked
    assert spans.count("canvas.sync") >= SYNCS
    logs = tmp_path / "logs"
    calls = [line for line in records_in(logs / "api_calls.log") if line["event"] == "api_call"]
    assert len(calls) == asked
    assert statuses(logs, [f"sync-{n}" for n in range(SYNCS)]) == {"success"}
    assert not list((logs / "state" / "spool").iterdir())
