"""Each endpoint of the REST API over HTTP, with 0.1 and 1 million runs, or more, in the table.

A real exporter answers 8 clients while 4 processes write runs, as syncs do, on SQLite and on a
PostgreSQL server that is started for it. A client waits ``--pause`` seconds after each answer.
The table was read once before, and so is in memory if that is large enough, as on a server that has
been up for a while: what a disk takes to find the runs of a user is not measured. PostgreSQL has
vacuumed and written out what was loaded.
Beside each endpoint is the same question put to the rows by SQL, in this process and without HTTP,
while the 4 go on writing. At the end the percentiles of the rollups are compared with exact ones.

Goals: over 90 days of ten million runs the median of summary and performance is at most 25 ms and
1.5 times that of the smallest table; that of a series and of the errors, which have hundreds of
points, at most 100 ms, and that of a search or a count that stops after 0.2 s at most 300 ms; that
of every other endpoint is at most 10 ms, and of a list of whole runs 25 ms.

Run: ``PYTHONPATH=tests python benchmarks/runs_table.py [--sizes 100000 1000000 10000000]
[--databases sqlite postgresql]``. Ten million runs take 7 GB a database.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from many_runs import USERS, fill
from msgspec import structs
from real_exporter import exporter
from row_writing import life_of_a_run
from sqlalchemy import Engine, bindparam, select, text
from temporary_databases import (
    Database,
    add_databases,
    temporary_database,
    temporary_server,
)

from canvas_sync_core.events import Heartbeat, RunContext, RunEnded, RunStarted
from canvas_sync_core.names import TABLE
from canvas_sync_core.store import queries
from canvas_sync_core.store.cursors import make_cursor
from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.freshness import freshness
from canvas_sync_core.store.model import metrics_table
from canvas_sync_core.store.rollups.writing import roll_up
from canvas_sync_core.store.row_database import row_database_opener
from canvas_sync_core.store.run_facets import run_facets
from canvas_sync_core.store.run_filter import RunFilter
from canvas_sync_core.store.run_search import search_runs
from canvas_sync_core.store.timestamps import UtcDateTime
from canvas_sync_exporter.settings import configuration
from canvas_sync_instrumentation.outputs.rows import RowSink

CLIENTS = 8
WRITERS = 4
DAYS = 90
PAGE = 50
GOAL_MS = 10.0
GOAL_ROLLED_UP_MS = 25.0
GOAL_LIST_MS = 25.0
GOAL_SERIES_MS = 100.0
GOAL_SEARCH_MS = 300.0
GOAL_GROWTH = 1.5
PEER_SECONDS = 3.0
PEER_TIMES = 30
KINDS: tuple[type[RunStarted | Heartbeat | RunEnded], ...] = (RunStarted, Heartbeat, RunEnded)
Times = dict[str, list[float]]
"""Seconds of each answer, by endpoint."""
CONTEXT = RunContext("a", 42, None, "full", "0" * 32, "0" * 16, sampled=False)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Makes a path, and asks the rows the same; ``is_rolled_up`` where rollups answer."""

    path: Callable[[random.Random], str]
    peer: Callable[[Engine, random.Random], object] | None = None
    is_rolled_up: bool = False
    goal_ms: float | None = None

    @property
    def goal(self) -> float:
        """The largest median in milliseconds."""
        return self.goal_ms or (GOAL_ROLLED_UP_MS if self.is_rolled_up else GOAL_MS)


def main() -> None:
    arguments = _arguments()
    smallest: dict[tuple[str, str], float] = {}
    with temporary_server(arguments.databases) as server:
        for rows in sorted(arguments.sizes):
            for kind in arguments.databases:
                with temporary_database(kind, server) as (folder, database):
                    _measure(database, folder, rows, arguments, smallest)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add_databases(parser)
    parser.add_argument("--seconds", type=float, default=30, help="how long the clients ask")
    parser.add_argument("--pause", type=float, default=0.1, help="of a client after an answer")
    parser.add_argument("--runs-a-second", type=float, default=5, help="of each writer")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def _measure(
    database: Database,
    folder: Path,
    rows: int,
    arguments: argparse.Namespace,
    smallest: dict[tuple[str, str], float],
) -> None:
    engine = open_engine(database.patient)
    prepare(engine, rows, arguments.seed)
    endpoints = _endpoints(engine, rows)
    with _api(database.url, folder) as url:
        with writers(database, folder, arguments.runs_a_second):
            times = _ask(url, endpoints, arguments)
            peers = _ask_rows(engine, endpoints, arguments.seed)
        _require_no_loss(engine, folder, rows)
        _print_figures(database.name, endpoints, times, peers, smallest)
    with _api(database.patient, folder) as url:
        _print_error(url)
    engine.dispose()


