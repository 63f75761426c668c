"""A successful run without an API call says once why that may be."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest
import requests

from canvas_sync_instrumentation import CanvasSyncMetricsTracker
from canvas_sync_instrumentation.client_hooks import client_hooks
from canvas_sync_instrumentation.integrations._installed import (
    instrument_installed,
    uninstrument_all,
)
from canvas_sync_instrumentation.integrations.requests import (
    instrument_requests,
    uninstrument_requests,
)
from canvas_sync_instrumentation.monitor import Monitor
from canvas_sync_instrumentation.testing import recording
from support.http_answers import Answer, answering

NOTE = Monitor.note_no_api_call


@pytest.fixture(autouse=True)
def _is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Monitor, "note_no_api_call", NOTE)


def test_without_a_hook_a_warning_says_once_which_there_are(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with recording():
        for task_id in ("first", "second"):
            with CanvasSyncMetricsTracker(task_id, 42):
                pass
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("canvas_sync_instrumentation", logging.WARNING)
    assert "Run first ended as success without one API call: no HTTP" in record.getMessage()
    assert "instrument_requests(), or use record_api_call()" in record.getMessage()


def test_with_hooks_it_names_them_and_what_they_do_not_see(
    caplog: pytest.LogCaptureFixture,
) -> None:
    instrument_requests()
    with recording(), CanvasSyncMetricsTracker("blind", 42):
        pass
    uninstrument_requests()
    (message,) = caplog.messages
    assert "The hooks for requests are on." in message
    assert "CANVAS_SYNC_CANVAS_HOSTS" in message
    assert "carry_run()" in message


def test_a_run_with_a_call_or_with_another_end_says_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    instrument_requests()
    with recording(), answering() as server:
        server.answers["/api/v1/courses"] = [Answer()]
        with CanvasSyncMetricsTracker("seen", 42):
            requests.get(f"{server.url}/api/v1/courses", timeout=60)
        with CanvasSyncMetricsTracker("by hand", 42) as run:
            run.record_api_call("GET", "https://canvas.test/api/v1/courses", 200, 0.1)
        CanvasSyncMetricsTracker("partly", 42).complete_partial("no rights")
        CanvasSyncMetricsTracker("failed", 42).complete_failure("away")
    uninstrument_requests()
    assert caplog.messages == []


def test_the_wrapper_of_a_command_says_nothing_since_the_command_makes_the_calls() -> None:
    command = [sys.executable, "-m", "canvas_sync_exporter.cli", "run", "--", "true"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert done.stderr == ""


def test_the_hooks_that_are_on_are_known() -> None:
    instrument_installed()
    assert client_hooks >= {"aiohttp", "canvasapi", "httpx", "requests", "urllib3"}
    uninstrument_all()
    assert client_hooks == set()
