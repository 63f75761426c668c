"""A real gunicorn with two workers that are recycled, forked before the app is made or after.

Those of gevent make greenlets of threads: after the app, with its telemetry, was made or before.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from prometheus_client import CollectorRegistry, generate_latest
from sqlalchemy import select

from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.model import metrics_table
from canvas_sync_core.store.spool.delivery import drain_orphans
from canvas_sync_exporter.collectors import register_collectors
from canvas_sync_exporter.settings import configuration
from support.evidence import Scrape
from support.http_answers import Answer, answering
from support.log_lines import records_in
from support.otlp import http_receiver
from support.prometheus import eventually

OUTPUT = "gunicorn.out"
WORKERS = 2
SYNCS = 12
CALLS = 2
OPTIONS = {
    "preload": ["--preload"],
    "lazy": [],
    "gevent": ["--worker-class", "gevent", "--preload"],
}
SYNCS_OF_A_WORKER = 5
"""After so many it ends and another one takes its place."""


@dataclass(frozen=True, slots=True)
class Served:
    """What the app left behind after it was shut down.

    Attributes:
        kind: Of workers.
        exit_code: Of gunicorn.
        pids: Which workers answered.
        asked: Requests that Canvas got.
        logs: The lines of each log.
        rows: The runs in the table.
        metrics: What the exporter serves.
        spans: How many spans of each name came.
    """

    kind: str
    exit_code: int
    pids: set[int]
    asked: int
    logs: dict[str, list[dict[str, Any]]]
    rows: list[dict[str, Any]]
    metrics: Scrape
    spans: Counter[str]


@pytest.fixture(scope="module", params=OPTIONS)
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp(request.param)
    with answering() as canvas, http_receiver() as receiver:
        canvas.answers["/api/v1/courses/7"] = [Answer(body='{"id": 7}')]
        environ = {"CANVAS": canvas.url, **receiver.environ}
        with gunicorn(folder, environ, OPTIONS[request.param]) as (process, url):
            pids = sync_at_once(url)
            eventually(lambda: are_all_ready(folder), "a worker may boot while others do all syncs")
            process.send_signal(signal.SIGTERM)
            exit_code = process.wait(600)
        yield Served(
            request.param,
            exit_code,
            pids,
            len(canvas.requests),
            {
                log: records_in(folder / "logs" / f"{log}.log")
                for log in ("api_calls", "operations")
            },
            rows_of(folder),
            scrape(folder),
            Counter(span.name for span in receiver.spans),
        )


@contextmanager
def gunicorn(
    folder: Path, environ: dict[str, str], options: list[str]
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Serve the app until the process is ended; gives it and its address."""
    output = folder / OUTPUT
    command = [sys.executable, "-m", "gunicorn", "support.gunicorn_app:create_app()"]
    recycling = ["--max-requests", str(SYNCS_OF_A_WORKER)]
    patience = ["--timeout", "600", "--graceful-timeout", "600"]  # on a busy machine
    address = ["--workers", str(WORKERS), "--bind", "127.0.0.1:0"]
    address += ["--config", "python:support.gunicorn_hooks"]
    variables = {
        "CANVAS_SYNC_LOG_DIR": str(folder / "logs"),
        "CANVAS_SYNC_STRICT": "true",
        "CANVAS_SYNC_EXIT_TIMEOUT_SECONDS": "30",
        "HOME": str(folder),  # newer ones have a socket there
        "PYTHONPATH": str(Path(__file__).parents[1]),
    }
    with output.open("wb") as file:
        process = subprocess.Popen(
            [*command, *address, *recycling, *patience, *options],
            cwd=folder,
            env={**os.environ, **variables, **environ},
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        found = eventually(
            lambda: re.search(r"Listening at: (http://\S+)", output.read_text()), "gunicorn"
        )
        yield process, found[1]
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def are_all_ready(folder: Path) -> bool:
    """Whether every worker that was started handles signals."""
    output = (folder / OUTPUT).read_text()
    return output.count("Booting worker") == output.count("Worker ready")


def sync_at_once(url: str) -> set[int]:
    """Start all syncs, several at a time, and answer in which processes they were."""

    def sync(number: int) -> int:
        answer = requests.post(f"{url}/sync/web-{number}/{CALLS}", timeout=120)
        answer.raise_for_status()
        return int(answer.json()["pid"])

    with ThreadPoolExecutor(2 * WORKERS) as pool:
        return set(pool.map(sync, range(SYNCS)))


def rows_of(folder: Path) -> list[dict[str, Any]]:
    state = folder / "logs" / "state"
    engine = open_engine(f"sqlite:///{state / 'canvas_sync.sqlite3'}")
    drain_orphans(state / "spool", engine)  # as the exporter does: a worker forked in a long write
    with engine.connect() as connection:
        rows = [dict(row) for row in connection.execute(select(metrics_table)).mappings()]
    engine.dispose()
    return rows


def scrape(folder: Path) -> Scrape:
    registry = CollectorRegistry()
    register_collectors(registry, configuration({"CANVAS_SYNC_LOG_DIR": str(folder / "logs")}))
    return Scrape.of(generate_latest(registry).decode(), is_openmetrics=False)


def test_it_ends_in_order_after_workers_were_recycled(served: Served) -> None:
    assert served.exit_code == 0
    # A worker of gevent goes on for a second after the last request that it was to answer.
    assert len(served.pids) > WORKERS or served.kind == "gevent"


def test_each_sync_is_one_successful_run(served: Served) -> None:
    web = {row["sync_task_id"] for row in served.rows if row["sync_task_id"].startswith("web-")}
    assert web == {f"web-{number}" for number in range(SYNCS)}
    assert {row["sync_status"] for row in served.rows} == {"success"}


def test_logs_table_metrics_and_spans_agree_with_canvas(served: Served) -> None:
    assert served.asked >= SYNCS * CALLS
    assert len(served.logs["api_calls"]) == served.asked
    assert sum(row["api_calls"] for row in served.rows) == served.asked
    assert served.metrics.total("canvas_sync_api_requests_total") == served.asked
    assert served.spans["GET /api/v1/courses/:id"] == served.asked


def test_runs_are_counted_once_everywhere(served: Served) -> None:
    ends = [line for line in served.logs["operations"] if line["event"] == "run_ended"]
    assert len(ends) == len(served.rows)
    assert served.metrics.total("canvas_sync_runs_total", status="success") == len(ends)
    assert served.spans["canvas.sync"] == len(ends)


def test_nothing_was_dropped(served: Served) -> None:
    assert served.metrics.total("canvas_sync_telemetry_dropped_total") == 0
