"""A scrape of ``/metrics`` over HTTP at 5,000 series, with few and with many runs in the table.

Asks two real exporters in turn, one with 100 rows and one with ``--rows``, and prometheus-client's
own server with its own collector for several processes; all three show the same metric files, those
of ten live processes. All write OpenMetrics, and none compresses it, because the levels differ.
Prints medians and 99th percentiles, the processor time of a scrape, and the most memory of each.

Goals: the number of rows does not matter, and a scrape takes less than 50 ms; 52,000 series
(``--routes 200``) take less than 200 ms and 150 MB.

Run: ``python benchmarks/metrics_scrape.py``
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import requests
from child_processes import child_process
from real_exporter import cpu_seconds, exporter_process, peak_memory
from sqlalchemy import text

from canvas_sync_core.metrics import MetricFiles
from canvas_sync_core.names import TABLE
from canvas_sync_core.schema.metrics import MetricName
from canvas_sync_core.store.database import open_engine, upgrade
from canvas_sync_core.store.model import metrics_table
from canvas_sync_exporter.settings import configuration

PROCESSES = 10
ROUTES = 20
ASKED = {"Accept": "application/openmetrics-text;version=1.0.0", "Accept-Encoding": "identity"}
ONE_SYNC = """
from canvas_sync_instrumentation import CanvasSyncMetricsTracker
with CanvasSyncMetricsTracker("the first", 42) as run:
    run.record_course(created=True)
"""
PEER_NAME = "prometheus-client"
PEER = """
import sys, threading
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector
registry = CollectorRegistry()
MultiProcessCollector(registry, sys.argv[1])
server, _ = start_http_server(0, '127.0.0.1', registry)
print(f'http://127.0.0.1:{server.server_port}/metrics', flush=True)
threading.Event().wait()
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--routes", type=int, default=ROUTES, help="each with 250 series")
    parser.add_argument("--rounds", type=int, default=50)
    arguments = parser.parse_args()
    rows = arguments.rows
    with ExitStack() as stack:
        servers = {}
        for name, count in (("exporter, 100 rows", 100), (f"exporter, {rows:,} rows", rows)):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            fill(folder, count, stack, arguments.routes)
            address, pid = stack.enter_context(exporter_process(folder))
            servers[name] = f"{address}/metrics", pid
        metrics = configuration({"CANVAS_SYNC_LOG_DIR": str(folder)}).app.metrics_folder
        servers[PEER_NAME] = stack.enter_context(_peer(metrics))
        _print_figures(servers, arguments.rounds)


def fill(folder: Path, rows: int, stack: ExitStack, routes: int = ROUTES) -> None:
    """Run a sync, copy its row, and write metric files of processes as long as this one lives."""
    app = configuration({"CANVAS_SYNC_LOG_DIR": str(folder)}).app
    subprocess.run([sys.executable, "-c", ONE_SYNC], env=_environment(folder), check=True)
    engine = open_engine(app.resolved_database_url)
    upgrade(engine)
    same = ", ".join(
        column.name
        for column in metrics_table.c
        if column not in (metrics_table.c.id, metrics_table.c.sync_task_id)
    )
    copies = f"""insert into {TABLE} (sync_task_id, {same})
        with recursive n(i) as (select 2 union all select i + 1 from n where i < :rows)
        select 'run ' || i, {same} from n, {TABLE} where id = 1"""
    with engine.begin() as connection:
        connection.execute(text(copies), {"rows": rows})
    engine.dispose()
    for number in range(PROCESSES):
        stack.callback(_process(app.metrics_folder, number, routes).close)


def _process(folder: Path, number: int, routes: int) -> MetricFiles:
    """Write the files of one process with 25 series for each route: a histogram and counters."""
    files = MetricFiles(folder)
    with files.lock:
        for each in range(routes):
            route = f"/api/v1/courses/:course_id/items{number * routes + each}"
            files.histogram(MetricName.API_REQUEST_DURATION, ("GET", route)).observe(0.2)
            for status in range(200, 213):
                files.counter(MetricName.API_REQUESTS, ("GET", route, str(status))).add()
    return files


def _environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "CANVAS_SYNC_LOG_DIR": str(folder)}


@contextmanager
def _peer(folder: Path) -> Iterator[tuple[str, int]]:
    with child_process([sys.executable, "-c", PEER, str(folder)]) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), process.pid


def _print_figures(servers: dict[str, tuple[str, int]], rounds: int) -> None:
    times: dict[str, list[float]] = {name: [] for name in servers}
    with requests.Session() as session:
        session.headers.update(ASKED)
        series = {name: _series(session.get(url).text) for name, (url, _) in servers.items()}
        before = {name: cpu_seconds(pid) for name, (_, pid) in servers.items()}
        for _ in range(rounds):
            for name, (url, _) in servers.items():
                start = time.perf_counter()
                session.get(url, timeout=60).raise_for_status()
                times[name].append(time.perf_counter() - start)
    cpu = {name: (cpu_seconds(pid) - before[name]) / rounds for name, (_, pid) in servers.items()}
    for name, (_, pid) in servers.items():
        quantiles = statistics.quantiles(times[name], n=100)
        print(
            f"{name:28}{series[name]:7,} series{quantiles[49] * 1e3:9.1f} ms,"
            f" p99{quantiles[98] * 1e3:9.1f} ms, cpu{cpu[name] * 1e3:9.1f} ms:"
            f"{cpu[PEER_NAME] / cpu[name]:7.2f} x as fast as {PEER_NAME};"
            f"{peak_memory(pid) / 1e6:6.0f} MB"
        )


def _series(exposition: str) -> int:
    return sum(not line.startswith("#") for line in exposition.splitlines())


if __name__ == "__main__":
    main()
