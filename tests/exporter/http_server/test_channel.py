"""One connection, as the server's loop sees it."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from typing import Any

import pytest

from canvas_sync_exporter.http_server.channel import Channel
from support.exporter_server import serving_as_exporter


def _app(_environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Length", "5")])
    return [b"hello"]


def test_the_loop_does_not_wait_for_a_socket_that_a_thread_writes_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It would be ready at once, again and again, for as long as that thread takes."""
    send = Channel.send
    while_sending: list[bool] = []

    def noted(channel: Channel, data: bytes, do_close: bool = True) -> int:
        with ThreadPoolExecutor(1) as loop:
            while_sending.append(loop.submit(channel.writable).result(60))
        return send(channel, data, do_close)

    monkeypatch.setattr(Channel, "send", noted)
    with (
        serving_as_exporter(_app) as port,
        closing(HTTPConnection("127.0.0.1", port, timeout=60)) as client,
    ):
        client.request("GET", "/")
        assert client.getresponse().read() == b"hello"
    assert while_sending == [False] * len(while_sending) != []
