"""Real processes that count, end in all sorts of ways, scrape and fold.

Functions of this module run in processes of their own, by :func:`start`.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.registry import Collector

from canvas_sync_core.events import Event, GuardWaited
from canvas_sync_core.metrics import MetricFiles, crowded_directory, metric_directory
from canvas_sync_core.metrics.metric_directory import MetricDirectory
from canvas_sync_core.metrics.sample_keys import SampleKeys
from canvas_sync_core.metrics.sink import MetricsSink
from canvas_sync_core.schema.metrics import MetricName
from canvas_sync_exporter.collectors.metric_file_families import MetricFileFamilies
from canvas_sync_exporter.collectors.sync_processes import SyncProcessCollector

from .forked_programs import ForkedProgram

__all__ = [
    "count",
    "finish",
    "leave_dead",
    "newborn_event",
    "read_samples",
    "samples",
    "samples_without_fold",
    "start",
    "total",
]

COUNTED = MetricName.LOG_RECORDS
COUNTED_LABELS = ("operations", "INFO")


def start(function: str, *arguments: object) -> ForkedProgram:
    """Start a function of this module in a process of its own."""
    code = f"import sys; from {__name__} import run_{function}; run_{function}(*sys.argv[1:])"
    return ForkedProgram(code, *arguments)


def finish(process: ForkedProgram) -> str:
    """Close the process's input, wait for its end and return what it printed."""
    return process.communicate()


def count(files: MetricFiles, amount: float) -> None:
    """Add ``amount`` to a counter, a bucket, a live gauge and the greatest of a gauge."""
    with files.lock:
        files.counter(COUNTED, COUNTED_LABELS).add(amount)
        files.histogram(MetricName.DB_OPERATION_DURATION, ("INSERT", "courses")).observe(
            0.02, "ab" * 16, amount
        )
        files.gauge(MetricName.RUNS_IN_PROGRESS, ("full",)).set(1)
        files.gauge(MetricName.LAST_RUN, ("full",)).set(amount)


def leave_dead(folder: Path, amount: float) -> None:
    """Leave the files of a dead process that counted ``amount``."""
    files = MetricFiles(folder)
    count(files, amount)
    files.close()


def samples_without_fold(folder: Path) -> dict[str, float]:
    """What a reader sees before the next fold."""
    return {
        sample.name + '{level="INFO",log="operations"}': sample.value
        for family in MetricFileFamilies().build(MetricDirectory(folder, SampleKeys()).read())
        for sample in family.samples
        if sample.name == COUNTED
    }


def newborn_event() -> Event:
    """The first event of a process."""
    return GuardWaited(None, 1.7e9, 0.1, None)


def samples(collector: Collector) -> dict[str, float]:
    """Return each sample that a collector serves, by its name with labels."""
    registry = CollectorRegistry()
    registry.register(collector)
    return read_samples(generate_latest(registry).decode())


def read_samples(exposition: str) -> dict[str, float]:
    """Read the text format: each sample by its name with labels."""
    lines = (line for line in exposition.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def total(values: Mapping[str, float]) -> float:
    """What all processes counted."""
    return values.get(f'{COUNTED}{{level="INFO",log="operations"}}', 0.0)


def run_counting(folder: str, amount: str, end: str) -> None:
    """Count, then end: ``exit``, ``kill`` (SIGKILL), ``fork`` (a child counts too) or ``wait``."""
    files = MetricFiles(Path(folder))
    count(files, float(amount))
    if end == "fork":
        child = os.fork()
        if child == 0:
            files.after_fork_in_child()
            count(files, float(amount))
            os._exit(0)
        os.waitpid(child, 0)
    print("counted", flush=True)
    if end == "wait":
        sys.stdin.read()
    if end == "kill":
        os.kill(os.getpid(), signal.SIGKILL)


def run_fold(folder: str, last_step: str) -> None:
    """Fold, and die by SIGKILL after the step with that number; print the steps."""
    steps: list[str] = []

    def failpoint(step: str) -> None:
        steps.append(step)
        print(step, flush=True)
        if len(steps) == int(last_step):
            os.kill(os.getpid(), signal.SIGKILL)

    MetricDirectory(Path(folder), SampleKeys(), failpoint).fold()


def run_newborn(folder: str, most_files: str, last_step: str) -> None:
    """Be a short-lived process in a crowded folder, killed as in :func:`run_fold`."""
    steps: list[str] = []

    def failpoint(step: str) -> None:
        steps.append(step)
        if len(steps) == int(last_step):
            os.kill(os.getpid(), signal.SIGKILL)

    _newborn(folder, most_files, failpoint).close(600)


def run_newborn_with_child(folder: str, most_files: str) -> None:
    """Stop in the middle of a fold, with a child that was forked there and lives on."""
    is_folding = threading.Event()

    def failpoint(_step: str) -> None:
        is_folding.set()
        threading.Event().wait()

    sink = _newborn(folder, most_files, failpoint)
    is_folding.wait()
    if os.fork() == 0:
        sink.after_fork_in_child()
        print("forked", flush=True)
    sys.stdin.read()


def _newborn(folder: str, most_files: str, failpoint: Callable[[str], None]) -> MetricsSink:
    crowded_directory.MOST_FILES = int(most_files)  # type: ignore[misc]
    metric_directory.MetricDirectory = partial(MetricDirectory, failpoint=failpoint)  # type: ignore[assignment,misc]
    sink = MetricsSink(Path(folder), folds_dead=True)
    sink.handle(newborn_event())
    return sink


def run_scrapes(folder: str) -> None:
    """Scrape, folding, until the input is closed; print the total at first and when it changes."""
    collector = SyncProcessCollector(Path(folder))
    last = -1.0
    while not select.select([sys.stdin], [], [], 0)[0]:
        last = _scrape(collector, last)
    _scrape(collector, last)


def _scrape(collector: SyncProcessCollector, last: float) -> float:
    now = total(samples(collector))
    if now != last:
        print(now, flush=True)
    return now
