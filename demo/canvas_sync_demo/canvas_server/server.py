"""The HTTP server, on loopback by default."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from .answers import Answer
from .faults import FaultPlan
from .request import Request
from .school import School, SchoolSize, make_school
from .service import Behaviour, DroppedError, Service

__all__ = ["CanvasServer", "simulated_tokens"]


def simulated_tokens(seed: int) -> dict[int, str]:
    """Access token by user id of a simulated Canvas in another process, by its seed."""
    return make_school(seed, SchoolSize()).tokens


class CanvasServer:
    """A simulated Canvas LMS, as a context manager.

    The same seed, size, plan and requests always give the same answers.

    Args:
        seed: Makes the data, and the changes of :meth:`evolve`.
        plan: What goes wrong, by user.
        behaviour: What differs between installations of Canvas.
        size: How much data there is.
        port: Where to listen; 0 for any free port.
        host: Address to listen on; another than loopback is for containers.
        clock: Seconds that never go back, for the throttle.

    Raises:
        OSError: The port is taken.
    """

    def __init__(
        self,
        seed: int = 1,
        *,
        plan: FaultPlan | None = None,
        behaviour: Behaviour | None = None,
        size: SchoolSize | None = None,
        port: int = 0,
        host: str = "127.0.0.1",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._closing = threading.Event()
        self._service = Service(
            make_school(seed, size or SchoolSize()),
            plan or FaultPlan(),
            behaviour or Behaviour(),
            seed=seed,
            clock=clock,
            pause=self._pause,
        )
        self._changes = random.Random(seed)  # noqa: S311 - changes must be repeatable, not secret
        self._server = _HttpServer(self._service, host, port)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="canvas-server"
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.close()

    @property
    def url(self) -> str:
        """The base URL on this machine, without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self._server.server_port

    @property
    def school(self) -> School:
        """The data, to compare with."""
        return self._service.school

    @property
    def tokens(self) -> Mapping[int, str]:
        """Access token by user id."""
        return self.school.tokens

    @property
    def secrets(self) -> frozenset[str]:
        """Every text in the data that must never reach a log, a row, a metric or a span."""
        return frozenset(self.school.secrets)

    @property
    def requests(self) -> dict[tuple[str, str, int | None], int]:
        """Requests by (method, route template, status); the status of a dropped one is None."""
        with self._service.lock:
            return dict(self._service.requests)

    def holds(self, user_id: int) -> bool:
        """Return whether a slow answer to this user is being delayed right now."""
        with self._service.lock:
            return self._service.held[user_id] > 0

    def evolve(self) -> None:
        """Let a day of term pass: some records change, some are new."""
        with self._service.lock:
            self.school.evolve(self._changes)

    def _pause(self, seconds: float) -> None:
        self._closing.wait(seconds)


class _HttpServer(ThreadingHTTPServer):
    """Closes connections that clients keep open, then waits for its threads when it stops."""

    daemon_threads = False

    def __init__(self, service: Service, host: str, port: int) -> None:
        self.service = service
        self._open: set[Any] = set()
        self._open_lock = threading.Lock()
        super().__init__((host, port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def close(self) -> None:
        with self._open_lock:
            for connection in self._open:
                with contextlib.suppress(OSError):  # the client was quicker
                    connection.shutdown(socket.SHUT_RDWR)
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    """Reads requests and writes answers; everything between is the service's."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _HttpServer

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):  # a client may go away at any time
            super().handle()

    def finish(self) -> None:
        with contextlib.suppress(ConnectionError):  # also while an answer is under way
            super().finish()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Write nothing: the service counts."""

    def do_GET(self) -> None:
        try:
            answer = self.server.service.answer(self._read())
        except DroppedError:
            self.close_connection = True
            with contextlib.suppress(OSError):  # the client was quicker
                self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self._write(answer)

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - names that the base class looks for

    def _read(self) -> Request:
        parts = urlsplit(self.path)
        length = int(self.headers.get("content-length") or 0)
        host = self.headers.get("host") or f"127.0.0.1:{self.server.server_port}"
        return Request(
            method=self.command,
            url=f"http://{host}{parts.path}",
            path=unquote(parts.path),
            query=tuple(parse_qsl(parts.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length),
        )

    def _write(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("content-type", answer.content_type)
        self.send_header("content-length", str(len(answer.body)))
        for name, value in answer.headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)
