"""Size and server time of each web page, with many runs in the table.

A real exporter answers. First one client asks for each page alone, which it has asked for before:
bytes, and the processor time of the exporter for one page, for a poll while nothing changes, and
for a poll after a line was added to a log, so that the page is rendered again. Then 8 clients ask
for all pages in turn while 4 processes write runs, as in ``runs_table.py``; after that one client
alone while they go on writing, which gives the processor time of each answer. Where Playwright and
Chromium are installed, a page is opened five times and the median of the first contentful paint is
given.

The peer is Flask with waitress alone: the same clients ask it for bare pages of the same sizes, and
ratios compare processor times. With a loaded machine, look at these: wall times include waiting.

Goals, as budgets of the pages: HTML at most 60 kB (20 kB with gzip), CSS 20 kB (6), JavaScript
25 kB (9), first paint 300 ms, 100 ms of processor time for 95 % of the answers, and 5 ms for a poll
without news.

Run: ``PYTHONPATH=tests python benchmarks/web_pages.py [--runs 10000000] [--databases sqlite
postgresql]``. Ten million runs take 7 GB a database, and a quarter of an hour to make. Pages of 10
GB of logs are measured by ``big_logs.py``.
"""

from __future__ import annotations

import argparse
import random
import re
import statistics
import time
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Final

from measured_server import Server, ask, bare_pages, cpu_of, unzipped
from real_exporter import exporter_process
from runs_table import CLIENTS, WRITERS, prepare, writers
from temporary_databases import Database, temporary_database, temporary_server

from canvas_sync_core.store.database import open_engine

PAGES: Final = {
    "overview": "/",
    "overview, 30 days": "/?from=30d&tz=Europe/Berlin",
    "runs": "/runs",
    "runs, failed": "/runs?from=30d&status=failed",
    "runs, machine": "/runs?host=sync-1",
    "run": "/runs/{run}",
    "incidents": "/incidents",
    "logs": "/logs",
    "logs, search": "/logs?text=Status:+502&log=api_calls",
    "canvas": "/canvas",
    "performance": "/performance",
    "upkeep": "/upkeep",
    "messages": "/messages",
}
ROUNDS: Final = 10
PAINTS: Final = 5
TIMES: Final = 40
"""How often each page is asked for while others write; a recurring job falls into some of them."""
STALE_SECONDS: Final = 2.1
"""After this time, a poll is answered with a page that is rendered again if anything changed."""
GOALS: Final = {"html": 60_000, "gzip": 20_000, "p95": 100.0, "poll": 5.0, "paint": 300.0}
ASSETS: Final = {"css": (20_000, 6_000), "js": (25_000, 9_000)}
Times = tuple[list[float], list[float]]
"""Those of a page, and of a bare one."""
CHROMIUM: Final = Path("/usr/bin/chromium")


def main() -> None:
    arguments = _arguments()
    with temporary_server(arguments.databases) as server:
        for kind in arguments.databases:
            with temporary_database(kind, server) as (folder, database):
                engine = open_engine(database.patient)
                prepare(engine, arguments.runs, seed=1)
                engine.dispose()
                measure(database, folder, arguments.runs, seconds=arguments.seconds)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=200_000, help="runs in the table")
    kinds = ["sqlite", "postgresql"]
    parser.add_argument("--databases", nargs="+", choices=kinds, default=kinds[:1])
    parser.add_argument("--seconds", type=float, default=20, help="how long the clients ask")
    return parser.parse_args()


