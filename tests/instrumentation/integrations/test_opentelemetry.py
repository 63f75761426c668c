"""``opentelemetry-instrument`` switches the hooks on, in a program that knows nothing of them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
import requests
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from canvas_sync_core.settings import Settings, read
from canvas_sync_instrumentation.integrations._installed import HOOKS, uninstrument_all
from canvas_sync_instrumentation.integrations.opentelemetry import CanvasSyncInstrumentor
from support.http_answers import Answer, answering
from support.log_lines import records_in
from support.otlp import http_receiver, span_named

SYNC = """
import sqlite3, sys, requests, sqlalchemy
engine = sqlalchemy.create_engine("sqlite://")
with engine.begin() as connection:
    connection.exec_driver_sql("CREATE TABLE courses (id INTEGER)")
print(requests.get(sys.argv[1]).json())
"""
QUIET = {"OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"}


@pytest.fixture(autouse=True)
def _uninstrumented() -> Iterator[None]:
    yield
    uninstrument_all()


def records(log: str) -> list[dict[str, Any]]:
    return records_in(read(Settings, os.environ).log_dir / f"{log}.log")


def instrumented(
    folder: Path, *before: str, spans: int, **environ: str
) -> tuple[list[Span], subprocess.CompletedProcess[str]]:
    """Run a sync under the real command; give its spans."""
    (folder / "sync.py").write_text(SYNC)
    command = [*before, str(Path(sys.executable).with_name("opentelemetry-instrument"))]
    with answering() as canvas, http_receiver() as receiver:
        canvas.answers["/api/v1/courses"] = [Answer(body="[]")]
        done = subprocess.run(
            [*command, sys.executable, "sync.py", f"{canvas.url}/api/v1/courses"],
            cwd=folder,
            env={**os.environ, **QUIET, **receiver.environ, **environ},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return receiver.wait_for_spans(spans), done


def test_a_program_without_a_line_of_ours_is_recorded(tmp_path: Path) -> None:
    """Spans go to the tracer provider that the command sets up, not twice by its own hooks."""
    spans, done = instrumented(tmp_path, spans=2)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")
    assert [call["route"] for call in records("api_calls")] == ["/api/v1/courses"]
    assert [line["operation"] for line in records("database")] == ["CREATE"]
    assert sorted(span.name for span in spans) == ["CREATE courses", "GET /api/v1/courses"]


def test_without_a_tracer_provider_of_the_command_spans_are_delivered_too(tmp_path: Path) -> None:
    """As where ``opentelemetry-distro`` is not installed, which sets one up."""
    spans, done = instrumented(tmp_path, spans=2, OTEL_PYTHON_CONFIGURATOR="none")
    assert done.returncode == 0
    assert {span.name for span in spans} == {"GET /api/v1/courses", "CREATE courses"}


def test_in_a_wrapped_command_all_spans_are_in_the_trace_of_the_run(tmp_path: Path) -> None:
    wrapper = [sys.executable, "-m", "canvas_sync_exporter.cli", "run", "--"]
    spans, done = instrumented(tmp_path, *wrapper, spans=3)
    assert (done.returncode, done.stdout) == (0, "[]\n")
    run = span_named(spans, "canvas.sync")
    assert sorted(span.name for span in spans if span.parent_span_id == run.span_id) == [
        "CREATE courses",
        "GET /api/v1/courses",
    ]
    (ended,) = [record for record in records("operations") if record["event"] == "run_ended"]
    assert records("api_calls")[0]["task_id"] == ended["task_id"]


def test_it_can_be_left_out_by_name(tmp_path: Path) -> None:
    off = {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "canvas_sync"}
    spans, done = instrumented(tmp_path, spans=1, **off)
    assert done.returncode == 0
    assert [span.name for span in spans] == ["GET"]
    assert not read(Settings, os.environ).log_dir.exists()


def test_hooks_of_libraries_that_are_not_installed_are_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse() -> None:
        raise AssertionError("its library is not installed")

    missing = replace(HOOKS[0], package="no_such_library", instrument=refuse)
    hooks = "canvas_sync_instrumentation.integrations._installed.HOOKS"
    monkeypatch.setattr(hooks, (missing, *HOOKS[1:]))
    before = requests.Session.send.__code__
    instrumentor = CanvasSyncInstrumentor()
    instrumentor.instrument(skip_dep_check=True)
    assert requests.Session.send.__code__ is not before
    instrumentor.uninstrument()
    assert requests.Session.send.__code__ is before


def test_the_entry_point_leads_to_it() -> None:
    group = entry_points(group="opentelemetry_instrumentor")
    assert [point.load() for point in group if point.name == "canvas_sync"] == [
        CanvasSyncInstrumentor
    ]
