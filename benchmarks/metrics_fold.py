"""A scrape of many ended processes: this project's collector against prometheus-client's own.

Both read the same files: those of 1,000 ended and 8 live processes with 500 series each. The
library never removes files of the dead; ours folds them at the first scrape. After
that, 200 further processes end before each scrape. By then ours has folded all earlier ones, so
prometheus-client reads the same files: those of these 200 and of the live ones. Figures are
processor time.

Run: ``python benchmarks/metrics_fold.py``
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from spread import p99

from canvas_sync_core.metrics import MetricFiles
from canvas_sync_core.schema.metrics import MetricName
from canvas_sync_exporter.collectors.sync_processes import SyncProcessCollector


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dead", type=int, default=1000)
    parser.add_argument("--live", type=int, default=8)
    parser.add_argument("--new", type=int, default=200, help="that end before each scrape")
    parser.add_argument("--rounds", type=int, default=10, help="of scrapes after new ones ended")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        live = [_process(folder) for _ in range(options.live)]
        for _ in range(options.dead):
            _process(folder).close()
        os.sync()  # files of processes that died over days are on the disk already
        ours = _registry(folder)
        _print_figures(folder, ours, options.dead)
        _print_new(folder, ours, options.new, options.rounds)
        for files in live:
            files.close()


def _process(folder: Path) -> MetricFiles:
    """Write the files of one process with 500 series: 20 histograms of 12 and 260 counters."""
    files = MetricFiles(folder)
    with files.lock:
        for number in range(20):
            route = f"/api/v1/courses/:course_id/items{number}"
            files.histogram(MetricName.API_REQUEST_DURATION, ("GET", route)).observe(0.2)
            for status in range(200, 213):
                files.counter(MetricName.API_REQUESTS, ("GET", route, str(status))).add()
    return files


def _registry(folder: Path) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(SyncProcessCollector(folder))
    return registry


def _peer(folder: Path) -> CollectorRegistry:
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(folder))  # type: ignore[no-untyped-call] # has no types
    return registry


def _print_figures(folder: Path, ours: CollectorRegistry, dead: int) -> None:
    theirs = _peer(folder)
    their_time = statistics.median(_timed(lambda: generate_latest(theirs)) for _ in range(3))
    their_total = _requests(generate_latest(theirs))
    first_time = _timed(lambda: generate_latest(ours))
    further = [_timed(lambda: generate_latest(ours)) for _ in range(100)]
    our_time = statistics.median(further)
    our_total = _requests(generate_latest(ours))
    if their_total != our_total:
        raise SystemExit(f"the sums differ: {their_total} and {our_total}")
    print(f"{dead} ended processes; both collectors count {our_total:.0f} requests")
    print(f"prometheus-client, each scrape   {their_time * 1e3:10.1f} ms")
    print(
        f"ours, first scrape with its fold {first_time * 1e3:10.1f} ms  "
        f"{their_time / first_time:8.1f} x faster"
    )
    print(
        f"ours, each further scrape        {our_time * 1e3:10.1f} ms  "
        f"{their_time / our_time:8.1f} x faster, p99 {p99(further) * 1e3:.1f} ms"
    )


def _print_new(folder: Path, ours: CollectorRegistry, new: int, rounds: int) -> None:
    """Let further processes end before each scrape."""
    their_times, our_times = [], []
    for _ in range(rounds):
        for _ in range(new):
            _process(folder).close()
        theirs = _peer(folder)
        their_times.append(_timed(partial(generate_latest, theirs)))
        our_times.append(_timed(lambda: generate_latest(ours)))
    for name, times in (("prometheus-client", their_times), ("ours", our_times)):
        print(
            f"{name + f', {new} new dead':33}{statistics.median(times) * 1e3:10.1f} ms, "
            f"p99 {p99(times) * 1e3:.1f} ms"
        )


def _timed(action: Callable[[], object]) -> float:
    start = time.process_time()
    action()
    return time.process_time() - start


def _requests(exposition: bytes) -> float:
    return sum(
        float(line.rpartition(" ")[2])
        for line in exposition.decode().splitlines()
        if line.startswith(f"{MetricName.API_REQUESTS}{{")
    )


if __name__ == "__main__":
    main()
