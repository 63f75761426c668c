"""What a run's row costs on SQLite: three snapshots a run, from the sync's call to the commit.

Beside it, in the same minute, a bare SQLAlchemy insert and two updates of the same row, each with
its own commit, on the same kind of file.

    python benchmarks/row_writing.py [--runs 2000]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from msgspec import structs
from spread import p99
from sqlalchemy import insert, update

from canvas_sync_core.events import (
    Heartbeat,
    ItemCounts,
    RunContext,
    RunEnded,
    RunSnapshot,
    RunStarted,
)
from canvas_sync_core.names import ITEMS, RunStatus
from canvas_sync_core.store.database import open_engine, upgrade
from canvas_sync_core.store.model import metrics_table
from canvas_sync_core.store.row_database import row_database_opener
from canvas_sync_core.store.rows import to_row
from canvas_sync_instrumentation.outputs.rows import RowSink

GOAL_MS = 2.0
_CONTEXT = RunContext("a", 42, None, "full", "0" * 32, "0" * 16, sampled=False)
_FIRST = 1_766_398_530.0
_KINDS: tuple[type[RunStarted | Heartbeat | RunEnded], ...] = (RunStarted, Heartbeat, RunEnded)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=2000, help="runs to write (default: 2000)")
    runs = parser.parse_args().runs
    bare = _measure(_write_bare, runs)
    one_by_one = _measure(_write_one_by_one, runs)
    burst = _measure(_write_burst, runs)
    print(f"{runs} runs, three snapshots each (start, heartbeat, end), SQLite in WAL mode")
    for name, (total, calls) in (
        ("bare SQLAlchemy, a commit each", bare),
        ("store sink, flushed after each snapshot", one_by_one),
        ("store sink, as fast as runs come", burst),
    ):
        print(
            f"{name:<40} {total * 1e3:7.3f} ms a run, {total / bare[0]:5.2f} x bare, "
            f"caller {statistics.median(calls) * 1e6:7.1f} us a snapshot (median), "
            f"p99 {p99(calls) * 1e6:7.1f} us"
        )
    verdict = "met" if max(one_by_one[0], burst[0]) * 1e3 <= GOAL_MS else "missed"
    print(f"goal of {GOAL_MS} ms a run: {verdict}")


def _measure(
    write: Callable[[Path, list[list[RunSnapshot]]], list[float]], runs: int
) -> tuple[float, list[float]]:
    """Answer seconds a run, all told, and the caller's seconds for each snapshot."""
    lives = [life_of_a_run(number, _FIRST + number) for number in range(runs)]
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        calls = write(Path(folder), lives)
        return (time.perf_counter() - began) / runs, calls


def _write_bare(folder: Path, lives: list[list[RunSnapshot]]) -> list[float]:
    engine = open_engine(f"sqlite:///{folder / 'bare.sqlite3'}")
    upgrade(engine)
    calls = []
    for start, *later in lives:
        began = time.perf_counter()
        with engine.begin() as connection:
            connection.execute(insert(metrics_table), to_row(start))
        calls.append(time.perf_counter() - began)
        for snapshot in later:
            began = time.perf_counter()
            by_task = metrics_table.c.sync_task_id == snapshot.task_id
            with engine.begin() as connection:
                connection.execute(update(metrics_table).where(by_task), to_row(snapshot))
            calls.append(time.perf_counter() - began)
    engine.dispose()
    return calls


def _write_burst(folder: Path, lives: list[list[RunSnapshot]]) -> list[float]:
    return _write_by_sink(folder, lives, flush_each=False)


def _write_one_by_one(folder: Path, lives: list[list[RunSnapshot]]) -> list[float]:
    return _write_by_sink(folder, lives, flush_each=True)


def _write_by_sink(
    folder: Path, lives: list[list[RunSnapshot]], *, flush_each: bool
) -> list[float]:
    url = f"sqlite:///{folder / 'sink.sqlite3'}"
    sink = RowSink(
        row_database_opener(url, auto_upgrade=True), folder / "spool", on_drop=_refuse_drop
    )
    calls = []
    for life in lives:
        for kind, snapshot in zip(_KINDS, life, strict=True):
            event = kind(_CONTEXT, snapshot.heartbeat, snapshot)
            began = time.perf_counter()
            sink.handle(event)
            calls.append(time.perf_counter() - began)
            if flush_each:
                _require(sink.flush(60))
    _require(sink.flush(60))
    sink.close(5)
    return calls


def life_of_a_run(number: int, began: float) -> list[RunSnapshot]:
    """Make the snapshots of a run: start, heartbeat, end."""
    start = RunSnapshot(
        task_id=f"nightly-{number}",
        user_id=42,
        course_id=number,
        sync_type="full",
        canvas_host="canvas.example.edu",
        status=RunStatus.RUNNING,
        start_time=began,
        end_time=None,
        duration=None,
        heartbeat=began,
        progress=0.0,
        step="courses",
        error=None,
        items={item: ItemCounts(100, 10, 20, 69, 1) for item in ITEMS},
        api_calls=340,
        api_failed=1,
        api_throttled=1,
        api_retried=1,
        api_seconds=48.2,
        db_operations=120,
        db_failed=0,
        db_seconds=1.5,
        trace_id=f"{number:032x}",
        host="sync-1",
        pid=4711,
        metadata={"term": "autumn"},
    )
    beat = structs.replace(start, heartbeat=began + 10, progress=50.0)
    end = structs.replace(
        beat,
        status=RunStatus.SUCCESS,
        heartbeat=began + 20,
        end_time=began + 20,
        duration=20.0,
        progress=100.0,
    )
    return [start, beat, end]


def _refuse_drop(sink: str, reason: str, count: int = 1) -> None:
    raise RuntimeError(f"{sink} lost {count} rows: {reason}")


def _require(flushed: bool) -> None:
    if not flushed:
        raise RuntimeError("the rows did not arrive within a minute")


if __name__ == "__main__":
    main()
