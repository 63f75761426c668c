"""Every answer of a serving exporter: no body where there must be none, headers on all."""

from __future__ import annotations

import pytest
import requests

from canvas_sync_exporter.web.headers import SECURITY_HEADERS
from support.raw_http import exchange
from support.serve_process import ServeProcess

API = "/api/canvas/metrics"
PATHS = [
    "/",
    "/metrics",
    "/runbooks",
    "/runbooks/",
    "/runbooks/CanvasSyncStale",
    "/runbooks/None",
    "/api/canvas/docs",
    "/api/canvas/docs/swagger-ui.css",
    "/api/canvas/docs/start.js",
    "/api/canvas/openapi.json",
    f"{API}/health",
    f"{API}/recent",
    f"{API}/recent?limit=0",
    f"{API}/sync/1",
    f"{API}/logs/tail",
    f"{API}/logs/tail?lines=x",
    f"{API}/logs/cleanup",
    f"{API}/nothing",
    "/nothing",
]


def _bytes(method: str, path: str, *headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode()


@pytest.mark.parametrize("path", PATHS)
def test_head_has_no_body_and_the_status_of_get(exporter: ServeProcess, path: str) -> None:
    answer = exchange(exporter.address, _bytes("HEAD", path))
    assert answer.body == b""
    with requests.get(exporter.url + path, timeout=30, stream=True, allow_redirects=False) as get:
        assert answer.status == get.status_code
        assert answer.headers["Content-Type"] == get.headers["Content-Type"]


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_head_of_a_malformed_request_has_no_body(exporter: ServeProcess, version: str) -> None:
    request = f"HEAD /%zz HTTP/{version}\r\nHost: localhost\r\n\r\n".encode()
    answer = exchange(exporter.address, request)
    assert (answer.status, answer.body) == (400, b"")


@pytest.mark.parametrize("path", [path for path in PATHS if path.startswith(API)])
def test_options_names_the_methods_without_a_body(exporter: ServeProcess, path: str) -> None:
    answer = exchange(exporter.address, _bytes("OPTIONS", path))
    if answer.status != 404:
        assert (answer.status, answer.body) == (204, b"")
        assert "OPTIONS" in answer.headers["Allow"]
        assert "Content-Length" not in answer.headers
        assert "Transfer-Encoding" not in answer.headers


def test_options_of_the_whole_server_are_answered(exporter: ServeProcess) -> None:
    answer = exchange(exporter.address, _bytes("OPTIONS", "*"))
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["Allow"] == "GET, HEAD, POST, OPTIONS"
    assert exchange(exporter.address, _bytes("GET", "*")).status == 404


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_the_client_has_is_not_sent_again(exporter: ServeProcess, method: str) -> None:
    path = f"{API}/recent"
    tag = requests.get(exporter.url + path, timeout=30).headers["ETag"]
    answer = exchange(exporter.address, _bytes(method, path, f"If-None-Match: {tag}"))
    assert (answer.status, answer.body) == (304, b"")
    assert "Transfer-Encoding" not in answer.headers
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "DELETE", "TRACE", "BREW"])
@pytest.mark.parametrize("path", PATHS)
def test_every_answer_has_the_headers_that_protect_browsers(
    exporter: ServeProcess, method: str, path: str
) -> None:
    with requests.request(
        method, exporter.url + path, timeout=30, stream=True, allow_redirects=False
    ) as answer:
        assert answer.status_code < 500
        for name in SECURITY_HEADERS:
            assert answer.headers[name], (name, answer.status_code)
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert "unsafe-eval" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"]
        assert answer.headers["Server"] == "canvas-sync-monitor"  # no version for scanners


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("headers", [[], ["Content-Length: 0"]])
def test_a_request_without_a_body_waits_for_no_continuation(
    exporter: ServeProcess, method: str, headers: list[str]
) -> None:
    request = _bytes(method, f"{API}/nothing", "Expect: 100-continue", *headers)
    assert exchange(exporter.address, request).status == 404
