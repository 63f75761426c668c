"""What one API call event costs the caller with all its sinks, beside the usual stack.

Ours: the event of a Canvas API call becomes a log line, metrics, a span and run totals, as in a
sync. The peer does less (no run totals, no rotation that is safe between processes, no route, no
quota) with structlog + orjson into a file, prometheus-client in multiprocess mode with cached
children, and an OpenTelemetry SDK span with a BatchSpanProcessor. Both send their spans by OTLP
over HTTP to a collector in another process that throws them away. The lower bound is a timestamp,
one orjson encoding of a 500-byte record and one write(2) with O_APPEND. This is the event alone:
what a hook does besides (URL, route, headers, token) is in ``http_hooks.py``.

All run in turns in one process, in rounds of fewer events than make a batch of spans; after a round
the spans are sent off, so that the caller's time is measured without them. The column "cpu" has
them: it is the time of all threads. The fastest round of each counts.

    python benchmarks/api_event.py
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import structlog
from child_processes import child_process
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind
from spread import p99_of

from canvas_sync_core.canvas.responses import classify
from canvas_sync_core.events import RunContext
from canvas_sync_core.settings import Settings
from canvas_sync_instrumentation.monitor import Monitor
from canvas_sync_instrumentation.open_sinks import open_sinks
from canvas_sync_instrumentation.run.active_run import ActiveRun
from canvas_sync_instrumentation.run.api_calls import Request, answered_call
from canvas_sync_instrumentation.run.trace_context import new_identity

EVENTS = 400
ROUNDS = 60
HEADERS = {
    "x-rate-limit-remaining": "687.3",
    "x-request-cost": "0.0432",
    "x-request-context-id": "5f2e1c5e-8d3e-4c1e-9a51-8f8a3f6f3a10",
    "content-type": "application/json",
}
URL = "https://canvas.test/api/v1/courses/4711/assignments?per_page=100"


COLLECTOR = """
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Discard(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *args):
        pass

