"""Asks a server for answers, and measures the processor time that they take it."""

from __future__ import annotations

import gzip
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from child_processes import child_process

__all__ = ["Server", "ask", "bare_pages", "cpu_of", "cpu_times", "unzipped"]

ROUNDS: Final = 10


@dataclass(frozen=True, slots=True)
class Server:
    """A server, and its process."""

    url: str
    pid: int

    @property
    def cpu(self) -> float:
        """Processor time that its threads have used, in milliseconds."""
        threads = Path(f"/proc/{self.pid}/task").glob("*/schedstat")
        return sum(int(each.read_text().split()[0]) for each in threads) / 1e6

    def connect(self) -> closing[HTTPConnection]:
        """Open a connection."""
        return closing(HTTPConnection(urlsplit(self.url).netloc, timeout=600))


@contextmanager
def bare_pages() -> Iterator[Server]:
    """Start the peer: Flask with waitress alone."""
    command = [sys.executable, str(Path(__file__).with_name("bare_pages.py"))]
    with child_process(command) as process:
        assert process.stdout is not None
        yield Server(process.stdout.readline().strip(), process.pid)


def ask(
    connection: HTTPConnection, path: str, headers: Mapping[str, str] | None = None
) -> tuple[HTTPResponse, bytes]:
    """Return an answer and its body, which may be compressed."""
    connection.request("GET", path, headers={"Accept-Encoding": "gzip", **(headers or {})})
    response = connection.getresponse()
    body = response.read()
    if response.status not in (200, 304):
        raise RuntimeError(
            f"{path} was answered with {response.status}: {unzipped(response, body)[-800:]!r}"
        )
    return response, body


def unzipped(response: HTTPResponse, body: bytes) -> bytes:
    """Return the body of an answer."""
    return gzip.decompress(body) if response.headers["Content-Encoding"] == "gzip" else body


def cpu_of(server: Server, request: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Return the processor time of a server for one answer in milliseconds, the median of some.

    Now and then a recurring job of the server falls into one of them.
    """
    return statistics.median(cpu_times(server, request, rounds))


def cpu_times(server: Server, request: Callable[[], object], rounds: int) -> list[float]:
    """Return the processor times of a server for so many answers, in milliseconds."""
    times = []
    for _ in range(rounds):
        before = server.cpu
        request()
        times.append(server.cpu - before)
    return times
