"""What the hook costs a task of Celery, beside the same task without it.

A task that does nothing is run by Celery's own tracer, as a child of a worker runs it, and sent to
a broker in memory. With the hook it is a run: a row, log lines and metrics; then, with a collector
that throws them away, a span too. Blocks of tasks with and without it take turns in one process,
for the hook is switched on once in a worker, and to switch it empties Python's caches. The median
counts, since rows are written and spans are sent by other threads. The goal: at most 0.3 ms for
both together.

    chrt -f 50 python benchmarks/celery_task.py
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from statistics import median

from celery import Celery
from configured_monitor import configured
from http_hooks import server
from spread import p99

from canvas_sync_instrumentation import (
    canvas_sync_task,
    instrument_celery,
    uninstrument_celery,
)

TASKS = 1000
BLOCK = 50
WARM_UP = 10
GOAL_MS = 0.3
Times = dict[tuple[str, str], list[float]]
"""Milliseconds, by what is done and in which way."""

app = Celery("bench", broker="memory://", backend="disabled", set_as_current=False)


@app.task(ignore_result=True)  # type: ignore[untyped-decorator]  # Celery has no types
@canvas_sync_task()
def nothing(user_id: int) -> None:
    """Do nothing: all that is measured is around it."""


def run_it() -> None:
    """Run the task as a worker does."""
    nothing.apply((42,))


def send_it() -> None:
    """Send the task."""
    nothing.apply_async((42,))


def milliseconds(work: Callable[[], None], flush: Callable[[], object]) -> float:
    """Take the caller's time of one; what other threads deliver afterwards is waited for."""
    start = time.perf_counter()
    work()
    took = time.perf_counter() - start
    flush()
    return took * 1e3


def main() -> None:
    """Print the times with and without the hook, and what it costs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tasks", type=int, default=TASKS)
    tasks = parser.parse_args().tasks
    print(f"{'per task':10}{'bare':>12}{'ours':>12}{'cost':>12}{'bare p99':>12}{'ours p99':>12}")
    print_figures("row, log lines and metrics", measure(tasks))
    with server(0.0) as url:
        os.environ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = f"{url}/collector"
        print_figures("the same and a span", measure(tasks))


def measure(tasks: int) -> Times:
    """Return the milliseconds of each task, run and sent, bare and with the hook."""
    times: Times = {}
    with tempfile.TemporaryDirectory() as folder, configured(folder) as monitor:
        for _ in range(0, tasks, BLOCK):
            for way, switch in (("bare", uninstrument_celery), ("ours", instrument_celery)):
                switch(app)
                for name, work in (("run", run_it), ("send", send_it)):
                    block = [milliseconds(work, monitor.flush) for _ in range(WARM_UP + BLOCK)]
                    times.setdefault((name, way), []).extend(block[WARM_UP:])
    return times


def print_figures(what: str, times: Times) -> None:
    """Print the medians, and the 99th percentiles with the hook."""
    cost = 0.0
    for name in ("run", "send"):
        bare, ours = median(times[name, "bare"]), median(times[name, "ours"])
        cost += ours - bare
        print(f"{name:10}{bare:9.3f} ms{ours:9.3f} ms{ours - bare:9.3f} ms", end="")
        print(f"{p99(times[name, 'bare']):9.3f} ms{p99(times[name, 'ours']):9.3f} ms")
    print(f"{f'both: {what}':34}{cost:9.3f} ms, the goal is {GOAL_MS} ms")


if __name__ == "__main__":
    main()
