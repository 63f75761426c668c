"""A real uWSGI, which forks its workers without Python's knowledge after the app has synced."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

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
from support.uwsgi_app import CALLS

SYNCS = 12
WORKERS = 2
TESTS = Path(__file__).parents[1]
UWSGI = shutil.which("uwsgi")

pytestmark = pytest.mark.skipif(
    UWSGI is None and os.environ.get("CI") != "true", reason="uWSGI is not installed"
)


@pytest.mark.parametrize(
    "options",
    [[], ["--enable-threads"], ["--threads", "4", "--py-call-osafterfork"], ["--lazy-apps"]],
    ids=["defaults", "enable-threads", "threads", "lazy-apps"],
)
def test_workers_lose_and_share_nothing(options: list[str], tmp_path: Path) -> None:
    with answering() as canvas, http_receiver() as receiver:
        canvas.answers["/api/v1/courses/7"] = [Answer(body='{"id": 7}')]
        environ = {"CANVAS": canvas.url, **receiver.environ}
        with uwsgi(tmp_path, environ, options) as (process, url):
            pids = sync_at_once(url)
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        sent = len(canvas.requests)
        spans = Counter(span.name for span in receiver.spans)
    assert sent >= (SYNCS + 1) * CALLS
    logs = tmp_path / "logs"
    calls = records_in(logs / "api_calls.log")
    assert len(calls) == sent
    assert {call["pid"] for call in calls if call["task_id"].startswith("web-")} == pids
    starts = {f"start-{call['pid']}" for call in calls if call["task_id"].startswith("start-")}
    assert runs_in(logs) == {*starts, *(f"web-{number}" for number in range(SYNCS))}
    metrics = scrape(logs)
    assert metrics.total("canvas_sync_api_requests_total") == sent
    assert metrics.total("canvas_sync_runs_total", status="success") == sent // CALLS
    assert metrics.total("canvas_sync_telemetry_dropped_total", sink="spans") == 0
    assert spans == {"GET /api/v1/courses/:id": sent, "canvas.sync": sent // CALLS}


def test_a_worker_stopped_within_a_request_leaves_its_rows_to_the_next_process(
    tmp_path: Path,
) -> None:
    with answering() as canvas:
        canvas.answers["/api/v1/courses/7"] = [Answer(body='{"id": 7}')]
        with (
            uwsgi(tmp_path, {"CANVAS": canvas.url}, ["--lazy-apps"]) as (process, url),
            requests.post(f"{url}/web-0?wait", timeout=120, stream=True) as answer,
        ):
            assert answer.raw.read(1)
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0
        sent = len(canvas.requests)
    assert sent == (WORKERS + 1) * CALLS
    logs = tmp_path / "logs"
    assert len(records_in(logs / "api_calls.log")) == sent
    engine = open_engine(database_of(logs))
    drain_orphans(logs / "state" / "spool", engine)
    engine.dispose()
    assert "web-0" in runs_in(logs)
    assert scrape(logs).total("canvas_sync_runs_total", status="success") == WORKERS + 1


@contextmanager
def uwsgi(
    folder: Path, environ: dict[str, str], options: list[str]
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Serve the app until the process is ended; gives it and its address."""
    assert UWSGI is not None, "uWSGI is not installed"
    output = folder / "uwsgi.out"
    variables = {
        "CANVAS_SYNC_STRICT": "true",
        "CANVAS_SYNC_EXIT_TIMEOUT_SECONDS": "30",
        "PYTHONPATH": str(TESTS),
    }
    with socket.socket() as listening, output.open("wb") as file:
        listening.bind(("127.0.0.1", 0))
        listening.listen(SYNCS)
        address = f"127.0.0.1:{listening.getsockname()[1]}"
        command = [
            UWSGI,
            *("--plugin", "python3"),  # Debian's is a file of its own, others have it inside
            *("--http-socket", f"fd://{listening.fileno()}"),
            *("--master", "--processes", str(WORKERS), "--home", sys.prefix),
            *("--hook-master-start", f"unix_signal:{signal.SIGTERM} gracefully_kill_them_all"),
            *("--module", "support.uwsgi_app:create_app()", *options),
        ]
        process = subprocess.Popen(
            command,
            env={**os.environ, **variables, **environ},
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=[listening.fileno()],
        )
    try:
        apps = WORKERS if "--lazy-apps" in options else 1
        eventually(lambda: is_ready(output.read_text(), apps), "uWSGI")
        yield process, f"http://{address}"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def is_ready(output: str, apps: int) -> bool:
    """Return whether all workers have started and the app is loaded as often as it will be."""
    is_forked = f"spawned uWSGI worker {WORKERS}" in output
    return is_forked and len(re.findall(r"^WSGI app 0 .* ready in", output, re.MULTILINE)) == apps


def sync_at_once(url: str) -> set[int]:
    """Start all syncs, several at a time, and answer in which processes they were."""

    def sync(number: int) -> int:
        answer = requests.post(f"{url}/web-{number}", timeout=120)
        answer.raise_for_status()
        return int(answer.text)

    with ThreadPoolExecutor(2 * WORKERS) as pool:
        return set(pool.map(sync, range(SYNCS)))


def runs_in(logs: Path) -> set[str]:
    """Name the runs in the table, each of which was a success."""
    engine = open_engine(database_of(logs))
    with engine.connect() as connection:
        rows = connection.execute(select(metrics_table)).all()
    engine.dispose()
    assert {row.sync_status for row in rows} == {"success"}
    return {row.sync_task_id for row in rows}


def database_of(logs: Path) -> str:
    return f"sqlite:///{logs / 'state' / 'canvas_sync.sqlite3'}"


def scrape(logs: Path) -> Scrape:
    registry = CollectorRegistry()
    register_collectors(registry, configuration({"CANVAS_SYNC_LOG_DIR": str(logs)}))
    return Scrape.of(generate_latest(registry).decode(), is_openmetrics=False)
