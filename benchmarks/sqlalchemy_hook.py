"""What the SQLAlchemy hook costs an executemany of 10,000 rows, beside the same without it.

One engine inserts into SQLite in memory, in one transaction that is rolled back; rounds without and
with the hook, inside a run, take turns. The fastest of each count. The goal: at most 1 %.

    python benchmarks/sqlalchemy_hook.py
"""

from __future__ import annotations

import argparse
import tempfile
import time

from sqlalchemy import Column, Engine, Integer, MetaData, String, Table, create_engine, insert

from canvas_sync_instrumentation import (
    CanvasSyncMetricsTracker,
    configure,
    instrument_sqlalchemy,
    shutdown,
    uninstrument_sqlalchemy,
)

ROWS = 10_000

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
    bare, hooked = [], []
    with tempfile.TemporaryDirectory() as folder:
        configure(log_dir=folder)
        with CanvasSyncMetricsTracker("benchmark", 42):
            for _ in range(rounds):
                bare.append(seconds(engine))
                instrument_sqlalchemy(engine)
                hooked.append(seconds(engine))
                uninstrument_sqlalchemy(engine)
        shutdown()
    print(f"{ROWS:,} rows without the hook {min(bare) * 1e3:8.2f} ms")
    print(f"{ROWS:,} rows with the hook    {min(hooked) * 1e3:8.2f} ms", end="")
    print(f"  ({min(hooked) / min(bare) - 1:+.2%})")


def seconds(engine: Engine) -> float:
    with engine.connect() as connection:
        start = time.perf_counter()
        connection.execute(insert(table), rows)
        return time.perf_counter() - start


if __name__ == "__main__":
    main()
