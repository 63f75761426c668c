"""Processes with the same process id and host name, as containers have that share a folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from sqlalchemy import select

from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.model import metrics_table
from canvas_sync_exporter.collectors import register_collectors
from canvas_sync_exporter.settings import configuration
from support.evidence import Scrape

RUNS = 20

CONTAINER = f"""
import os, socket, sys
os.getpid = lambda: 7
socket.gethostname = lambda: "worker"
from canvas_sync_instrumentation import CanvasSyncMetricsTracker
for number in range({RUNS}):
    with CanvasSyncMetricsTracker(f"{{sys.argv[1]}}-{{number}}", 42) as run:
        run.record_course(updated=True)
print("ready", flush=True)
if sys.argv[2] == "killed":
    sys.stdin.read()
"""


def container(name: str, end: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CONTAINER, name, end],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_nothing_is_overwritten_and_nothing_counted_twice(tmp_path: Path) -> None:
    """Two of them at once, one of which is killed, and one that gets the process id afterwards."""
    with container("one", "exits") as one, container("two", "killed") as two:
        assert two.stdout is not None
        assert two.stdout.readline() == "ready\n"
        two.kill()
        one.communicate()
    with container("later", "exits") as later:
        later.communicate()
    assert one.returncode == later.returncode == 0
    logs = Path(os.environ["CANVAS_SYNC_LOG_DIR"])
    lines = (logs / "operations.log").read_text().splitlines()
    assert sum('"event":"run_ended"' in line for line in lines) == 3 * RUNS
    registry = CollectorRegistry()
    register_collectors(registry, configuration({"CANVAS_SYNC_LOG_DIR": str(logs)}))
    scrape = Scrape.of(generate_latest(registry).decode(), is_openmetrics=False)
    assert scrape.total("canvas_sync_runs_total", status="success") == 3 * RUNS
    engine = open_engine(f"sqlite:///{logs / 'state' / 'canvas_sync.sqlite3'}")
    with engine.connect() as connection:
        rows = connection.execute(select(metrics_table.c.sync_task_id)).scalars().all()
    engine.dispose()
    assert set(rows) == {f"{who}-{n}" for who in ("one", "two", "later") for n in range(RUNS)}
