"""Cheap questions by 8 and by 32 clients at once: requests a second, how long, how many get 503.

It also tells the processor time that an answer takes the server, which is what bounds its rate: a
server in one process answers at most as many a second as fit into a second of one core.

A real exporter with ``--rows`` runs answers ``recent`` and ``failed`` to clients that ask again as
soon as they have the answer. Beside it the same clients ask a Flask app behind waitress that says
hello. Clients and servers share the machine's cores.

Goals: 32 clients get 503 for less than 1 % of their requests; 1,000 requests a second.

Run: ``PYTHONPATH=tests python benchmarks/rest_burst.py``
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from child_processes import child_process
from real_exporter import cpu_seconds, exporter_process
from runs_table import prepare

from canvas_sync_core.store.database import open_engine
from canvas_sync_exporter.settings import configuration

API = "/api/canvas/metrics"
PATHS = (f"{API}/recent", f"{API}/failed")
CLIENTS = (8, 32)
GOAL_REFUSED = 0.01
GOAL_RATE = 1_000
PEER = """
from flask import Flask
from waitress.server import create_server
app = Flask("hello")
app.get("/")(lambda: "hello")
server = create_server(app, host="127.0.0.1", port=0, threads=16)
print(f"http://127.0.0.1:{server.effective_port}", flush=True)
server.run()
"""


class Answer(NamedTuple):
    """The status of an answer, and how long it took."""

    status: int
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=5, help="how long the clients ask")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        _fill(folder, arguments.rows)
        exporter = stack.enter_context(exporter_process(folder))
        peer = stack.enter_context(_peer())
        for clients in CLIENTS:
            for (url, pid), path in (*((exporter, path) for path in PATHS), (peer, "/")):
                before = cpu_seconds(pid)
                answers = _ask(url, path, clients, arguments.seconds)
                cpu = (cpu_seconds(pid) - before) / len(answers)
                _print_figures(clients, path, answers, cpu, arguments.seconds)


def _fill(folder: Path, rows: int) -> None:
    """Fill the table, and roll it up: the exporter would still be busy with that."""
    settings = configuration({"CANVAS_SYNC_LOG_DIR": str(folder)}).app
    settings.state_folder.mkdir(parents=True)
    engine = open_engine(settings.resolved_database_url)
    prepare(engine, rows, seed=1)
    engine.dispose()


@contextmanager
def _peer() -> Iterator[tuple[str, int]]:
    with child_process(
        [sys.executable, "-c", PEER],
        stderr=subprocess.DEVNULL,  # waitress tells each request that has to wait
    ) as hello:
        assert hello.stdout is not None
        yield hello.stdout.readline().strip(), hello.pid


def _ask(url: str, path: str, clients: int, seconds: float) -> list[Answer]:
    until = time.monotonic() + seconds
    with ThreadPoolExecutor(clients) as pool:
        counts = [pool.submit(_client, url, path, until) for _ in range(clients)]
        return [answer for each in counts for answer in each.result()]


def _client(url: str, path: str, until: float) -> list[Answer]:
    connection = HTTPConnection(urlsplit(url).netloc, timeout=60)
    answers = []
    while (start := time.monotonic()) < until:
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        answers.append(Answer(response.status, time.monotonic() - start))
    connection.close()
    return answers


def _print_figures(
    clients: int, path: str, answers: list[Answer], cpu: float, seconds: float
) -> None:
    statuses = Counter(answer.status for answer in answers)
    rate = statuses[200] / seconds
    refused = statuses[503] / statuses.total()
    quantiles = statistics.quantiles((answer.seconds for answer in answers), n=100)
    goals = (
        ""
        if path == "/"
        else (
            f"; {'met' if rate >= GOAL_RATE else 'missed'}, "
            f"{'met' if refused < GOAL_REFUSED else 'missed'}"
        )
    )
    print(
        f"{clients:3} clients, {path:30}{rate:8.0f} a second, median{quantiles[49] * 1e3:6.1f} ms,"
        f" p99{quantiles[98] * 1e3:6.1f} ms, CPU{cpu * 1e3:5.2f} ms, {refused:6.1%} got 503{goals}"
    )


if __name__ == "__main__":
    main()
