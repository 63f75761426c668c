"""Clients that are slow, silent or half gone keep nobody else from an answer."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import requests

from support.raw_http import connected, exchange, read_to_end
from support.serve_process import COMMAND, ServeProcess, serve_process

HEALTH = "/api/canvas/metrics/health"
GET_HEALTH = f"GET {HEALTH} HTTP/1.1\r\nHost: localhost\r\n".encode()
MANY = 450
"""Far more connections than the server holds open."""

FIRST_BYTES = {
    "nothing": b"",
    "a part of the request line": b"GET /api",
    "a request without its end": GET_HEALTH,
    "a body without its end": GET_HEALTH + b"Content-Length: 100\r\n\r\n{",
    "chunks without an end": GET_HEALTH + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n",
}


@contextmanager
def _many_connections(exporter: ServeProcess, first: bytes) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        connections = []
        for _ in range(MANY):
            connection = stack.enter_context(connected(exporter.address))
            connection.sendall(first)
            connections.append(connection)
        yield connections


def _seconds_of_health(exporter: ServeProcess) -> float:
    began = time.monotonic()
    assert requests.get(exporter.url + HEALTH, timeout=30).status_code == 200
    return time.monotonic() - began


def _is_quick(exporter: ServeProcess) -> bool:
    """Whether health answers within a second; a loaded machine gets some more attempts."""
    return any(_seconds_of_health(exporter) < 1 for _ in range(5))


@pytest.mark.parametrize("first", FIRST_BYTES)
def test_health_answers_within_a_second_beside_hundreds_of_connections(
    exporter: ServeProcess, first: str
) -> None:
    with _many_connections(exporter, FIRST_BYTES[first]):
        assert _is_quick(exporter)


def test_health_answers_beside_connections_that_trickle(exporter: ServeProcess) -> None:
    stopping = threading.Event()

    def trickle(connections: list[socket.socket]) -> None:
        while not stopping.wait(0.1):
            for connection in connections:
                try:
                    connection.sendall(b"X: y\r\n")
                except OSError:  # closed, as it should be
                    continue

    with _many_connections(exporter, GET_HEALTH) as connections:
        thread = threading.Thread(target=trickle, args=(connections,))
        thread.start()
        try:
            assert _is_quick(exporter)
        finally:
            stopping.set()
            thread.join()


def test_health_answers_beside_clients_that_do_not_read(exporter: ServeProcess) -> None:
    request = b"GET /api/canvas/docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with _many_connections(exporter, request):
        assert _is_quick(exporter)


def test_a_client_in_time_is_answered_while_others_are_slow(exporter: ServeProcess) -> None:
    """It sends its request in parts, and keeps its connection."""
    with connected(exporter.address) as connection:
        for _ in range(2):
            for part in (GET_HEALTH[:10], GET_HEALTH[10:], b"\r\n"):
                connection.sendall(part)
                time.sleep(0.05)
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("version", [b"HTTP/1.0", b"HTTP/1.1"])
def test_a_client_that_has_closed_its_side_gets_its_answer(
    exporter: ServeProcess, version: bytes
) -> None:
    request = GET_HEALTH.replace(b"HTTP/1.1", version) + b"\r\n"
    answer = exchange(exporter.address, request, half_close=True)
    assert answer.status == 200
    assert answer.body.endswith(b"}")


def test_a_request_cut_short_ends_its_connection(exporter: ServeProcess) -> None:
    assert exchange(exporter.address, GET_HEALTH, half_close=True).status == 0


def test_a_request_that_takes_too_long_is_reported(tmp_path: Path) -> None:
    """By a process with less patience, so that the test need not wait for 20 seconds."""
    impatient = (
        "import sys; from canvas_sync_exporter.http_server import channel; "
        "channel.REQUEST_SECONDS = 1.0; "
        "from canvas_sync_exporter.cli import main; sys.exit(main())"
    )
    with serve_process(tmp_path, command=[sys.executable, "-c", impatient]) as served:
        for first in filter(None, FIRST_BYTES.values()):
            answer = exchange(served.address, first)
            assert answer.status == 408
            assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_stream_ends_when_its_client_closes_its_side(exporter: ServeProcess) -> None:
    request = b"GET /api/canvas/metrics/logs/tail HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for _ in range(12):  # three times as many as may listen at a time
        with connected(exporter.address) as connection:
            connection.sendall(request)
            assert connection.recv(15) == b"HTTP/1.1 200 OK"
            connection.shutdown(socket.SHUT_WR)
            assert read_to_end(connection) is not None


def test_a_low_limit_of_descriptors_keeps_no_client_from_an_answer(tmp_path: Path) -> None:
    few = ["sh", "-c", 'ulimit -n 128; exec "$@"', "sh", *COMMAND]
    with serve_process(tmp_path, command=few) as served, _many_connections(served, b""):
        assert _is_quick(served)
        before = _cpu_seconds(served)
        time.sleep(1)
        assert _cpu_seconds(served) - before < 0.5  # it does not try to accept over and over


def _cpu_seconds(served: ServeProcess) -> float:
    fields = Path(f"/proc/{served.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
