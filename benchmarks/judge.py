"""How long it takes to judge once: up to 10 million runs, 200 sync types and 10,000 users.

The table has runs of 120 days. The judge starts and reads what it needs, which is measured apart.
Then, again and again, ``--runs`` runs of any sync types end and the judge gathers the facts and
judges them, as it does every 15 seconds. In the end all 10,000 users have a run of one sync type
within a night, which it judges too.

Goal: the median of judging is at most 50 ms, and at most 1.5 times that of the smallest table.

Run: ``PYTHONPATH=tests python benchmarks/judge.py [--sizes 100000 1000000 10000000]
[--databases sqlite postgresql]``. Ten million runs take 7 GB a database.
"""

from __future__ import annotations

import argparse
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from many_runs import USERS, fill
from sqlalchemy import Engine

from canvas_sync_core.names import RunStatus
from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.rows import write_runs
from canvas_sync_exporter.judge.expectations import Expectations
from canvas_sync_exporter.judge.gathering import Gatherer
from canvas_sync_exporter.judge.verdict import judge
from canvas_sync_exporter.settings import configuration
from support.postgresql import PostgresqlServer, find_binaries
from support.runs import snapshot

SYNC_TYPES = tuple(f"type-{number:03d}" for number in range(200))
GOAL_MS = 50.0
GOAL_GROWTH = 1.5
STEP = timedelta(seconds=15)


def main() -> None:
    arguments = _arguments()
    smallest: dict[str, float] = {}
    with ExitStack() as stack:
        server = stack.enter_context(_server()) if "postgresql" in arguments.databases else None
        for rows in sorted(arguments.sizes):
            for kind in arguments.databases:
                with _database(kind, server) as (url, folder):
                    _measure(url, folder, rows, arguments, smallest)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    sizes = [100_000, 1_000_000, 10_000_000]
    kinds = ["sqlite", "postgresql"]
    parser.add_argument("--sizes", type=int, nargs="+", default=sizes, help="runs in the table")
    parser.add_argument("--databases", nargs="+", choices=kinds, default=kinds)
    parser.add_argument("--times", type=int, default=100, help="how often it judges")
    parser.add_argument("--runs", type=int, default=5, help="that end between two judgings")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


@contextmanager
def _server() -> Iterator[PostgresqlServer]:
    binaries = find_binaries()
    if binaries is None:
        sys.exit("PostgreSQL is not installed. Or measure SQLite alone: --databases sqlite")
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    server = PostgresqlServer(binaries, folder, "listen_addresses = ''\nshared_buffers = 1GB\n")
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


@contextmanager
def _database(kind: str, server: PostgresqlServer | None) -> Iterator[tuple[str, Path]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if server is None or kind == "sqlite":
            yield f"sqlite:///{folder / 'runs.sqlite3'}", folder
            return
        made = server.create_database()
        yield server.url(made) + "&options=-c%20statement_timeout%3D0", folder
        server.drop_database(made)


def _measure(
    url: str, folder: Path, rows: int, arguments: argparse.Namespace, smallest: dict[str, float]
) -> None:
    engine = open_engine(url)
    fill(engine, rows, arguments.seed, SYNC_TYPES)
    chance = random.Random(arguments.seed)
    clock = [datetime.now(UTC)]
    settings = configuration({"CANVAS_SYNC_LOG_DIR": str(folder)})
    expectations = Expectations(settings)
    gatherer = Gatherer(engine, settings, expectations.at, lambda _: (), lambda: clock[0])
    began = time.perf_counter()
    judge(gatherer.gather())
    first = time.perf_counter() - began

    usual = []
    for number in range(arguments.times):
        clock[0] += STEP
        _end_runs(engine, clock[0], arguments.runs, number, chance)
        usual.append(_seconds(gatherer))
    night = _night(engine, gatherer, clock)
    engine.dispose()

    median = statistics.median(usual) * 1000
    growth = median / smallest.setdefault(engine.dialect.name, median)
    is_good = median <= GOAL_MS and growth <= GOAL_GROWTH
    print(
        f"{engine.dialect.name:10} {rows:>12,} runs: first {first:6.2f} s, "
        f"then median {median:6.1f} ms, slowest {max(usual) * 1000:6.1f} ms, "
        f"{growth:.2f} times the smallest; night of {USERS:,} users {night * 1000:6.1f} ms: "
        f"{'good' if is_good else 'NOT GOOD'}",
        flush=True,
    )


def _seconds(gatherer: Gatherer) -> float:
    began = time.perf_counter()
    judge(gatherer.gather())
    return time.perf_counter() - began


def _end_runs(
    engine: Engine, now: datetime, count: int, number: int, chance: random.Random
) -> None:
    runs = [
        snapshot(
            f"new-{number}-{each}",
            sync_type=chance.choice(SYNC_TYPES),
            user_id=chance.randrange(USERS),
            start_time=now.timestamp() - 20,
            end_time=now.timestamp() - 1,
        )
        for each in range(count)
    ]
    write_runs(engine, runs)


def _night(engine: Engine, gatherer: Gatherer, clock: list[datetime]) -> float:
    """Let every user have a run within a night, and return the median of judging meanwhile."""
    start = clock[0].timestamp()
    times = []
    for first in range(0, USERS, 500):
        clock[0] += STEP
        write_runs(
            engine,
            [
                snapshot(
                    f"night-{user}",
                    sync_type="nightly",
                    user_id=user,
                    start_time=start + user / 100,
                    end_time=start + user / 100 + 5,
                    status=RunStatus.FAILED if user % 50 == 0 else RunStatus.SUCCESS,
                )
                for user in range(first, first + 500)
            ],
        )
        times.append(_seconds(gatherer))
    return statistics.median(times)


if __name__ == "__main__":
    main()
