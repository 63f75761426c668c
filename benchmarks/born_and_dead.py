"""Files that short processes leave while no exporter runs, beside prometheus-client's.

Each process counts a run's start and 50 waits, and ends. They live one after another in this
process, which is what their metric files are like. prometheus-client's multiprocess mode never
removes a file; a new process of ours folds those of dead ones when there are too many.

    python benchmarks/born_and_dead.py
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from canvas_sync_core.events import GuardWaited
from canvas_sync_core.metrics.sink import MetricsSink
from canvas_sync_core.schema.metrics import MetricName
from canvas_sync_exporter.collectors.sync_processes import SyncProcessCollector
from canvas_sync_exporter.shared_metric_directory import SharedMetricDirectory

COUNTS = 50


def live_ours(folder: Path, _pid: int) -> None:
    """Count and end, as a sync process does."""
    sink = MetricsSink(folder, folds_dead=True)
    for _ in range(COUNTS):
        sink.handle(GuardWaited(None, 1.7e9, 0.1, None))
    sink.close(60)


def live_theirs(folder: Path, pid: int) -> None:
    """Count in a file of prometheus-client, as a process with this number does."""
    from prometheus_client.values import MultiProcessValue  # noqa: PLC0415 - reads the environment

    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    value_class = MultiProcessValue(lambda: pid)  # type: ignore[no-untyped-call] # has no types
    value = value_class("counter", "waits", "waits_total", (), (), "Waits.")
    for _ in range(COUNTS):
        value.inc(1)


def print_figures(name: str, live: Callable[[Path, int], None], processes: int) -> None:
    """Let processes live one after another; print what they cost and leave."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        slowest, began = 0.0, time.process_time()
        for pid in range(processes):
            born = time.process_time()
            live(path, pid)
            slowest = max(slowest, time.process_time() - born)
        each = (time.process_time() - began) / processes
        files = list(path.iterdir())
        size = sum(file.stat().st_blocks for file in files) * 512 / 1e6
        print(
            f"{name:20}{len(files):8} files{size:9.1f} MB{each * 1e3:9.2f} ms CPU each,"
            f"{slowest * 1e3:8.1f} ms the slowest"
        )
        if live is live_ours:
            counted = SharedMetricDirectory(path).sums(MetricName.TELEMETRY_DROPPED, "sink")
            waits = next(
                sample.value
                for metric in SyncProcessCollector(path).collect()
                for sample in metric.samples
                if sample.name == MetricName.API_GUARD_WAITS
            )
            if waits != processes * COUNTS or any(counted.values()):
                raise SystemExit(f"{waits} waits were counted, of {processes * COUNTS}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--processes", type=int, default=3000)
    processes = parser.parse_args().processes
    print(f"{processes} processes, one after another, without an exporter")
    print_figures("prometheus-client", live_theirs, processes)
    print_figures("ours", live_ours, processes)


if __name__ == "__main__":
    main()
