"""A scrape of ``/metrics`` over HTTP at 5,000 series, with few and with many runs in the table.

Asks two real exporters in turn, one with 100 rows and one with ``--rows``, and prometheus-client's
own server with its own collector for several processes; all three show the same metric files, those
of ten live processes. Prints medians.

Goals: the number of rows does not matter, and a scrape takes less than 50 ms.

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
from real_exporter import exporter
from sqlalchemy import text

from canvas_sync_core.metrics import MetricFiles
from canvas_sync_core.names import TABLE
from canvas_sync_core.schema.metrics import MetricName
from canvas_sync_core.store.database import open_engine, upgrade
from canvas_sync_core.store.model import metrics_table
from canvas_sync_exporter.settings import configuration

PROCESSES = 10
ROUTES = 20
ROUNDS = 50
ONE_SYNC = """
from canvas_sync_instrumentation import CanvasSyncMetricsTracker
with CanvasSyncMetricsTracker("the first", 42) as run:
    run.record_course(created=True)
"""
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
    rows = parser.parse_args().rows
    with ExitStack() as stack:
        urls = {}
        for name, count in (("exporter, 100 rows", 100), (f"exporter, {rows:,} rows", rows)):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            fill(folder, count, stack)
            urls[name] = stack.enter_context(exporter(folder)) + "/metrics"
        metrics = configuration({"CANVAS_SYNC_LOG_DIR": str(folder)}).app.metrics_folder
        urls["prometheus-client"] = stack.enter_context(_peer(metrics))
        _report(urls)


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
def _peer(folder: Path) -> Iterator[str]:
    with subprocess.Popen(
        [sys.executable, "-c", PEER, str(folder)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


def _report(urls: dict[str, str]) -> None:
    times: dict[str, list[float]] = {name: [] for name in urls}
    with requests.Session() as session:
        for _ in range(ROUNDS):
            for name, url in urls.items():
                start = time.perf_counter()
                session.get(url, timeout=60).raise_for_status()
                times[name].append(time.perf_counter() - start)
        series = {name: _series(session.get(url, timeout=60).text) for name, url in urls.items()}
    medians = {name: statistics.median(each) for name, each in times.items()}
    peer = medians["prometheus-client"]
    for name, median in medians.items():
        print(
            f"{name:28}{series[name]:7,} series{median * 1e3:9.1f} ms"
            f"{peer / median:8.2f} x as fast as prometheus-client"
        )


def _series(exposition: str) -> int:
    return sum(not line.startswith("#") for line in exposition.splitlines())


if __name__ == "__main__":
    main()
