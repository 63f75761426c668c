"""A response is repeated to an equal request only as long as it is the one to give."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from canvas_sync_exporter.settings import Configuration
from canvas_sync_exporter.web import create_app
from canvas_sync_exporter.web.access import Access
from canvas_sync_exporter.web.auth import Scope, TokenFile, append_token, new_token
from canvas_sync_exporter.web.context import WebContext
from canvas_sync_exporter.web.response_cache import ResponseCache, allow_caching, set_request_labels
from support.http import serving
from support.runs import snapshot, write

if TYPE_CHECKING:
    from .conftest import Exporter

RECENT = "/api/canvas/metrics/recent"


class App:
    """A WSGI app that answers with the number of requests that reached it."""

    def __init__(self) -> None:
        self.reached = 0
        self.is_current = True
        self.status = "200 OK"
        self.counted: list[tuple[str, ...]] = []
        self._front = ResponseCache(self._answer, lambda labels, _: self.counted.append(labels))

    def ask(self, method: str = "GET", **headers: str) -> bytes:
        """Send a request through the cache."""
        sent = {f"HTTP_{name}": value for name, value in headers.items()}
        environ: Any = {"REQUEST_METHOD": method, "PATH_INFO": "/", **sent}
        return b"".join(self._front(environ, lambda *_: lambda _: None))

    def content(self) -> str:
        """All that the cache holds in memory."""
        return repr(vars(self._front))

    def _answer(self, environ: Any, start_response: Any) -> Any:
        self.reached += 1
        allow_caching(environ, lambda: self.is_current)
        set_request_labels(environ, (environ["REQUEST_METHOD"], "/", self.status[:3]))
        start_response(self.status, [])
        return _Chunks([str(self.reached).encode()])


class _Chunks(list[bytes]):
    def close(self) -> None:
        """Nothing to close."""


def test_an_equal_request_gets_the_same_response_and_is_counted() -> None:
    app = App()
    assert [app.ask(ACCEPT="*/*"), app.ask(ACCEPT="*/*")] == [b"1", b"1"]
    assert app.counted == [("GET", "/", "200")]


def test_a_response_that_is_no_longer_current_is_not_repeated() -> None:
    app = App()
    app.ask()
    app.is_current = False
    assert app.ask() == b"2"


@pytest.mark.parametrize("header", ["ACCEPT", "AUTHORIZATION", "HOST", "IF_NONE_MATCH", "RANGE"])
def test_a_request_with_another_header_reaches_the_app(header: str) -> None:
    app = App()
    app.ask(**{header: "one"})
    assert app.ask(**{header: "another"}) == b"2"


@pytest.mark.parametrize("header", ["AUTHORIZATION", "COOKIE"])
def test_credentials_are_not_kept(header: str) -> None:
    app = App()
    app.ask(**{header: "a secret"})
    assert "a secret" not in app.content()


def test_failures_and_other_methods_are_not_repeated() -> None:
    app = App()
    assert [app.ask("POST"), app.ask("POST")] == [b"1", b"2"]
    app.status = "503 Service Unavailable"
    assert [app.ask(), app.ask()] == [b"3", b"4"]


@pytest.mark.parametrize("path", ["recent", "sync/1", "summary"])
def test_a_repeated_response_equals_the_first_and_is_counted(exporter: Exporter, path: str) -> None:
    first, again = exporter.api(path), exporter.api(path)
    assert (again.content, again.status_code) == (first.content, 200)
    without_date = [{**each.headers, "Date": ""} for each in (first, again)]
    assert without_date[0] == without_date[1]
    metrics = exporter.get("/metrics").text
    counted = [line for line in metrics.splitlines() if "http_requests_total{" in line]
    assert [line.rpartition(" ")[2] for line in counted if f"/{path[:4]}" in line] == ["2.0"]


def test_a_large_response_is_not_kept(
    config: Configuration, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("canvas_sync_exporter.web.delivery._SMALL_BYTES", 100)
    app = create_app(WebContext(config, engine, Access(None)), CollectorRegistry())
    cache: Any = app.wsgi_app
    with serving(app) as url:
        for _ in range(2):
            assert len(requests.get(url + RECENT, timeout=30).content) > 100
    assert not vars(cache)["_responses"]


def test_a_new_run_is_in_the_very_next_response(exporter: Exporter) -> None:
    exporter.api("recent")
    write(exporter.engine, snapshot("a later one"))
    items = exporter.api("recent").json()["items"]
    assert "a later one" in [each["sync_task_id"] for each in items]


def test_a_withdrawn_token_gets_no_repeated_response(
    config: Configuration, engine: Engine, tmp_path: Path
) -> None:
    file = tmp_path / "tokens"
    secret, token = new_token("reader", Scope.READ)
    append_token(file, new_token("other", Scope.READ)[1])
    others = file.read_text()
    append_token(file, token)
    context = WebContext(config, engine, Access(TokenFile(file)))
    headers = {"Authorization": f"Bearer {secret}"}
    with serving(create_app(context, CollectorRegistry())) as url:
        for _ in range(2):
            assert requests.get(url + RECENT, headers=headers, timeout=30).status_code == 200
        file.write_text(others)
        assert requests.get(url + RECENT, headers=headers, timeout=30).status_code == 401
