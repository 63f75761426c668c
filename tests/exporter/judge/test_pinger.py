"""The heartbeat URL is called while everything is judged, whatever answers there."""

from __future__ import annotations

import logging
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from canvas_sync_core.names import IncidentKind
from canvas_sync_exporter.judge.judge import JudgeState
from canvas_sync_exporter.judge.pinger import Pinger

WELL = JudgeState(judged_at=datetime(2026, 3, 2, tzinfo=UTC))


class Service:
    """A server that keeps the paths that were called, and answers as a test wants."""

    def __init__(self) -> None:
        self.calls: queue.Queue[str] = queue.Queue()
        self.statuses: dict[str, int] = {}
        self.hangs = threading.Event()
        self.hangs.set()
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                service.calls.put(self.path)
                service.hangs.wait()
                status = service.statuses.get(self.path, 200)
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", f"{service.url}/moved")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def next_call(self) -> str:
        return self.calls.get(timeout=30)


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.hangs.set()
    made.server.shutdown()
    thread.join()
    made.server.server_close()


@contextmanager
def pinging(
    url: str, state: Callable[[], JudgeState], interval: float = 0.01, patience: float = 0.0
) -> Iterator[None]:
    pinger = Pinger(url, state, interval=interval, timeout=0.2, unjudged_patience=patience)
    pinger.start()
    try:
        yield
    finally:
        pinger.stop()


class Log(logging.Handler):
    """Returns the lines of the pinger one by one."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: queue.Queue[str] = queue.Queue()

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.put(record.getMessage())

    def next_line(self) -> str:
        return self.lines.get(timeout=30)


@pytest.fixture
def log() -> Iterator[Log]:
    handler = Log()
    logger = logging.getLogger("canvas_sync_exporter.judge.pinger")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)


def test_the_url_is_called_again_and_again_while_all_is_judged(service: Service) -> None:
    with pinging(f"{service.url}/key?create=1", lambda: WELL):
        assert [service.next_call() for _ in range(3)] == ["/key?create=1"] * 3


@pytest.mark.parametrize(
    "state",
    [
        replace(WELL, failure="OSError: no files"),
        replace(WELL, storage_failure="refused"),
        replace(WELL, unjudged=frozenset({IncidentKind.FAILING})),
        replace(WELL, seconds_since=100.0),
        JudgeState(seconds_since=100.0),
        JudgeState(failure="OSError: no files"),
    ],
)
def test_what_cannot_be_judged_is_reported_as_a_failure(
    service: Service, state: JudgeState
) -> None:
    with pinging(f"{service.url}/key?create=1", lambda: state):
        assert service.next_call() == "/key/fail?create=1"


def test_a_restart_is_not_reported_as_a_failure_while_not_everything_is_judged_yet(
    service: Service,
) -> None:
    starting = replace(WELL, unjudged=frozenset({IncidentKind.FAILING}))
    states = iter([starting] * 3)
    with pinging(f"{service.url}/key", lambda: next(states, WELL), patience=3600):
        assert service.next_call() == "/key"
    assert next(states, None) is None


def test_nothing_is_reported_before_the_first_judging(service: Service) -> None:
    states = iter([JudgeState(), JudgeState(), WELL])
    with pinging(f"{service.url}/key", lambda: next(states, WELL)):
        assert service.next_call() == "/key"
    assert next(states, None) is None


def test_a_redirect_is_followed(service: Service) -> None:
    service.statuses["/key"] = 302
    with pinging(f"{service.url}/key", lambda: WELL):
        assert [service.next_call(), service.next_call()] == ["/key", "/moved"]


def test_a_response_of_500_is_logged_once_without_the_key_and_so_is_the_recovery(
    service: Service, log: Log
) -> None:
    service.statuses["/secret-key"] = 500
    with pinging(f"{service.url}/secret-key", lambda: WELL):
        assert log.next_line() == "The heartbeat URL cannot be called: it responded with 500."
        for _ in range(3):
            service.next_call()
        service.statuses.clear()
        assert log.next_line() == "The heartbeat URL can be called again."


def test_a_service_that_hangs_is_given_up_and_called_again(service: Service, log: Log) -> None:
    service.hangs.clear()
    with pinging(f"{service.url}/key", lambda: WELL):
        assert "timed out" in log.next_line()
        service.next_call()
        service.next_call()
        service.hangs.set()
        assert "again" in log.next_line()


def test_a_name_that_does_not_exist_and_a_closed_port_are_logged(log: Log) -> None:
    with pinging("http://no-such-host.invalid/key", lambda: WELL):
        assert "cannot be called" in log.next_line()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        with pinging(f"http://127.0.0.1:{port}/key", lambda: WELL):
            line = log.next_line()
    assert "refused" in line
    assert "key" not in line


def test_a_response_that_is_not_http_is_survived(log: Log) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/key"
        with pinging(url, lambda: WELL):
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"garbage\r\n\r\n")
            assert "BadStatusLine" in log.next_line()


def test_it_opens_no_file(log: Log) -> None:
    with pinging("file:///etc/hostname", lambda: WELL):
        assert "cannot be called" in log.next_line()


def test_a_stopped_pinger_calls_no_more(service: Service) -> None:
    with pinging(f"{service.url}/key", lambda: WELL, interval=3600):
        service.next_call()
    assert service.calls.empty()
