"""What this library adds to the memory of the process that it watches.

One process uses the library's dependencies as an app of its own would: the OpenTelemetry SDK with
its OTLP exporter over HTTP, prometheus-client, msgspec, and SQLAlchemy with an SQLite engine open.
Another does the same and then runs one sync of 1,000 API calls with this library and all its sinks.
A third does so where the table is still to be made. Each is a fresh process; after its work and a
garbage collection it reads its own memory. Medians.

RSS is what the process holds in memory, USS the part of it that no other process shares.

    python benchmarks/memory.py
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CALLS = 1000
GOAL_MB = 25.0
HEADERS = {
    "x-rate-limit-remaining": "687.3",
    "x-request-cost": "0.0432",
    "x-request-context-id": "5f2e1c5e-8d3e-4c1e-9a51-8f8a3f6f3a10",
}


def use_dependencies(folder: Path) -> object:
    """Use each dependency once in earnest; give what an app would keep."""
    import msgspec  # noqa: PLC0415 - what is imported is what is measured
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - as above
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - as above
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - as above
    from prometheus_client import CollectorRegistry, Counter, Histogram  # noqa: PLC0415 - as above
    from sqlalchemy import create_engine, text  # noqa: PLC0415 - as above

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    tracer = provider.get_tracer("app")
    registry = CollectorRegistry()
    requests = Counter("requests", "h", ["route"], registry=registry)
    durations = Histogram("durations", "h", ["route"], registry=registry)
    engine = create_engine(f"sqlite:///{folder / 'app.sqlite3'}")
    encoder = msgspec.json.Encoder()
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE IF NOT EXISTS lines (line TEXT)"))
        for number in range(CALLS):
            with tracer.start_as_current_span("GET", attributes={"number": number}):
                requests.labels("/api/v1/courses").inc()
                durations.labels("/api/v1/courses").observe(0.1)
            line = encoder.encode({"number": number, **HEADERS}).decode()
            connection.execute(text("INSERT INTO lines VALUES (:line)"), {"line": line})
    provider.force_flush()
    return provider, registry, engine


def use_library(folder: Path) -> object:
    """Use the dependencies, then run a sync with every sink."""
    in_use = use_dependencies(folder)
    from canvas_sync_instrumentation import CanvasSyncMetricsTracker, configure  # noqa: PLC0415 - what is imported is measured

    monitor = configure(log_dir=folder / "logs", strict=True)
    with CanvasSyncMetricsTracker(f"memory-{os.getpid()}", 42) as run:
        for number in range(CALLS):
            url = f"https://canvas.test/api/v1/courses/{number}/assignments?per_page=100"
            run.record_api_call("GET", url, 200, 0.1452, headers=HEADERS)
            run.record_db_operation("INSERT", "assignments", 100, 0.002, batch=True)
    if not monitor.flush():
        raise SystemExit("not everything was delivered")
    return in_use, monitor


USES: dict[str, Callable[[Path], object]] = {
    "dependencies": use_dependencies,
    "library": use_library,
}


def read_memory() -> dict[str, float]:
    """Read this process's memory in MB."""
    fields = {}
    for line in Path("/proc/self/smaps_rollup").read_text().splitlines()[1:]:
        name, kilobytes, *_ = line.split()
        fields[name.rstrip(":")] = int(kilobytes) / 1024
    uss = fields["Private_Clean"] + fields["Private_Dirty"]
    return {"RSS": fields["Rss"], "USS": uss}


def measure(use: str, folder: Path, collector: str) -> dict[str, float]:
    """Let a fresh process do its work and tell its memory."""
    done = subprocess.run(
        [sys.executable, __file__, "--use", use, "--folder", str(folder)],
        env={**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": collector},
        check=True,
        stdout=subprocess.PIPE,
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


class Discard(BaseHTTPRequestHandler):
    """A collector that throws everything away."""

    def do_POST(self) -> None:
        """Read a request and welcome it."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Keep the output clean."""


@contextmanager
def collecting() -> Iterator[str]:
    """Run the collector in this process, which is not measured."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Discard)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def compare(rounds: int) -> None:
    """Measure all in turns and print the medians."""
    found: dict[str, list[dict[str, float]]] = {
        name: [] for name in ("dependencies", "with the library", "and its first start")
    }
    with tempfile.TemporaryDirectory() as name, collecting() as collector:
        for _ in range(rounds):
            folder = Path(name) / "round"
            folder.mkdir()
            found["and its first start"].append(measure("library", folder, collector))
            found["with the library"].append(measure("library", folder, collector))
            found["dependencies"].append(measure("dependencies", folder, collector))
            shutil.rmtree(folder)
    medians = {
        name: {kind: statistics.median(each[kind] for each in values) for kind in ("RSS", "USS")}
        for name, values in found.items()
    }
    print(f"{'':22}{'RSS':>10}{'added':>10}{'USS':>12}{'added':>10}   (goal: under {GOAL_MB:g} MB)")
    base = medians["dependencies"]
    for name, values in medians.items():
        rss, uss = values["RSS"], values["USS"]
        print(
            f"{name:22}{rss:7.1f} MB{rss - base['RSS']:7.1f} MB"
            f"{uss:9.1f} MB{uss - base['USS']:7.1f} MB"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--use", choices=USES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.use is None:
        compare(options.rounds)
        return
    in_use = USES[options.use](options.folder)
    gc.collect()
    print(json.dumps(read_memory()))
    del in_use


if __name__ == "__main__":
    main()
