"""A real HTTP server on loopback that gives prepared answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["Answer", "AnswerServer", "answering"]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; ``hang`` keeps the client waiting until the server is closed.

    It has the ``Date`` of now unless the headers have another.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | bytes = "[]"
    hang: bool = False


class AnswerServer(ThreadingHTTPServer):
    """Answers by path; a list of answers is given one after the other, its last one forever."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, list[Answer]] = {}
        self.requests: list[tuple[str, str]] = []
        self.headers: list[Mapping[str, str]] = []
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        """Its root, without a slash at the end."""
        return f"http://127.0.0.1:{self.server_port}"

    def next_answer(self, method: str, target: str) -> Answer:
        """Note a request and choose its answer."""
        self.requests.append((method, target))
        answers = self.answers.get(target.partition("?")[0], [Answer(404, body="{}")])
        return answers.pop(0) if len(answers) > 1 else answers[0]


class _Handler(BaseHTTPRequestHandler):
    server: AnswerServer
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.headers.append(dict(self.headers.items()))
        answer = self.server.next_answer(self.command, self.path)
        if answer.hang:
            self.server.closing.wait()
            self.close_connection = True
            return
        body = answer.body.encode() if isinstance(answer.body, str) else answer.body
        (self.send_response_only if "Date" in answer.headers else self.send_response)(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - named by http.server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - named by http.server
        """Stay silent."""


@contextmanager
def answering() -> Iterator[AnswerServer]:
    """Run a server in a thread of its own."""
    server = AnswerServer()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()
