"""The first roll-up of a table that was there before: its time, its locks, and answers meanwhile.

Beside it is one pass of the database over the same rows: a GROUP BY of the same 15-minute buckets,
sync types and statuses with the same sums, which is the least that any roll-up has to do. While the
rows are rolled up, another process asks for the summary and the performance of 90 days.

Locks and answers are measured in CPU time, so that a loaded machine does not count.

Goals: at most three times the CPU time of the pass; no lock of SQLite for more than 50 ms; each
answer, or the refusal with how much is left, within 100 ms.

Run: ``PYTHONPATH=tests python benchmarks/first_roll_up.py [--rows 1000000]
[--databases sqlite postgresql]``
"""

from __future__ import annotations

import argparse
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from child_processes import working_meanwhile
from many_runs import fill
from runs_deleted import lock_times
from sqlalchemy import Engine, text
from temporary_databases import temporary_database, temporary_server

from canvas_sync_core.names import TABLE
from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.rollups.aggregates import SUMMED
from canvas_sync_core.store.rollups.periods import RollupsBehindError
from canvas_sync_core.store.rollups.reading import Rollups
from canvas_sync_core.store.rollups.writing import roll_up

GOAL_RATIO = 3.0
GOAL_LOCK_MS = 50.0
GOAL_ANSWER_MS = 100.0
PAUSE_S = 0.1
_BUCKET = {
    "sqlite": "strftime('%s', sync_start_time) / 900",
    "postgresql": "date_bin('15 minutes', sync_start_time, timestamptz 'epoch')",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    kinds = ["sqlite", "postgresql"]
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--databases", nargs="+", choices=kinds, default=kinds[:1])
    arguments = parser.parse_args()
    with temporary_server(arguments.databases) as server:
        for kind in arguments.databases:
            with temporary_database(kind, server) as (_, database):
                engine = open_engine(database.patient)
                fill(engine, arguments.rows, seed=1)
                _measure(engine, database.patient, arguments.rows)
                engine.dispose()


def _measure(engine: Engine, url: str, rows: int) -> None:
    pass_s, pass_cpu = _pass(engine)
    print(f"{engine.dialect.name}, {rows:,} runs; one GROUP BY: {pass_s:.1f} s", end="")
    print(f", {pass_cpu:.1f} s of CPU time" if engine.dialect.name == "sqlite" else "")
    with lock_times(engine) as held, working_meanwhile(_ask, url) as answers:
        began, began_cpu = time.perf_counter(), time.process_time()
        while roll_up(engine, 60):
            pass
        took, cpu = time.perf_counter() - began, time.process_time() - began_cpu
    print(f"  rolled up in {took:.1f} s, {cpu:.1f} s of CPU time here", end="")
    if engine.dialect.name == "sqlite":  # PostgreSQL's own part is in other processes
        print(f", {cpu / pass_cpu:.1f} times the pass: {_verdict(cpu / pass_cpu, GOAL_RATIO)}")
        _print_figures("lock held", [each * 1e3 for each in held], GOAL_LOCK_MS)
    else:
        print()
    for is_answer, name in ((True, "answered"), (False, "refused")):
        _print_figures(
            name, [each * 1e3 for each, kind in answers if kind is is_answer], GOAL_ANSWER_MS
        )


def _pass(engine: Engine) -> tuple[float, float]:
    sums = ", ".join(f"sum({name})" for name in (*SUMMED, "duration", "api_seconds", "db_seconds"))
    bucket = _BUCKET[engine.dialect.name]
    statement = text(
        f"SELECT {bucket}, sync_type, sync_status, count(*), {sums} FROM {TABLE} "
        "WHERE sync_status <> 'running' GROUP BY 1, 2, 3"
    )
    began, began_cpu = time.perf_counter(), time.process_time()
    with engine.connect() as connection:
        connection.execute(statement).all()
    return time.perf_counter() - began, time.process_time() - began_cpu


def _ask(url: str, stop: Any, ready: Any, answer: Any) -> None:
    rollups = Rollups(open_engine(url))
    since = datetime.now(UTC) - timedelta(days=90)
    taken: list[tuple[float, bool]] = []
    while not stop.wait(PAUSE_S):
        for question in (rollups.summary, rollups.performance):
            began, is_answer = time.process_time(), True
            try:
                question(since)
            except RollupsBehindError:
                is_answer = False
            taken.append((time.process_time() - began, is_answer))
        ready.set()
    answer.put(taken)


def _print_figures(name: str, milliseconds: list[float], goal: float) -> None:
    if not milliseconds:
        return
    ordered = sorted(milliseconds)
    median, p99 = ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100]
    print(
        f"  {name:10}{len(ordered):6} times, median {median:6.1f} ms, p99 {p99:6.1f} ms, "
        f"max {ordered[-1]:6.1f} ms: {_verdict(p99, goal)}"
    )


def _verdict(value: float, goal: float) -> str:
    return f"goal of {goal:g} {'met' if value <= goal else 'missed'}"


if __name__ == "__main__":
    main()
