"""How long the deletion of old runs holds the lock, and how long a sync waits for it meanwhile.

A table with ``--rows`` runs of 120 days loses those of the oldest ``--days``, while another process
writes ten runs a second. Beside it the same rows go by one DELETE, without rollups. Rates and locks
are measured in CPU time, so that a loaded machine does not count.

Goals: no lock is held for more than 50 ms, and 20,000 rows a second.

Run: ``PYTHONPATH=tests python benchmarks/runs_deleted.py``
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from child_processes import working_meanwhile
from many_runs import DAYS, fill
from row_writing import life_of_a_run
from sqlalchemy import Engine, delete, event

from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.model import metrics_table
from canvas_sync_core.store.rollups.writing import roll_up
from canvas_sync_core.store.rows import write_runs
from canvas_sync_core.store.run_deletion import delete_runs

GOAL_MS = 50.0
GOAL_RATE = 20_000
PAUSE_S = 0.1


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--days", type=int, default=5, help="how many days are deleted each time")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        engine = open_engine(f"sqlite:///{Path(name) / 'runs.sqlite3'}")
        fill(engine, arguments.rows, seed=1)
        while roll_up(engine, 60):
            pass
        first = datetime.now(UTC) - timedelta(days=DAYS)
        before = first + timedelta(days=arguments.days)
        _measure("in portions, rollups kept", engine, lambda: delete_runs(engine, before))
        before += timedelta(days=arguments.days)
        _measure("one DELETE", engine, lambda: _delete_at_once(engine, before))
        engine.dispose()


def _delete_at_once(engine: Engine, before: datetime) -> int:
    old = delete(metrics_table).where(metrics_table.c.sync_start_time < before)
    with engine.execution_options(canvas_sync_immediate=True).begin() as connection:
        return connection.execute(old).rowcount


def _measure(name: str, engine: Engine, work: Callable[[], int]) -> None:
    with lock_times(engine) as held, working_meanwhile(_write, str(engine.url)) as waited:
        began, began_cpu = time.perf_counter(), time.thread_time()
        rows = work()
        took, cpu = time.perf_counter() - began, time.thread_time() - began_cpu
    verdict = "met" if max(held) * 1e3 <= GOAL_MS else "missed"
    print(f"{name}: {rows:,} rows in {took:.1f} s; goal of {GOAL_MS:.0f} ms: {verdict}")
    verdict = "met" if rows / cpu >= GOAL_RATE else "missed"
    print(f"  {rows / cpu:,.0f} rows in a second of CPU time; goal of {GOAL_RATE:,}: {verdict}")
    for what, times in (("lock held", held), ("a sync's write took", waited)):
        milliseconds = sorted(each * 1e3 for each in times)
        p99 = milliseconds[len(milliseconds) * 99 // 100]
        print(
            f"  {what:20}{len(times):6} times, median {statistics.median(milliseconds):6.1f} ms, "
            f"p99 {p99:7.1f} ms, max {milliseconds[-1]:7.1f} ms"
        )


@contextmanager
def lock_times(engine: Engine) -> Iterator[list[float]]:
    """Collect the CPU seconds from the grant of SQLite's write lock to its release.

    It is the time of this thread alone, so that a loaded machine does not count.
    """
    held: list[float] = []
    granted: list[float] = []

    def grant(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement == "BEGIN IMMEDIATE":
            granted.append(time.thread_time())

    def release(*_: Any) -> None:
        if granted:
            held.append(time.thread_time() - granted.pop())

    event.listen(engine, "after_cursor_execute", grant)
    event.listen(engine, "checkin", release)
    yield held
    event.remove(engine, "after_cursor_execute", grant)
    event.remove(engine, "checkin", release)


def _write(url: str, stop: Any, ready: Any, answer: Any) -> None:
    engine = open_engine(url)
    taken: list[float] = []
    while not stop.wait(PAUSE_S):
        began = time.time()
        for snapshot in life_of_a_run(int(began * 1e6), began):  # no task id is used again
            start = time.perf_counter()
            if write_runs(engine, [snapshot]):
                raise RuntimeError("a row was refused")
            taken.append(time.perf_counter() - start)
        ready.set()
    answer.put(taken)


if __name__ == "__main__":
    main()