server = ThreadingHTTPServer(("127.0.0.1", 0), Discard)
print(server.server_port, flush=True)
server.serve_forever()
"""


def lower_bound(folder: Path) -> Callable[[], None]:
    """One timestamp, one encoding, one write."""
    target = os.open(folder / "bound.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    record: dict[str, Any] = {
        "level": "INFO",
        "message": "GET /api/v1/courses/4711/assignments - Status: 200 - 145.2ms",
        "padding": "x" * 345,
    }

    def one() -> None:
        line = {"timestamp": datetime.now(UTC).isoformat(), **record}
        os.write(target, orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))

    return one


def peer(folder: Path, collector: str) -> Way:
    """The usual stack, each part set up the way its documentation advises for speed."""
    from prometheus_client import Counter, Gauge, Histogram  # noqa: PLC0415 - the variable first

    log = _peer_log(folder / "peer.log")
    route = "/api/v1/courses/:course_id/assignments"
    requests = Counter("peer_requests", "h", ["method", "route", "status"]).labels(
        "GET", route, "200"
    )
    duration = Histogram("peer_duration", "h", ["method", "route"]).labels("GET", route)
    cost = Counter("peer_cost", "h", ["route"]).labels(route)
    remaining = Gauge("peer_remaining", "h", multiprocess_mode="livemin")
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{collector}/v1/traces")))
    tracer = provider.get_tracer("peer")

    def one() -> None:
        with tracer.start_as_current_span(
            f"GET {route}",
            kind=SpanKind.CLIENT,
            attributes={
                "http.request.method": "GET",
                "http.response.status_code": 200,
                "url.template": route,
                "server.address": "canvas.test",
                "canvas.request.cost": 0.0432,
                "canvas.rate_limit.remaining": 687.3,
            },
        ) as span:
            context = span.get_span_context()
            requests.inc()
            duration.observe(0.1452)
            cost.inc(0.0432)
            remaining.set(687.3)
            log.info(
                "api_call",
                method="GET",
                route=route,
                status_code=200,
                duration_seconds=0.1452,
                trace_id=f"{context.trace_id:032x}",
                span_id=f"{context.span_id:016x}",
            )

    return Way(one, provider.force_flush)


def _peer_log(file: Path) -> Any:
    return structlog.wrap_logger(
        structlog.BytesLogger(file.open("ab")),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(serializer=orjson.dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(20),
        cache_logger_on_first_use=True,
    ).bind(task_id="t1", user_id=42, course_id=7, sync_type="full", host="h", pid=os.getpid())


def ours(folder: Path, collector: str) -> tuple[Way, Way]:
    """The event through all real sinks; a second function does the same with an unsampled run."""
    settings = Settings(log_dir=folder / "ours", strict=True)
    sinks = open_sinks(settings, {"OTEL_EXPORTER_OTLP_ENDPOINT": collector})
    monitor = Monitor(settings, sinks)
    facts = classify(200, HEADERS, None)

    def emitter(context: RunContext, run: ActiveRun) -> Callable[[], None]:
        request = Request.to("GET", URL, context)

        def one() -> None:
            call = answered_call(
                request, time=time.time(), duration=0.1452, status=200, facts=facts
            )
            run.add_api_call(call)

        return one

    run = ActiveRun(monitor, new_identity("t1", 42, 7, "full"), {})
    unsampled = RunContext("t1", 42, 7, "full", run.context.trace_id, run.context.span_id, False)
    return Way(emitter(run.context, run), monitor.flush), Way(emitter(unsampled, run))


@dataclass(frozen=True)
class Way:
    """One way to record an event, and how to send off what it left pending."""

    record: Callable[[], None]
    flush: Callable[[], object] = lambda: None


def fastest_in_microseconds(ways: dict[str, Way], rounds: int) -> dict[str, tuple[float, float]]:
    """Run the ways in turns; per event, the caller's time and the CPU time of all threads."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for turn in range(rounds + 3):
        for name, way in ways.items():
            cpu = time.process_time()
            start = time.perf_counter()
            for _ in range(EVENTS):
                way.record()
            elapsed = time.perf_counter() - start
            way.flush()
            cpu = time.process_time() - cpu
            if turn >= 3:  # the first ones warm up
                times[name].append((elapsed / EVENTS * 1e6, cpu / EVENTS * 1e6))
    return {
        name: (min(caller for caller, _ in pairs), min(cpu for _, cpu in pairs))
        for name, pairs in times.items()
    }


def main() -> None:
    """Print the times and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    with (
        tempfile.TemporaryDirectory() as name,
        child_process([sys.executable, "-c", COLLECTOR]) as process,
    ):
        assert process.stdout is not None
        collector = f"http://127.0.0.1:{int(process.stdout.readline())}"
        folder = Path(name)
        (folder / "prometheus").mkdir()
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder / "prometheus")
        usual = peer(folder, collector)
        sampled, unsampled = ours(folder, collector)
        ways = {
            "lower bound": Way(lower_bound(folder)),
            "usual stack": usual,
            "ours": sampled,
            "ours, unsampled": unsampled,
        }
        fastest = fastest_in_microseconds(ways, rounds)
        slow = {name: p99_of(way.record, EVENTS) * 1e6 for name, way in ways.items()}
    bound, stack = fastest["lower bound"], fastest["usual stack"]
    columns = f"{'caller':>10}{'x bound':>9}{'x stack':>9}{'cpu':>11}{'x stack':>9}{'p99':>11}"
    print(f"{'per event':18}{columns}")
    for name, (caller, cpu) in fastest.items():
        print(
            f"{name:18}{caller:7.2f} us{caller / bound[0]:9.2f}{caller / stack[0]:9.2f}"
            f"{cpu:8.2f} us{cpu / stack[1]:9.2f}{slow[name]:8.2f} us"
        )


if __name__ == "__main__":
    main()
