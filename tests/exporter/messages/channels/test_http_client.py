"""Requests are bounded in time and size, follow no redirects, and never show their URL."""

from __future__ import annotations

import itertools
import socket
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from canvas_sync_exporter.messages.channel import DeliveryError
from canvas_sync_exporter.messages.channels.http_client import Answer, post, raise_for_status
from support.message_server import Receiver, certificate, http_answer, receiving

SECRET = "T0Secret4711"
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


class NoonClock:
    def time(self) -> float:
        return NOW.timestamp()

    def monotonic(self) -> float:
        return 0.0


def _send(receiver: Receiver, seconds: float = 30.0) -> Answer:
    url = f"{receiver.url}/{SECRET}"
    answer = post(url, b"{}", {"Authorization": SECRET}, seconds=seconds)
    raise_for_status(answer, url, NoonClock())
    return answer


def _failure(receiver: Receiver, seconds: float = 30.0) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        _send(receiver, seconds)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    return caught.value


def test_a_request_is_sent_and_its_answer_returned() -> None:
    with receiving() as receiver:
        answer = _send(receiver)
        request = receiver.requests.get()
    assert (answer.status, answer.body) == (200, b"ok")
    assert (request.path, request.body) == (f"/{SECRET}", b"{}")
    assert request.headers["user-agent"].startswith("canvas-sync-monitor/")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 413, 415, 422, 451, 499])
def test_a_request_that_is_rejected_is_not_repeated(status: int) -> None:
    with receiving() as receiver:
        receiver.answers(http_answer(status, SECRET.encode()))
        failure = _failure(receiver)
    assert failure.is_permanent
    assert f"127.0.0.1 responded with {status}" in str(failure)


@pytest.mark.parametrize("status", [408, 409, 421, 423, 425, 429, 500, 502, 503, 504, 599])
def test_a_server_that_is_busy_or_broken_gets_another_attempt(status: int) -> None:
    with receiving() as receiver:
        receiver.answers(http_answer(status, SECRET.encode()))
        failure = _failure(receiver)
    assert not failure.is_permanent
    assert not failure.may_have_arrived
    assert failure.retry_after is None


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30", 30),
        (" 1.5 ", 1.5),
        ("0", 0),
        (format_datetime(NOW + timedelta(minutes=5), usegmt=True), 300),
        ("Sunday, 29-Nov-26 12:05:00 GMT", 300),
        ("Sun Nov 29 12:05:00 2026", 300),
        (format_datetime(NOW - timedelta(minutes=5), usegmt=True), 0),
        ("999999999", 86_400),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400),
        ("-1", None),
        ("soon", None),
        ("inf", None),
        ("9" * 400, None),
        ("Mon, 99 Foo 2026", None),
        ("", None),
    ],
)
def test_a_server_says_how_long_to_wait(status: int, value: str, seconds: float | None) -> None:
    with receiving() as receiver:
        receiver.answers(http_answer(status, Retry_After=value))
        assert _failure(receiver).retry_after == seconds


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with receiving() as receiver, receiving() as other:
        receiver.answers(http_answer(status, Location=f"{other.url}/{SECRET}"))
        failure = _failure(receiver)
        assert other.requests.empty()
        assert receiver.requests.qsize() == 1
    assert failure.is_permanent == (status in {301, 308})
    assert "configure the URL that it redirects to" in str(failure)


@pytest.mark.parametrize(
    "parts",
    [
        [b""],
        [b"\x00\xff\xfegarbage\r\n\r\n"],
        [b"SSH-2.0-OpenSSH_9.2\r\n"],
        [b"HTTP/1.1 abc OK\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort"],
        [b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 500 + b"\r\n"],
        [b"HTTP/1.1 200 " + b"x" * 100_000],
    ],
)
def test_garbage_gets_another_attempt(parts: list[bytes]) -> None:
    with receiving() as receiver:
        receiver.answers(*parts)
        failure = _failure(receiver)
    assert not failure.is_permanent
    assert failure.may_have_arrived


def test_a_huge_answer_is_not_read_to_its_end() -> None:
    with receiving() as receiver:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n"
        receiver.answer = lambda _: itertools.chain([head], itertools.repeat(b"x" * 65536))
        assert len(_send(receiver).body) == 64 * 1024
        assert receiver.gone.wait(60)


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [b"H", b"T", b"T", b"P"],
        [b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 90],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n", *[b"x"] * 80],
    ],
)
def test_a_server_that_answers_slowly_is_abandoned_when_the_time_is_up(parts: list[bytes]) -> None:
    for seconds in (0.3, 1, 3, 10, 30):  # a loaded machine may need longer to send the request
        with receiving() as receiver:
            endless = itertools.chain(parts, itertools.repeat(b""))
            receiver.answer, receiver.pause = (lambda _, each=endless: each), 0.02  # type: ignore[misc]
            failure = _failure(receiver, seconds)
            assert receiver.gone.wait(60)  # the connection does not stay open
        assert not failure.is_permanent
        assert "no complete answer in time" in str(failure)
        if failure.may_have_arrived:
            return
    pytest.fail("the request is never transmitted")


def test_a_server_that_refuses_connections_gets_another_attempt() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}/{SECRET}"
        with pytest.raises(DeliveryError, match=r"127\.0\.0\.1: Connection refused") as caught:
            post(url, b"", {})
    assert not caught.value.is_permanent
    assert not caught.value.may_have_arrived


def test_a_certificate_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, file = certificate(tmp_path)
    with receiving(context) as receiver:
        failure = _failure(receiver)
        assert "certificate is not valid" in str(failure)
        assert not failure.is_permanent  # it may be renewed
        assert not failure.may_have_arrived
        assert receiver.requests.empty()
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        assert _send(receiver).status == 200


def test_a_certificate_for_another_host_is_not_valid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, file = certificate(tmp_path, "DNS:other.example.edu")
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with receiving(context) as receiver:
        assert "certificate is not valid" in str(_failure(receiver))
        assert receiver.requests.empty()


def test_a_server_without_encryption_gets_no_request_by_https() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_greet, args=(listener,))
        thread.start()
        with pytest.raises(DeliveryError, match="encrypted connection failed") as caught:
            post(f"https://127.0.0.1:{listener.getsockname()[1]}/{SECRET}", b"", {})
        thread.join()
    assert not caught.value.is_permanent


def _greet(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.sendall(b"220 mail.example.edu ESMTP\r\n")
        connection.recv(65536)


def test_a_proxy_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        answer = post("http://hooks.example.edu/x", b"", {})
        assert proxy.requests.get().path == "http://hooks.example.edu/x"
    assert answer.status == 200
