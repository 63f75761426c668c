"""A receiver of messages over HTTP, on loopback, that answers as a test wants."""

from __future__ import annotations

import queue
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import parse_headers
from io import BufferedReader
from pathlib import Path
from subprocess import run

__all__ = ["Received", "Receiver", "certificate", "http_answer", "receiving"]


@dataclass(frozen=True)
class Received:
    """A request that arrived.

    Attributes:
        path: Of its URL.
        headers: With names in lower case.
        body: Its body.
    """

    path: str
    headers: Mapping[str, str]
    body: bytes


def http_answer(status: int = 200, body: bytes = b"ok", **headers: str) -> bytes:
    """Return an answer; in names of headers ``_`` stands for ``-``."""
    lines = [f"HTTP/1.1 {status} Because", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Receiver:
    """The server.

    Attributes:
        answer: Makes the answer to a request, in the parts that are sent; between two of them the
            server waits for ``pause`` seconds, or until the client has gone.
        pause: See there.
        requests: What has arrived.
        gone: Set when a client has closed its connection before the whole answer was sent.
    """

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.answer: Callable[[Received], Iterator[bytes] | list[bytes]] = lambda _: [http_answer()]
        self.pause = 0.0
        self.requests: queue.Queue[Received] = queue.Queue()
        self.gone = threading.Event()
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def answers(self, *parts: bytes, pause: float = 0.0) -> None:
        """Answer each request with these parts."""
        self.answer, self.pause = lambda _: list(parts), pause

    def stop(self) -> None:
        """Stop it."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        threads = []
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                break
            threads.append(threading.Thread(target=self._handle, args=(connection,)))
            threads[-1].start()
        for thread in threads:
            thread.join()

    def _handle(self, connection: socket.socket) -> None:
        try:
            with self._wrapped(connection) as wrapped, wrapped.makefile("rb") as stream:
                self._exchange(wrapped, stream)
        except OSError:
            self.gone.set()

    def _wrapped(self, connection: socket.socket) -> socket.socket:
        if self._context is None:
            return connection
        try:
            return self._context.wrap_socket(connection, server_side=True)
        except OSError:
            connection.close()
            raise

    def _exchange(self, connection: socket.socket, stream: BufferedReader) -> None:
        first = stream.readline().split()
        if len(first) < 2:
            self.gone.set()
            return
        headers = {name.lower(): value for name, value in parse_headers(stream).items()}
        body = stream.read(int(headers.get("content-length", 0)))
        received = Received(first[1].decode(), headers, body)
        self.requests.put(received)
        connection.settimeout(self.pause or None)
        for part in self.answer(received):
            connection.sendall(part)
            if self.pause and self._has_gone(connection):
                self.gone.set()
                return

    @staticmethod
    def _has_gone(connection: socket.socket) -> bool:
        try:
            return connection.recv(1) == b""
        except TimeoutError:
            return False


@contextmanager
def receiving(context: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Run a receiver while the block lasts."""
    receiver = Receiver(context)
    try:
        yield receiver
    finally:
        receiver.stop()


def certificate(folder: Path, *names: str) -> tuple[ssl.SSLContext, Path]:
    """Make a certificate for some names; return a server's context and the file to trust."""
    key, file = folder / "key.pem", folder / "certificate.pem"
    made_for = ",".join(names or ("IP:127.0.0.1", "DNS:localhost"))
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += [
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=test",
        "-addext",
        f"subjectAltName={made_for}",
    ]
    command += ["-keyout", str(key), "-out", str(file)]
    run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, key)
    return context, file
