"""How long it takes to judge once: up to 10 million runs, 200 sync types and 10,000 users.

Each user has a run a day, so a larger table has a longer history and not busier days; ``--per-day``
changes that. The judge starts and reads what it needs, which is measured apart.
Then, again and again, ``--runs`` runs of any sync types end and the judge gathers the facts and
judges them, as it does every 15 seconds. In the end all 10,000 users have a run of one sync type
within a night, which it judges too.

Goal: the median of judging is at most 50 ms, and at most 1.5 times that of the smallest table. What
counts is the processor time, which other work on the machine does not change: that of this process
and of the database server.

Run: ``PYTHONPATH=tests python benchmarks/judge.py [--sizes 100000 1000000 10000000]
[--databases sqlite postgresql]``. Ten million runs take 7 GB a database.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from many_runs import USERS, fill
from spread import p99
from sqlalchemy import Engine
from temporary_databases import add_databases, temporary_database, temporary_server

from canvas_sync_core.names import RunStatus
from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.rows import write_runs
from canvas_sync_exporter.judge.expectations import Expectations
from canvas_sync_exporter.judge.gathering.gatherer import Gatherer
from canvas_sync_exporter.judge.verdict import judge
from canvas_sync_exporter.settings import configuration
from canvas_sync_exporter.shared_metric_directory import SharedMetricDirectory
from support.postgresql import PostgresqlServer
from support.runs import snapshot

SYNC_TYPES = tuple(f"type-{number:03d}" for number in range(200))
GOAL_MS = 50.0
GOAL_GROWTH = 1.5
STEP = timedelta(seconds=15)


def main() -> None:
    arguments = _arguments()
    smallest: dict[str, float] = {}
    with temporary_server(arguments.databases) as server:
        for rows in sorted(arguments.sizes):
            for kind in arguments.databases:
                with temporary_database(kind, server) as (folder, database):
                    meter = Meter(_postmaster(server) if kind == "postgresql" else None)
                    median = _measure(open_engine(database.patient), folder, rows, arguments, meter)
                    growth = median / smallest.setdefault(kind, median)
                    is_good = median <= GOAL_MS and growth <= GOAL_GROWTH
                    verdict = "good" if is_good else "NOT GOOD"
                    print(f"{'':10} {growth:.2f} times the smallest: {verdict}", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add_databases(parser)
    parser.add_argument("--per-day", type=int, default=USERS, help="runs that begin in a day")
    parser.add_argument("--times", type=int, default=100, help="how often it judges")
    parser.add_argument("--runs", type=int, default=5, help="that end between two judgings")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of one judging: by the clock, and of the processor."""

    clock: float
    processor: float


class Meter:
    """Measures the processor time of this process and of a PostgreSQL server's processes.

    Args:
        postmaster: The server's first process; None if there is no server.
    """

    def __init__(self, postmaster: int | None) -> None:
        self._postmaster = postmaster

    def measure(self, work: Callable[[], object]) -> Cost:
        """Run something and return what it cost."""
        clock, processor = time.perf_counter(), self._processor()
        work()
        return Cost(time.perf_counter() - clock, self._processor() - processor)

    def _processor(self) -> float:
        return time.process_time() + sum(map(_nanoseconds, self._children())) / 1e9

    def _children(self) -> list[str]:
        if self._postmaster is None:
            return []
        found = Path(f"/proc/{self._postmaster}/task/{self._postmaster}/children").read_text()
        return found.split()


def _nanoseconds(process: str) -> int:
    """Return for how long a process has been on a processor; 0 if it has just ended."""
    try:
        return int(Path(f"/proc/{process}/schedstat").read_text().split()[0])
    except OSError:
        return 0


def _postmaster(server: PostgresqlServer | None) -> int | None:
    if server is None:
        return None
    folder = Path(server.url("").rpartition("host=")[2])
    return int((folder / "data" / "postmaster.pid").read_text().split()[0])


def _measure(
    engine: Engine,
    folder: Path,
    rows: int,
    arguments: argparse.Namespace,
    meter: Meter,
) -> float:
    """Measure one table, and return the median of judging in milliseconds of the processor."""
    fill(engine, rows, arguments.seed, SYNC_TYPES, rows / arguments.per_day)
    chance = random.Random(arguments.seed)
    clock = [datetime.now(UTC)]
    settings = configuration({"CANVAS_SYNC_LOG_DIR": str(folder)})
    expectations = Expectations(settings)
    gatherer = Gatherer(
        engine,
        settings,
        expectations.at,
        lambda _: (),
        lambda: clock[0],
        metric_files=SharedMetricDirectory(settings.app.metrics_folder),
    )
    first = meter.measure(lambda: judge(gatherer.gather()))

    usual = []
    for number in range(arguments.times):
        clock[0] += STEP
        _end_runs(engine, clock[0], arguments.runs, number, chance)
        usual.append(meter.measure(lambda: judge(gatherer.gather())))
    night = _night(engine, gatherer, clock, meter)
    engine.dispose()

    median = statistics.median(each.processor for each in usual) * 1000
    clock_median = statistics.median(each.clock for each in usual) * 1000
    slow = p99([each.processor for each in usual]) * 1000
    print(
        f"{engine.dialect.name:10} {rows:>12,} runs: first {first.processor:6.2f} s, "
        f"then median {median:6.1f} ms, p99 {slow:6.1f} ms (by the clock "
        f"{clock_median:.1f} ms); night of {USERS:,} users {night * 1000:6.1f} ms",
        flush=True,
    )
    return median


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


def _night(engine: Engine, gatherer: Gatherer, clock: list[datetime], meter: Meter) -> float:
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
        times.append(meter.measure(lambda: judge(gatherer.gather())).processor)
    return statistics.median(times)


if __name__ == "__main__":
    main()
