"""The end of the server."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterable
from contextlib import closing
from http.client import HTTPConnection
from typing import Any, BinaryIO

import pytest

from canvas_sync_exporter.http_server import HttpServer, listen

_BODY = b"x" * 2_000_000
"""Long enough that it waits for its client in a temporary file."""


def _app(_environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Length", str(len(_BODY)))])
    return [_BODY]


def test_temporary_files_of_long_answers_are_closed_with_the_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[BinaryIO] = []
    real = tempfile.TemporaryFile

    def noted(*arguments: Any, **options: Any) -> BinaryIO:
        made.append(real(*arguments, **options))
        return made[-1]

    monkeypatch.setattr("tempfile.TemporaryFile", noted)
    sockets = listen("127.0.0.1", 0)
    server = HttpServer(_app, sockets)
    stopping = threading.Event()
    thread = threading.Thread(target=lambda: server.run(lambda: not stopping.is_set()))
    thread.start()
    with closing(HTTPConnection("127.0.0.1", sockets[0].getsockname()[1], timeout=60)) as client:
        client.request("GET", "/")
        assert client.getresponse().read() == _BODY
        stopping.set()
        server.wake()
        thread.join()
        server.close()
    assert [file.closed for file in made] == [True] * len(made) != []
    for each in sockets:
        each.close()