def prepare(engine: Engine, rows: int, seed: int) -> None:
    began = time.perf_counter()
    fill(engine, rows, seed)
    filled = time.perf_counter()
    while roll_up(engine, 60):
        pass
    rolled_up = time.perf_counter()
    _roll_up_all(engine)
    print(
        f"\n{engine.dialect.name}, {rows:,} runs: written in {filled - began:.0f} s, "
        f"rolled up in {rolled_up - filled:.0f} s",
        flush=True,
    )


def _roll_up_all(engine: Engine) -> None:
    """Bring a database that was just filled to where it is after a while in service."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.scalar(text(f"SELECT count(host || pid) FROM {TABLE}"))
        if engine.dialect.name == "postgresql":
            # Autovacuum and the checkpoint after all these writes come some time, or right now.
            connection.execute(text("VACUUM ANALYZE"))
            connection.execute(text("CHECKPOINT"))
            connection.execute(text("CREATE EXTENSION pg_prewarm"))
            connection.execute(
                text("SELECT pg_prewarm(indexrelid, 'read') FROM pg_stat_user_indexes")
            )


def _endpoints(engine: Engine, rows: int) -> dict[str, Endpoint]:
    def since() -> datetime:
        return datetime.now(UTC) - timedelta(days=DAYS)

    def run(chance: random.Random) -> int:
        return chance.randrange(1, rows)

    def task(chance: random.Random) -> str:
        return f"run-{run(chance):09d}"

    def user(chance: random.Random) -> int:
        return chance.randrange(min(USERS, rows))  # the others have no run

    def week() -> datetime:
        return datetime.now(UTC) - timedelta(days=7)

    deepest = _deepest_cursor(engine)
    ask = queries
    return {
        "sync/<id>": Endpoint(lambda c: f"sync/{run(c)}", lambda e, c: ask.run_by_id(e, run(c))),
        "sync/task/<task_id>": Endpoint(
            lambda c: f"sync/task/{task(c)}", lambda e, c: ask.run_by_task(e, task(c))
        ),
        "user/<id>/syncs": Endpoint(
            lambda c: f"user/{user(c)}/syncs", lambda e, c: ask.user_runs(e, user(c), PAGE)
        ),
        "user/<id>/summary": Endpoint(
            lambda c: f"user/{user(c)}/summary", lambda e, c: ask.user_summary(e, user(c), week())
        ),
        "recent": Endpoint(lambda _: "recent", lambda e, _: ask.recent_runs(e, PAGE)),
        "recent, deepest page": Endpoint(
            lambda _: f"recent?cursor={deepest}", lambda e, _: _deepest_by_offset(e, rows)
        ),
        f"failed?days={DAYS}": Endpoint(
            lambda _: f"failed?days={DAYS}", lambda e, _: ask.failed_runs(e, since(), PAGE)
        ),
        f"suspect?days={DAYS}": Endpoint(
            lambda _: f"suspect?days={DAYS}", lambda e, _: queries.suspect_runs(e, since(), PAGE)
        ),
        f"freshness?days={DAYS}": Endpoint(
            lambda _: f"freshness?days={DAYS}",
            lambda e, _: freshness(e, since(), datetime.now(UTC)),
        ),
        f"summary?days={DAYS}": Endpoint(
            lambda _: f"summary?days={DAYS}", lambda e, _: ask.summary(e, since()), True
        ),
        f"performance?days={DAYS}": Endpoint(
            lambda _: f"performance?days={DAYS}", lambda e, _: ask.performance(e, since()), True
        ),
        **_filtered_lists(rows),
        **_series(since),
        "logs/cleanup-status": Endpoint(lambda _: "logs/cleanup-status"),
        "quota": Endpoint(lambda _: "quota"),
        "health": Endpoint(lambda _: "health"),
    }


def _filtered_lists(rows: int) -> dict[str, Endpoint]:
    def day() -> datetime:
        return datetime.now(UTC) - timedelta(days=1)

    def ask(**filters: Any) -> Callable[[Engine, random.Random], object]:
        return lambda e, _: search_runs(e, RunFilter(**filters), PAGE, seconds=PEER_SECONDS)

    def listed(query: str, goal: float = GOAL_LIST_MS, **filters: Any) -> Endpoint:
        return Endpoint(lambda _: f"runs?{query}", ask(**filters), goal_ms=goal)

    return {
        "runs": listed(""),
        "runs: failed, host": listed(
            "status=failed&host=sync-1", statuses=("failed",), host="sync-1"
        ),
        "runs: error": listed("error_type=TimeoutError", error_type="TimeoutError"),
        "runs: course, CSV": listed("course_id=17&format=csv", course_id=17),
        "runs: no such host": listed("host=nowhere", GOAL_SEARCH_MS, host="nowhere"),
        "runs/facets?from=24h": Endpoint(
            lambda _: "runs/facets?from=24h",
            lambda e, _: run_facets(e, RunFilter(since=day()), seconds=PEER_SECONDS),
            goal_ms=GOAL_SEARCH_MS,
        ),
        "runs/facets": Endpoint(
            lambda _: "runs/facets",
            lambda e, _: run_facets(e, RunFilter(), seconds=PEER_SECONDS),
            goal_ms=GOAL_SEARCH_MS,
        ),
        "running": Endpoint(lambda _: "running", goal_ms=GOAL_LIST_MS),
        "sync/<id>/history": Endpoint(
            lambda c: f"sync/{c.randrange(1, rows)}/history", goal_ms=GOAL_LIST_MS
        ),
    }


def _series(since: Callable[[], datetime]) -> dict[str, Endpoint]:
    def errors(engine: Engine, _: random.Random) -> None:
        statement = text(
            f"SELECT error_type, sync_type, count(*) FROM {TABLE} WHERE sync_start_time >= :since "
            "AND error_type IS NOT NULL GROUP BY error_type, sync_type"
        ).bindparams(bindparam("since", type_=UtcDateTime()))
        with engine.connect() as connection:
            connection.execute(statement, {"since": since()}).all()

    def rolled_up(
        path: str, peer: Callable[[Engine, random.Random], object] | None = None
    ) -> Endpoint:
        return Endpoint(lambda _: path, peer, is_rolled_up=True, goal_ms=GOAL_SERIES_MS)

    return {
        f"series?days={DAYS}": rolled_up(
            f"series?days={DAYS}", lambda e, _: queries.performance(e, since())
        ),
        "series?days=7&by=status": rolled_up("series?days=7&by=status"),
        "series?days=1": rolled_up("series?days=1"),
        f"errors/top?days={DAYS}": rolled_up(f"errors/top?days={DAYS}", errors),
        f"errors/series?days={DAYS}": rolled_up(f"errors/series?days={DAYS}"),
    }


def _deepest_cursor(engine: Engine) -> str:
    """The cursor before the page of the oldest runs."""
    key = (metrics_table.c.sync_start_time, metrics_table.c.id)
    oldest = select(*key).order_by(*key).offset(PAGE).limit(1)
    with engine.connect() as connection:
        return make_cursor(*connection.execute(oldest).one())


def _deepest_by_offset(engine: Engine, rows: int) -> None:
    statement = text(
        f"SELECT * FROM {TABLE} ORDER BY sync_start_time DESC, id DESC LIMIT {PAGE} "
        f"OFFSET {rows - PAGE}"
    )
    with engine.connect() as connection:
        connection.execute(statement).all()


@contextmanager
def _api(url: str, folder: Path) -> Iterator[str]:
    with exporter(folder / "logs", CANVAS_SYNC_DATABASE_URL=url) as address:
        yield f"{address}/api/canvas/metrics"


@contextmanager
def writers(database: Database, folder: Path, rate: float) -> Iterator[None]:
    """Let processes write runs, each so many a second, while the block runs."""
    spawn = multiprocessing.get_context("spawn")
    stop = spawn.Event()
    processes = [
        spawn.Process(target=_write, args=(database.url, folder, number, rate, stop))
        for number in range(WRITERS)
    ]
    try:
        for each in processes:
            each.start()
        yield
    finally:
        stop.set()
        for each in processes:
            each.join()
    if any(each.exitcode for each in processes):
        sys.exit("a writer lost runs")


def _write(url: str, folder: Path, number: int, rate: float, stop: Any) -> None:
    """Write runs as a sync does, until told to stop."""
    spool = configuration({"CANVAS_SYNC_LOG_DIR": str(folder / "logs")}).app.spool_folder
    sink = RowSink(row_database_opener(url, auto_upgrade=False), spool, on_drop=_refuse)
    written = 0
    while not stop.wait(1 / rate):
        written += 1
        for kind, snapshot in zip(KINDS, life_of_a_run(written, time.time()), strict=True):
            named = f"writer {number}: {snapshot.task_id}"
            renamed = structs.replace(snapshot, task_id=named)
            sink.handle(kind(CONTEXT, renamed.heartbeat, renamed))
    if not sink.flush(60):
        sys.exit("rows did not arrive within a minute")
    sink.close(5)
    (folder / f"written-{number}").write_text(str(written))


def _ask(url: str, endpoints: Mapping[str, Endpoint], arguments: argparse.Namespace) -> Times:
    """Let all clients ask everything in turn, each in an order of its own."""
    times: Times = {name: [] for name in endpoints}
    parts = urlsplit(url)
    until = time.monotonic() + arguments.seconds

    def ask(number: int) -> None:
        chance = random.Random(arguments.seed * 1000 + number)
        with closing(HTTPConnection(parts.netloc, timeout=600)) as connection:
            while time.monotonic() < until:
                for name in chance.sample(list(endpoints), len(endpoints)):
                    target = f"{parts.path}/{endpoints[name].path(chance)}"
                    began = time.perf_counter()
                    connection.request("GET", target, headers={"Accept-Encoding": "gzip"})
                    response = connection.getresponse()
                    response.read()
                    times[name].append(time.perf_counter() - began)
                    if response.status != 200:
                        raise RuntimeError(f"{target} was answered with {response.status}")
                    time.sleep(arguments.pause)

    with ThreadPoolExecutor(CLIENTS) as clients:
        for client in [clients.submit(ask, number) for number in range(CLIENTS)]:
            client.result()
    return times


def _ask_rows(engine: Engine, endpoints: Mapping[str, Endpoint], seed: int) -> Times:
    chance = random.Random(seed)
    times: Times = {}
    for name, endpoint in endpoints.items():
        if endpoint.peer is None:
            continue
        taken = times[name] = []
        while len(taken) < PEER_TIMES and sum(taken) < PEER_SECONDS:
            began = time.perf_counter()
            endpoint.peer(engine, chance)
            taken.append(time.perf_counter() - began)
    return times


def _require_no_loss(engine: Engine, folder: Path, rows: int) -> None:
    written = sum(int(file.read_text()) for file in folder.glob("written-*"))
    with engine.connect() as connection:
        there = connection.scalar(text(f"SELECT count(*) FROM {TABLE}")) or 0
    if there != rows + written:
        sys.exit(f"{rows + written - there} of {written} runs written meanwhile were lost")
    print(f"{written} runs written meanwhile, none lost")


def _print_figures(
    database: str,
    endpoints: Mapping[str, Endpoint],
    times: Times,
    peers: Times,
    smallest: dict[tuple[str, str], float],
) -> None:
    print(f"{'':24}{'asked':>7}{'p50':>10}{'p99':>10}{'SQL p50':>12}{'SQL / p50':>11}  goal")
    for name, taken in times.items():
        median = statistics.median(taken) * 1e3
        p99 = statistics.quantiles(taken, n=100)[98] * 1e3
        verdict = "met" if median <= endpoints[name].goal else "missed"
        growth = median / smallest.setdefault((database, name), median)
        if endpoints[name].is_rolled_up:
            verdict += f", {growth:.2f} x the smallest"
            verdict += "" if growth <= GOAL_GROWTH else " (missed)"
        peer = ""
        if name in peers:
            rows = statistics.median(peers[name]) * 1e3
            peer = f"{rows:9.1f} ms{rows / median:9.1f} x"
        print(f"{name:24}{len(taken):7}{median:7.1f} ms{p99:7.1f} ms{peer:22}  {verdict}")


def _print_error(url: str) -> None:
    """Compare the answers of rollups and rows; nobody writes meanwhile."""
    answers = [
        requests.get(f"{url}/performance?days={DAYS}&exact={exact}", timeout=600).json()
        for exact in ("false", "true")
    ]
    for name in ("duration", "api_latency", "db_time"):
        rolled_up, exact = (answer[name] for answer in answers)
        if rolled_up["count"] != exact["count"] or rolled_up["max"] != exact["max"]:
            sys.exit(f"{name}: rollups and rows do not have the same count and maximum")
        errors = [
            f"{share} {abs(rolled_up[share] / exact[share] - 1):.3%}"
            for share in ("p50", "p95", "p99")
        ]
        print(f"error of {name}, by rollups against exact: {', '.join(errors)}")


def _refuse(sink: str, reason: str, count: int = 1) -> None:
    raise RuntimeError(f"{sink} lost {count} rows: {reason}")


if __name__ == "__main__":
    main()
