"""Span sinks, and what they get and send."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

from canvas_sync_core.events import ApiCall, DbOperation
from canvas_sync_core.names import SPAN_RUN
from canvas_sync_instrumentation.outputs.spans import OpenSpan, SpanSink

from .otlp import grpc_receiver, http_receiver, refusing_collector, silent_collector

__all__ = [
    "API_CALL",
    "BAD_COLLECTORS",
    "DB_OPERATION",
    "PROGRAM",
    "RECEIVERS",
    "START",
    "MakeSink",
    "SpanDrops",
    "run_program",
    "start_run",
]

START = 1_766_398_530.25


RECEIVERS = {"http/protobuf": http_receiver, "grpc": grpc_receiver}


BAD_COLLECTORS = {"refuses": refusing_collector, "hangs": silent_collector}


API_CALL = ApiCall(
    context=None,
    time=START + 2.0,
    duration=0.5,
    method="GET",
    route="/api/v1/courses/:course_id/assignments",
    path="/api/v1/courses/7/assignments",
    host="canvas.example.edu:8443",
    status_code=200,
    cost=0.25,
    rate_limit_remaining=599.5,
    request_context_id="b5ac-11",
)


DB_OPERATION = DbOperation(
    context=None,
    time=START + 3.0,
    duration=0.25,
    operation="INSERT",
    table="assignments",
    count=340,
    batch=True,
)


class SpanDrops:
    """Counts what a sink says it lost."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, str], int] = {}

    def __call__(self, sink: str, reason: str, count: int = 1) -> None:
        self.counts[sink, reason] = self.counts.get((sink, reason), 0) + count


MakeSink = Callable[..., SpanSink]


def start_run(sink: SpanSink, **attributes: str) -> OpenSpan:
    return sink.start_run(SPAN_RUN, attributes=attributes, parent=None, start_time=START)


PROGRAM = textwrap.dedent(
    """
    import atexit, os, sys
    from canvas_sync_core.events import ApiCall, RunContext
    from canvas_sync_instrumentation.outputs.spans import SpanSink, open_pipeline

    def on_drop(sink, reason, count=1):
        print(sink, reason, count, flush=True)

    sink = SpanSink(open_pipeline(os.environ, on_drop))
    atexit.register(sink.close, 1.0)

    def run(name):
        span = sink.start_run(name, attributes={}, parent=None, start_time=1.0)
        context = RunContext("t", 1, 2, "full", span.trace_id, span.span_id, span.sampled)
        sink.handle(ApiCall(context, 2.0, 0.5, "GET", "/r", "/r", "canvas.example.edu", 200))
        span.end(end_time=3.0)
    """
)


def run_program(tmp_path: Path, rest: str, environ: dict[str, str]) -> tuple[str, float]:
    """Run PROGRAM and ``rest`` in an interpreter of their own; give output and seconds."""
    script = tmp_path / "sync.py"
    script.write_text(PROGRAM + textwrap.dedent(rest), encoding="utf-8")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    began = time.monotonic()
    ended = subprocess.run(
        [sys.executable, "-W", "error", script],
        env=clean | environ,
        capture_output=True,
        text=True,
        timeout=1000,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout, time.monotonic() - began
