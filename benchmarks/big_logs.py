"""What pages and endpoints take to answer from one log of many gigabytes.

A real exporter has an ``api_calls.log`` with the calls of 30 days up to now, by default 2 GB. One
client asks for the histogram, a search in a minute of the middle, a text that is in no line within
a minute and within everything, the lines of one run, the page ``/logs``, and follows the log, to
which a line is added then. The figures are processor times of the exporter, the medians of twenty
rounds and their 99th percentiles, beside the median of the peer: Flask with waitress alone, asked
for bare pages of the same sizes.

Goals, as budgets of the pages: a histogram 50 ms a GB, the lines of a run 500 ms, a first paint
100 ms, and a search that stops after a second with the word how far it came.

Run: ``PYTHONPATH=tests python benchmarks/big_logs.py [--gigabytes 10]``. Writing 10 GB takes some
minutes.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Final
from urllib.parse import quote

from log_analysis import line
from measured_server import Server, ask, bare_pages, cpu_of, cpu_times, unzipped
from real_exporter import exporter_process
from spread import p99

from canvas_sync_core.store.database import open_engine, upgrade

API: Final = "/api/canvas/metrics"
DAYS: Final = 30
ROUNDS: Final = 20
VARIANTS: Final = 20_000
HEAD: Final = len('{"timestamp":"')
TIME: Final = len("2026-01-01T00:00:00.000000Z")
RUN_SECONDS: Final = 720
_RUN: Final = re.compile(r"nightly-\d+")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--gigabytes", type=float, default=2.0, help="size of api_calls.log")
    gigabytes = parser.parse_args().gigabytes
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        logs = folder / "logs"
        logs.mkdir()
        began = time.perf_counter()
        lines = fill(logs / "api_calls.log", int(gigabytes * 1e9))
        seconds = time.perf_counter() - began
        print(f"{lines:,} lines of {gigabytes:g} GB written in {seconds:.0f} s", flush=True)
        measure(folder, gigabytes)


def fill(log: Path, size: int) -> int:
    """Write lines of the last 30 days, evenly; a run has the calls of 12 minutes."""
    chance = random.Random(1)
    samples = [line(number, datetime.now(UTC), chance) for number in range(VARIANTS)]
    parts = [_RUN.split(each[HEAD + TIME :], maxsplit=1) for each in samples]
    count = size * VARIANTS // sum(map(len, samples))
    begin, step = datetime.now(UTC) - timedelta(days=DAYS), DAYS * 86_400_000_000 // count
    second, stamp = -1, ""
    with log.open("w", buffering=1 << 20) as file:
        for number in range(count):
            now, micros = divmod(number * step, 1_000_000)
            if now != second:
                second, stamp = now, f"{begin + timedelta(seconds=now):%Y-%m-%dT%H:%M:%S}"
            before, after = parts[number % VARIANTS]
            run = now // RUN_SECONDS
            file.write(f'{{"timestamp":"{stamp}.{micros:06}Z{before}nightly-{run}{after}')
    return count


def measure(folder: Path, gigabytes: float) -> None:
    """Ask an exporter with these logs, and the peer."""
    logs, url = folder / "logs", f"sqlite:///{folder / 'runs.sqlite3'}"
    engine = open_engine(url)
    upgrade(engine)
    engine.dispose()
    middle = datetime.now(UTC) - timedelta(days=DAYS / 2)
    since, until = _times(middle, timedelta(minutes=1))
    # A page of a run knows when it began and ended.
    begin, end = _times(middle - timedelta(seconds=RUN_SECONDS), timedelta(seconds=RUN_SECONDS * 2))
    run = f"nightly-{DAYS * 86_400 // RUN_SECONDS // 2}"
    search = f"{API}/logs/search?limit=100"
    with exporter_process(logs, CANVAS_SYNC_DATABASE_URL=url) as process, bare_pages() as bare:
        server = Server(*process)
        for title, path, goal in (
            ("histogram of 30 days", f"{API}/logs/histogram?from=30d", 50 * gigabytes),
            ("lines of a minute", f"{search}&from={since}&to={until}", 100),
            ("no hit in a minute", f"{search}&text=teapot&from={since}&to={until}", 100),
            ("lines of a run", f"{search}&task_id={run}&from={begin}&to={end}", 500),
            ("/logs", "/logs?from=30d", 100 + 50 * gigabytes),
            ("/logs, a minute", f"/logs?from={since}&to={until}", 100),
        ):
            _print_figures(server, bare, title, path, goal)
        _print_speed(server, f"{search}&text=teapot")
        _print_tail(server, logs / "api_calls.log")


def _print_figures(server: Server, bare: Server, title: str, path: str, goal: float) -> None:
    with server.connect() as connection, bare.connect() as other:
        size, lines = _read(connection, path)
        times = cpu_times(server, lambda: _read(connection, path), ROUNDS)
        peer = cpu_of(bare, lambda: ask(other, f"/{size}"), ROUNDS)
    own = statistics.median(times)
    print(
        f"{title:22}{own:8.1f} ms, p99{p99(times):8.1f} ms"
        f"{peer:6.1f} ms{own / max(peer, 0.1):8.0f}x"
        f"  goal {goal:.0f} ms: {'met' if own <= goal else 'MISSED'}"
        f"{'' if lines is None else f', {lines} lines'}",
        flush=True,
    )


def _read(connection: HTTPConnection, path: str) -> tuple[int, int | None]:
    """Read an answer, for a search page after page until there are lines or no more pages.

    On a busy machine, the second that a page may take ends before much was read.

    Returns:
        The size of the last page, and the number of its lines.
    """
    content = unzipped(*ask(connection, path))
    if not path.startswith(f"{API}/logs/search"):
        return len(content), None
    page = json.loads(content)
    if page["items"] or page["next"] is None:
        return len(content), len(page["items"])
    return _read(connection, f"{path.partition('&cursor=')[0]}&cursor={quote(page['next'])}")


def _print_speed(server: Server, path: str) -> None:
    """Say how much of the log a page of a search without a hit reads."""
    with server.connect() as connection:
        before, began = server.cpu, time.perf_counter()
        page = json.loads(unzipped(*ask(connection, path)))
        seconds, own = time.perf_counter() - began, server.cpu - before
        if page["next"] is None:  # a fast machine has read a small log within the second
            print(f"{'no hit, whole log':22}{own:8.1f} ms in {seconds:.2f} s", flush=True)
            return
        following = json.loads(unzipped(*ask(connection, f"{path}&cursor={quote(page['next'])}")))
    read = (page["bytes_left"] - following["bytes_left"]) / 1e6
    print(
        f"{'no hit, one page':22}{own:8.1f} ms in {seconds:.2f} s, searched to "
        f"{page['searched_to']}; the next page read {read:.0f} MB",
        flush=True,
    )


def _print_tail(server: Server, log: Path) -> None:
    with server.connect() as connection:
        before = server.cpu
        connection.request("GET", f"{API}/logs/tail?log=api_calls&lines=1")
        response = connection.getresponse()
        _read_event(response)
        shown = server.cpu - before
        with log.open("a") as file:
            file.write(line(1, datetime.now(UTC), random.Random(2)))
        began = time.perf_counter()
        _read_event(response)
        waited = time.perf_counter() - began
    print(f"{'tail':22}{shown:8.1f} ms until the first line; a new one came after {waited:.2f} s")


def _read_event(response: object) -> None:
    while not response.readline().startswith(b"data:"):  # type: ignore[attr-defined]
        pass


def _times(begin: datetime, length: timedelta) -> tuple[str, str]:
    begin_text, end_text = (f"{each:%Y-%m-%dT%H:%M:%SZ}" for each in (begin, begin + length))
    return begin_text, end_text


if __name__ == "__main__":
    main()
