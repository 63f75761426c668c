"""What is no proper request gets a clear answer, as a problem, over a real socket."""

from __future__ import annotations

import contextlib
import json
import ssl

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from canvas_sync_exporter.web.headers import SECURITY_HEADERS
from support.raw_http import RawAnswer, connected, exchange, read_to_end
from support.serve_process import ServeProcess

HEALTH = b"/api/canvas/metrics/health"
HOST = b"Host: localhost\r\n"
CLOSE = b"Connection: close\r\n"


def _get(target: bytes, *headers: bytes) -> bytes:
    return b"GET " + target + b" HTTP/1.1\r\n" + HOST + CLOSE + b"".join(headers) + b"\r\n"


MALFORMED = {
    "half an IPv6 address": _get(b"http://[/"),
    "an IPv6 address that is none": _get(b"http://[::g]/metrics"),
    "no slash": _get(b"metrics"),
    "another program's address": _get(b"mailto:a@b"),
    "a NUL in the URI": _get(b"/metrics\x00"),
    "a tab in the URI": _get(b"/metrics\tx"),
    "an escape cut short": _get(b"/runbooks/%4"),
    "an escape that is none": _get(b"/runbooks/%zz"),
    "a path that is not UTF-8": _get(b"/api/canvas/metrics/sync/task/%ff"),
    "raw bytes that are not UTF-8": _get(b"/api/canvas/metrics/sync/task/\xff"),
    "raw bytes in the query": _get("/metrics?text=größe".encode()),
    "a surrogate": _get(b"/api/canvas/metrics/sync/task/%ED%A0%80"),
    "an encoded slash too long": _get(b"/%c0%af"),
    "three words too many": b"GET / x y HTTP/1.1\r\n" + HOST + b"\r\n",
    "one word": b"GET\r\n" + HOST + b"\r\n",
    "a method in lower case": b"get / HTTP/1.1\r\n" + HOST + b"\r\n",
    "a method that is none": b"G(T / HTTP/1.1\r\n" + HOST + b"\r\n",
    "no version": b"GET /metrics\r\n\r\n",
    "a version to come": b"GET / HTTP/3.0\r\n" + HOST + b"\r\n",
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n" + CLOSE + b"\r\n",
    "two hosts": _get(b"/", b"Host: other\r\n"),
    "a host with a path": b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "a header without a colon": _get(b"/", b"nonsense\r\n"),
    "a header with a NUL": _get(b"/", b"X: a\x00b\r\n"),
    "a header name with a space": _get(b"/", b"X Y: z\r\n"),
    "a continued first header": b"GET / HTTP/1.1\r\n x: y\r\n" + HOST + b"\r\n",
    "a carriage return alone": _get(b"/", b"X: a\rb\r\n"),
    "lines that end with LF": b"GET / HTTP/1.1\nHost: localhost\n\n",
    "a length that is no number": _get(b"/", b"Content-Length: many\r\n"),
    "a negative length": _get(b"/", b"Content-Length: -1\r\n"),
    "a length of 5,000 digits": _get(b"/", b"Content-Length: " + b"9" * 5000 + b"\r\n"),
    "two lengths": _get(b"/", b"Content-Length: 1\r\nContent-Length: 2\r\n"),
    "a length and chunks": _get(b"/", b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"),
    "chunks that are none": _get(b"/", b"Transfer-Encoding: chunked\r\n") + b"zz\r\n",
    "chunks in HTTP/1.0": b"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "no text at all": b"\x00\x01\x02\x03",
}


def _assert_is_problem(answer: RawAnswer, *statuses: int) -> None:
    assert answer.status in statuses, answer
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = json.loads(answer.body)
    assert problem["status"] == answer.status
    assert problem["detail"]
    for name, value in SECURITY_HEADERS.items():
        assert answer.headers[name] == value
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("kind", MALFORMED)
def test_a_malformed_request_is_a_bad_request(exporter: ServeProcess, kind: str) -> None:
    _assert_is_problem(exchange(exporter.address, MALFORMED[kind]), 400)


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        pytest.param(_get(b"/" + b"x" * 70_000), 414, id="URI"),
        pytest.param(_get(b"/", b"X: " + b"x" * 70_000 + b"\r\n"), 431, id="header"),
        pytest.param(_get(b"/", b"X: y\r\n" * 20_000), 431, id="headers"),
        pytest.param(_get(b"/", b"Content-Length: 10000000\r\n"), 413, id="announced body"),
        pytest.param(
            _get(b"/", b"Content-Length: 5000000\r\n") + b"x" * 5_000_000, 413, id="sent body"
        ),
        pytest.param(
            _get(b"/", b"Content-Length: 90000\r\nExpect: 100-continue\r\n"),
            413,
            id="expected body",
        ),
        pytest.param(
            _get(b"/", b"Transfer-Encoding: chunked\r\n")
            + b"FFFF\r\n"
            + b"x" * 65535
            + b"\r\n" * 9,
            413,
            id="chunks",
        ),
    ],
)
def test_what_is_too_long_is_refused_and_the_answer_arrives(
    exporter: ServeProcess, request_bytes: bytes, status: int
) -> None:
    with connected(exporter.address) as connection:
        with contextlib.suppress(OSError):  # the server has stopped to read, as it may
            connection.sendall(request_bytes)
        _assert_is_problem(read_to_end(connection), status)


