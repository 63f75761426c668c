"""What the SQLAlchemy hook costs, beside the same without it: an executemany, and row by row.

One engine inserts into SQLite in memory, in one transaction that is rolled back; rounds without and
with the hook, inside a run, take turns, and the fastest of each count. The goal for an executemany
of 10,000 rows: at most 1 %. Row by row, 1,000 operations are measured with the default, which sums
them up, and with a line for each of them; in processor time, and with the size of the log.

    python benchmarks/sqlalchemy_hook.py
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from configured_monitor import configured
from spread import p99
from sqlalchemy import Column, Engine, Integer, MetaData, String, Table, create_engine, insert

from canvas_sync_instrumentation import (
    CanvasSyncMetricsTracker,
    instrument_sqlalchemy,
    uninstrument_sqlalchemy,
)

ROWS = 10_000
SINGLE_ROWS = 1_000

table = Table(
    "submissions",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("course_id", Integer),
    Column("workflow_state", String),
)
rows = [{"id": n, "course_id": n % 40, "workflow_state": "graded"} for n in range(ROWS)]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=101)
    rounds = parser.parse_args().rounds
    engine = create_engine("sqlite://")
    table.metadata.create_all(engine)
    measure_executemany(engine, rounds)
    measure_row_by_row(engine, max(3, rounds // 10))


def measure_executemany(engine: Engine, rounds: int) -> None:
    """Compare an executemany without and with the hook."""
    bare, hooked = [], []
    with (
        tempfile.TemporaryDirectory() as folder,
        configured(folder),
        CanvasSyncMetricsTracker("benchmark", 42),
    ):
        for _ in range(rounds):
            bare.append(seconds(engine))
            instrument_sqlalchemy(engine)
            hooked.append(seconds(engine))
            uninstrument_sqlalchemy(engine)
    print(f"{ROWS:,} rows without the hook {min(bare) * 1e3:8.2f} ms")
    print(f"{ROWS:,} rows with the hook    {min(hooked) * 1e3:8.2f} ms", end="")
    print(f"  ({min(hooked) / min(bare) - 1:+.2%})", end="")
    print(f", p99 {p99(bare) * 1e3:.2f} and {p99(hooked) * 1e3:.2f} ms")


def measure_row_by_row(engine: Engine, rounds: int) -> None:
    """Compare one insert for each row without the hook, summed up, and logged singly."""
    bare: list[float] = []
    found: dict[str, tuple[float, int]] = {}
    for name, singly in (("summed up", 10), ("logged singly", 1_000_000)):
        hooked = []
        with tempfile.TemporaryDirectory() as folder:
            with (
                configured(folder, db_sum_up_after=singly),
                CanvasSyncMetricsTracker("benchmark", 42),
            ):
                for _ in range(rounds):
                    bare.append(row_by_row(engine))
                    instrument_sqlalchemy(engine)
                    hooked.append(row_by_row(engine))
                    uninstrument_sqlalchemy(engine)
            lines = len((Path(folder) / "database.log").read_bytes().splitlines())
        found[name] = min(hooked), lines
    print(f"{SINGLE_ROWS:,} single rows without the hook {min(bare) * 1e3:7.1f} ms")
    for name, (taken, lines) in found.items():
        cost = (taken - min(bare)) / SINGLE_ROWS * 1e6
        print(f"{SINGLE_ROWS:,} single rows, {name:16} {taken * 1e3:7.1f} ms", end="")
        print(f"  ({taken / min(bare) - 1:+.0%}, {cost:.1f} us each, ", end="")
        print(f"{lines:,} lines for {rounds * SINGLE_ROWS:,} operations)")


def seconds(engine: Engine) -> float:
    with engine.connect() as connection:
        start = time.perf_counter()
        connection.execute(insert(table), rows)
        return time.perf_counter() - start


def row_by_row(engine: Engine) -> float:
    statement = insert(table)
    with engine.connect() as connection:
        start = time.process_time()
        for row in rows[:SINGLE_ROWS]:
            connection.execute(statement, row)
        return time.process_time() - start


if __name__ == "__main__":
    main()
