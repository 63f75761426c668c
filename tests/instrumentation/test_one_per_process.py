"""A process has one monitor, which ends with it."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
from multiprocessing.context import ForkContext, SpawnContext
from pathlib import Path

import pytest

from canvas_sync_instrumentation.monitor import configure, get_monitor, shutdown
from canvas_sync_instrumentation.tracker import CanvasSyncMetricsTracker
from support.http_answers import Answer, answering
from support.otlp import http_receiver

FORK, SPAWN = multiprocessing.get_context("fork"), multiprocessing.get_context("spawn")


def test_what_is_sent_after_telemetry_has_ended_is_sent(tmp_path: Path) -> None:
    """At the end of Python no thread can be started, and the SDK wants one for its resource."""
    code = """
import atexit, sys, requests
from canvas_sync_instrumentation import CanvasSyncMetricsTracker, instrument_requests
def late():
    with CanvasSyncMetricsTracker("late", 42):
        print(requests.get(sys.argv[1]).status_code)
atexit.register(late)
instrument_requests()
with CanvasSyncMetricsTracker("early", 42):
    pass
"""
    with answering() as server:
        server.answers["/api/v1/courses"] = [Answer()]
        collector = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
        ended = subprocess.run(
            [sys.executable, "-c", code, f"{server.url}/api/v1/courses"],
            env={**os.environ, "CANVAS_SYNC_LOG_DIR": str(tmp_path), **collector},
            capture_output=True,
            text=True,
            check=False,
        )
    assert ended.stdout == "200\n"
    assert "OpenTelemetry cannot start; no spans are recorded" in ended.stderr


def open_run(task_id: str) -> None:
    """Begin a run that nobody ends."""
    CanvasSyncMetricsTracker(task_id, 42)


@pytest.mark.parametrize("method", [FORK, SPAWN], ids=["fork", "spawn"])
@pytest.mark.parametrize("parent_is_configured", [True, False])
def test_a_child_of_multiprocessing_delivers_at_its_end(
    monkeypatch: pytest.MonkeyPatch, method: ForkContext | SpawnContext, parent_is_configured: bool
) -> None:
    """It ends by ``os._exit``, past all exit handlers."""
    with http_receiver() as receiver:
        for name, value in receiver.environ.items():
            monkeypatch.setenv(name, value)
        if parent_is_configured:
            configure()
        child = method.Process(target=open_run, args=("child",))
        child.start()
        child.join()
        assert child.exitcode == 0
        assert [span.name for span in receiver.spans] == ["canvas.sync"]


def test_the_monitor_is_made_once_for_all_threads() -> None:
    barrier = threading.Barrier(4)
    seen = []

    def look() -> None:
        barrier.wait()
        seen.append(get_monitor())

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(monitor) for monitor in seen}) == 1
    shutdown()