def test_an_encoding_that_the_server_does_not_know_is_not_implemented(
    exporter: ServeProcess,
) -> None:
    answer = exchange(exporter.address, _get(b"/", b"Transfer-Encoding: gzip\r\n"))
    _assert_is_problem(answer, 501)


def test_a_client_that_speaks_tls_fails_at_once(exporter: ServeProcess) -> None:
    context = ssl.create_default_context()
    with connected(exporter.address, seconds=10) as connection, pytest.raises(ssl.SSLError):
        context.wrap_socket(connection, server_hostname="localhost")


@pytest.mark.parametrize(
    "request_bytes",
    [
        pytest.param(b"GET " + HEALTH + b" HTTP/1.0\r\n\r\n", id="HTTP/1.0 without a host"),
        pytest.param(_get(b"http://localhost" + HEALTH), id="absolute"),
        pytest.param(_get(HEALTH + b"#part"), id="fragment"),
        pytest.param(b"\r\n\r\n" + _get(HEALTH), id="empty lines before it"),
        pytest.param(_get(HEALTH, b"X: \xe4\xf6\r\n"), id="Latin-1 in a header"),
        pytest.param(_get(HEALTH, b"Content-Length: 2\r\n") + b"{}", id="a body"),
        pytest.param(_get(b"/api/canvas/metrics/%68ealth"), id="an escaped letter"),
    ],
)
def test_an_unusual_but_valid_request_is_answered(
    exporter: ServeProcess, request_bytes: bytes
) -> None:
    host = b"GET " + HEALTH + b" HTTP/1.0\r\n"
    answer = exchange(exporter.address, request_bytes.replace(host, host + HOST))
    assert answer.status == 200
    assert json.loads(answer.body)["status"] == "ok"


@pytest.mark.parametrize("query", [b"text=100%", b"text=%zz", b"text=%4", b"%zz=1", b"text=%ff"])
def test_a_query_that_is_wrongly_encoded_is_reported_by_its_parameter(
    exporter: ServeProcess, query: bytes
) -> None:
    answer = exchange(exporter.address, _get(b"/api/canvas/metrics/logs/search?" + query))
    _assert_is_problem(answer, 422)
    assert "encoded" in json.loads(answer.body)["errors"][0]["detail"]


_LINES = st.lists(st.binary(max_size=30), max_size=5).map(b"\r\n".join)


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.binary(max_size=200) | st.builds(_get, st.binary(min_size=1, max_size=40), _LINES))
def test_no_bytes_are_left_unanswered_or_cause_a_500(
    exporter: ServeProcess, request_bytes: bytes
) -> None:
    answer = exchange(exporter.address, request_bytes + b"\r\n\r\n", half_close=True)
    is_empty = not (request_bytes + b"\r\n\r\n").partition(b"\r\n\r\n")[0].strip()
    assert answer.status < 500 or answer.status == 501
    assert answer.status or is_empty or b"\r\n\r\n" in request_bytes