def measure(database: Database, folder: Path, runs: int, *, seconds: float) -> None:
    """Measure all pages of an exporter whose logs are in the folder ``logs``."""
    paths = {name: path.format(run=runs // 2) for name, path in PAGES.items()}
    settings = {"CANVAS_SYNC_DATABASE_URL": database.url}
    with exporter_process(folder / "logs", **settings) as process, bare_pages() as bare:
        server = Server(*process)
        log = folder / "logs" / "operations.log"
        _warm_up(server, paths.values())
        _print_assets(server)
        print(
            f"\n{'':20}{'HTML':>8}{'gzip':>8}{'CPU':>9}{'bare':>8}{'ratio':>7}{'304':>9}{'again':>9}"
        )
        sizes = {name: _ask_alone(server, bare, name, path, log) for name, path in paths.items()}
        with writers(database, folder, 5):
            together = _ask_together(server, bare, paths, sizes, seconds)
            in_turn = {
                name: _ask_in_turn(server, bare, path, sizes[name]) for name, path in paths.items()
            }
        _print_figures(together)
        _print_processor_time(in_turn)
        for name, path in paths.items():
            _print_paint(name, server.url + path)


def _warm_up(server: Server, paths: Collection[str]) -> None:
    """Ask for all pages while the exporter's jobs run for the first time, and fill its caches."""
    for path in [*paths, *paths]:
        with server.connect() as connection:
            ask(connection, path)


def _print_assets(server: Server) -> None:
    with server.connect() as connection:
        text = unzipped(*ask(connection, "/")).decode()
        for name in sorted(set(re.findall(r"assets/[\w.-]+\.(?:css|js)", text))):
            response, body = ask(connection, f"/{name}")
            size, zipped = len(unzipped(response, body)), len(body)
            goals = ASSETS[name.rpartition(".")[2]]
            print(
                f"{name.rpartition('.')[2]}: {size:,} bytes (goal {goals[0]:,}), "
                f"with gzip {zipped:,} (goal {goals[1]:,}): "
                f"{_verdict(size <= goals[0] and zipped <= goals[1])}",
                flush=True,
            )


def _ask_alone(server: Server, bare: Server, name: str, path: str, log: Path) -> int:
    """Let one client ask for a page, report it, and return its size."""
    with server.connect() as connection, bare.connect() as other:
        response, body = ask(connection, path)
        text = unzipped(response, body)
        size = len(text)
        page = cpu_of(server, lambda: ask(connection, path))
        poller = Poller(server, connection, path, response.headers["ETag"] or "")
        for _ in range(2):  # what is fresh answers the next one without a look at the fingerprint
            poller.stale_poll(rounds=1)
        unchanged = poller.stale_poll(rounds=5)
        with log.open("a") as file:
            file.write("[2026-01-01 00:00:00] a line that no one knows\n")
        changed = poller.stale_poll(rounds=1)
        peer = cpu_of(bare, lambda: ask(other, f"/{size}"))
    # Pages that people search on do not poll.
    polling = f", 304 {_verdict(unchanged <= GOALS['poll'])}" if b" data-poll" in text else ""
    small = size <= GOALS["html"] and len(body) <= GOALS["gzip"]
    print(
        f"{name:20}{size:8,}{len(body):8,}{page:6.1f} ms{peer:5.1f} ms"
        f"{page / max(peer, 0.1):6.0f}x{unchanged:6.1f} ms{changed:6.1f} ms"
        f"  bytes {_verdict(small)}{polling}",
        flush=True,
    )
    return size


@dataclass(slots=True)
class Poller:
    """An open page, which asks whether it has changed.

    Attributes:
        tag: The entity tag of the newest answer.
    """

    server: Server
    connection: HTTPConnection
    path: str
    tag: str

    def stale_poll(self, rounds: int) -> float:
        """Return the processor time of a poll that comes some time after the one before."""
        time.sleep(STALE_SECONDS)
        return cpu_of(self.server, self._poll, rounds)

    def _poll(self) -> None:
        answer, _ = ask(self.connection, self.path, {"If-None-Match": self.tag})
        self.tag = answer.headers["ETag"] or ""


def _paint(url: str) -> float | None:
    """Return the median time of the first contentful paint; None without a browser."""
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415 - not needed otherwise
    except ImportError:
        return None
    if not CHROMIUM.exists():
        return None
    entry = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = browser.new_page()
        times = []
        for _ in range(PAINTS):
            page.goto(url)
            while (found := page.evaluate(entry)) is None:
                page.wait_for_timeout(50)
            times.append(float(found))
        browser.close()
    return statistics.median(times)


def _ask_together(
    server: Server,
    bare: Server,
    paths: Mapping[str, str],
    sizes: Mapping[str, int],
    seconds: float,
) -> dict[str, Times]:
    """Return wall times of all pages and of bare ones, in milliseconds, with many clients."""
    times: dict[str, Times] = {name: ([], []) for name in paths}
    until = time.monotonic() + seconds

    def visit(number: int) -> None:
        chance = random.Random(number)
        with server.connect() as connection, bare.connect() as other:
            while time.monotonic() < until:
                for name in chance.sample(list(paths), len(paths)):
                    times[name][0].append(_wall(connection, paths[name]))
                    times[name][1].append(_wall(other, f"/{sizes[name]}"))
                    time.sleep(0.1)

    before, bare_before = server.cpu, bare.cpu
    with ThreadPoolExecutor(CLIENTS) as clients:
        for client in [clients.submit(visit, number) for number in range(CLIENTS)]:
            client.result()
    answers = sum(len(own) for own, _ in times.values())
    own, peer = (server.cpu - before) / answers, (bare.cpu - bare_before) / answers
    print(
        f"\n{CLIENTS} clients while {WRITERS} processes write: {answers} answers, "
        f"{own:.1f} ms of processor time each, jobs included; a bare page {peer:.1f} ms "
        f"({own / peer:.0f}x)"
    )
    return times


def _wall(connection: HTTPConnection, path: str) -> float:
    began = time.perf_counter()
    ask(connection, path)
    return (time.perf_counter() - began) * 1e3


def _ask_in_turn(server: Server, bare: Server, path: str, size: int) -> Times:
    """Return processor times of a page and of a bare one, in milliseconds, with one client."""
    times: Times = ([], [])
    with server.connect() as connection, bare.connect() as other:
        for _ in range(TIMES):
            times[0].append(cpu_of(server, lambda: ask(connection, path), 1))
            times[1].append(cpu_of(bare, lambda: ask(other, f"/{size}"), 1))
    return times


def _print_figures(together: Mapping[str, Times]) -> None:
    print(f"{'wall time':20}{'asked':>7}{'p50':>10}{'p95':>10}{'p99':>10}{'bare p95':>11}")
    for name, (own, peer) in together.items():
        quantiles = statistics.quantiles(own, n=100)
        print(
            f"{name:20}{len(own):7}{statistics.median(own):7.0f} ms{quantiles[94]:7.0f} ms"
            f"{quantiles[98]:7.0f} ms{statistics.quantiles(peer, n=100)[94]:8.0f} ms",
            flush=True,
        )


def _print_processor_time(in_turn: Mapping[str, Times]) -> None:
    print(
        f"{'processor time':20}{'asked':>7}{'p50':>10}{'p95':>10}{'p99':>10}"
        f"{'bare p95':>11}{'ratio':>8}"
    )
    for name, (own, peer) in in_turn.items():
        p95, bare_p95 = (statistics.quantiles(each, n=20)[18] for each in (own, peer))
        p99 = statistics.quantiles(own, n=100, method="inclusive")[98]
        print(
            f"{name:20}{len(own):7}{statistics.median(own):7.1f} ms{p95:7.1f} ms"
            f"{p99:7.1f} ms{bare_p95:8.1f} ms{p95 / max(bare_p95, 0.1):7.0f}x"
            f"  p95 {_verdict(p95 <= GOALS['p95'])}",
            flush=True,
        )


def _print_paint(name: str, url: str) -> None:
    paint = _paint(url)
    if paint is not None:
        met = _verdict(paint <= GOALS["paint"])
        print(f"{name:20}first contentful paint after {paint:.0f} ms: {met}", flush=True)


def _verdict(met: bool) -> str:
    return "met" if met else "MISSED"


if __name__ == "__main__":
    main()
