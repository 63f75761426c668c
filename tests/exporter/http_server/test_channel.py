"""One connection, as the server's loop sees it."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
from waitress.server import TcpWSGIServer

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
        serving_as_exporter(_app) as url,
        closing(HTTPConnection(urlsplit(url).netloc, timeout=60)) as client,
    ):
        client.request("GET", "/")
        assert client.getresponse().read() == b"hello"
    assert while_sending == [False] * len(while_sending) != []


def test_the_loop_sends_on_as_soon_as_it_is_woken_to_do_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A thread wakes it while it still holds the lock; if it slept on, the client would wait."""
    send, wake = Channel.send, TcpWSGIServer.pull_trigger
    refused: list[bytes] = []
    when_woken: list[bool] = []

    def refuse_first(channel: Channel, data: bytes, do_close: bool = True) -> int:
        if not refused:
            refused.append(data)
            return 0
        return send(channel, data, do_close)

    def noted(server: Any) -> None:
        if refused and not when_woken:
            (channel,) = server.active_channels.values()
            with ThreadPoolExecutor(1) as loop:
                when_woken.append(loop.submit(channel.writable).result(60))
        wake(server)

    monkeypatch.setattr(Channel, "send", refuse_first)
    monkeypatch.setattr(TcpWSGIServer, "pull_trigger", noted)
    with (
        serving_as_exporter(_app) as url,
        closing(HTTPConnection(urlsplit(url).netloc, timeout=60)) as client,
    ):
        client.request("GET", "/")
        assert client.getresponse().read() == b"hello"
    assert when_woken == [True]
