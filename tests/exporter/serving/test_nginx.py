"""The exporter behind a real nginx, below a path of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
import requests
from flask import Flask
from playwright.sync_api import Browser, expect
from werkzeug.middleware.proxy_fix import ProxyFix

from canvas_sync_core.store.database import open_engine
from canvas_sync_exporter.web import register_canvas_metrics_api
from canvas_sync_exporter.web.auth import Scope, append_token, new_token
from support.http import serving
from support.markdown import DOCS
from support.nginx import nginx
from support.pages import watched
from support.runs import snapshot, write
from support.serve_process import serve_process
from support.tables import create_tables

_HOW_TO = DOCS / "how-to" / "nginx.md"
_WITHOUT_HEADERS = """
location /monitor/ {
    proxy_pass http://127.0.0.1:5000/;
}
"""
_SECRET, _TOKEN = new_token("reader", Scope.READ)
_HEADERS = {"Authorization": f"Bearer {_SECRET}"}


def _documented() -> str:
    """The configuration that the how-to page shows."""
    found = re.search(r"```nginx\n(.*?)```", _HOW_TO.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return found[1]


@pytest.fixture
def database(tmp_path: Path) -> None:
    """The embedded database with three runs."""
    engine = open_engine(f"sqlite:///{tmp_path}/logs/state/canvas_sync.sqlite3")
    create_tables(engine)
    write(engine, snapshot("one"), snapshot("two"), snapshot("three"))
    engine.dispose()


Proxied = Callable[[str], AbstractContextManager[str]]


@pytest.fixture
def proxied(tmp_path: Path, database: None) -> Proxied:
    """Makes an exporter behind nginx with some locations; gives the URL below which it is."""
    append_token(tmp_path / "tokens", _TOKEN)
    settings = {
        "CANVAS_SYNC_LOG_DIR": str(tmp_path / "logs"),
        "CANVAS_SYNC_TOKENS_FILE": str(tmp_path / "tokens"),
        "CANVAS_SYNC_TRUSTED_PROXIES": "127.0.0.1",
    }

    @contextmanager
    def run(locations: str) -> Iterator[str]:
        with ExitStack() as stack:
            served = stack.enter_context(serve_process(tmp_path, settings=settings))
            here = locations.replace("127.0.0.1:5000", urlsplit(served.url).netloc)
            yield stack.enter_context(nginx(tmp_path, here)) + "/monitor"

    return run


def _get(url: str) -> requests.Response:
    return requests.get(url, headers=_HEADERS, timeout=30)


def _assert_docs_work(url: str) -> None:
    """Everything that the page asks for is found, and its document leads to the endpoints."""
    page = _get(url)
    assert page.status_code == 200
    links = re.findall(r'(?:href|src|data-document)="([^"]+)"', page.text)
    assert len(links) == 5
    for link in links:
        assert _get(urljoin(page.url, link)).status_code == 200, link
    (document_url,) = (urljoin(page.url, link) for link in links if link.endswith("openapi.json"))
    document: dict[str, Any] = _get(document_url).json()
    server = urljoin(document_url, document["servers"][0]["url"]).rstrip("/")
    assert _get(f"{server}/api/canvas/metrics/recent").status_code == 200


@pytest.mark.parametrize("locations", [_documented(), _WITHOUT_HEADERS], ids=["documented", "bare"])
def test_everything_stays_below_the_path_of_the_proxy(proxied: Proxied, locations: str) -> None:
    with proxied(locations) as url:
        _assert_docs_work(f"{url}/api/canvas/docs")
        assert _get(f"{url}/runbooks").url == f"{url}/runbooks/"
        links = re.findall(r'href="([^"]+)"', _get(f"{url}/runbooks").text)
        assert _get(urljoin(f"{url}/runbooks/", links[0])).status_code == 200
        first = _get(f"{url}/api/canvas/metrics/recent?limit=2").json()
        rest = _get(f"{url}/api/canvas/metrics/recent?limit=2&cursor={first['next']}").json()
        assert len(first["items"] + rest["items"]) == 3
        refused = requests.get(f"{url}/api/canvas/metrics/recent", timeout=30)
        assert refused.status_code == 401
        assert refused.headers["X-Content-Type-Options"] == "nosniff"
        assert "/monitor" in _get(f"{url}/api/canvas/metrics/nothing").json()["detail"] or (
            locations == _WITHOUT_HEADERS
        )


@pytest.mark.parametrize("locations", [_documented(), _WITHOUT_HEADERS], ids=["documented", "bare"])
def test_the_web_pages_and_their_sign_in_work_below_the_path(
    proxied: Proxied, locations: str, browser: Browser
) -> None:
    with proxied(locations) as url, watched(browser) as tab:
        tab.page.goto(url)
        tab.page.get_by_label("Access token").fill(_SECRET)
        tab.page.keyboard.press("Enter")
        expect(tab.page).to_have_url(f"{url}/")
        for name in ("Runs", "Incidents", "Overview"):
            tab.page.get_by_role("link", name=name, exact=True).click()
            expect(tab.page.get_by_role("heading", level=1)).to_have_text(name)
        expect(tab.page.locator("[data-connection]")).to_have_text("Live")
        tab.page.get_by_role("button", name="Sign out").click()
        expect(tab.page.get_by_label("Access token")).to_be_visible()
        assert tab.complaints == []
        assert all(each.startswith((url, "data:")) for each in tab.requests)


def test_log_streams_pass_the_documented_proxy_at_once(proxied: Proxied, tmp_path: Path) -> None:
    with proxied(_documented()) as url:
        tail = f"{url}/api/canvas/metrics/logs/tail"
        with requests.get(tail, headers=_HEADERS, stream=True, timeout=30) as stream:
            assert next(stream.iter_content(None)).startswith(b": the newest lines")


def test_headers_of_a_client_are_not_believed_when_the_proxy_passes_them(proxied: Proxied) -> None:
    forged = {
        **_HEADERS,
        "X-Forwarded-Prefix": "//evil.example",
        "X-Forwarded-Host": "evil.example/<script>",
        "X-Forwarded-Proto": "javascript",
        "X-Forwarded-For": "127.0.0.1",
    }
    with proxied(_WITHOUT_HEADERS) as url:
        answer = requests.get(f"{url}/api/canvas/openapi.json", headers=forged, timeout=30)
        assert "evil" not in answer.text
        answer = requests.get(f"{url}/", headers=forged, timeout=30)
        assert answer.status_code == 200
        assert "evil" not in answer.text


def test_without_tokens_a_client_of_the_proxy_is_not_taken_for_this_machine(
    tmp_path: Path,
) -> None:
    """Whatever the proxy passes on as the host, its client's address is told."""
    settings = {"CANVAS_SYNC_TRUSTED_PROXIES": "127.0.0.1, ::1"}
    headers = {"X-Forwarded-For": "127.0.0.1, 203.0.113.5"}
    with serve_process(tmp_path, settings=settings) as served:
        url = f"{served.url}/api/canvas/metrics/recent"
        assert requests.get(url, headers=headers, timeout=30).status_code == 403
        assert requests.get(url, timeout=30).status_code == 200


def test_an_untrusted_neighbour_cannot_say_who_it_is(tmp_path: Path) -> None:
    headers = {"X-Forwarded-For": "203.0.113.5", "X-Forwarded-Prefix": "/monitor"}
    with serve_process(tmp_path, settings={"CANVAS_SYNC_TRUSTED_PROXIES": "10.0.0.0/8"}) as served:
        url = f"{served.url}/api/canvas/openapi.json"
        answer = requests.get(url, headers=headers, timeout=30)
        assert answer.status_code == 200
        assert "monitor/" not in answer.text
        assert answer.json()["servers"] == [{"url": "../.."}]


@pytest.mark.parametrize("fixed", [True, False], ids=["ProxyFix", "bare"])
def test_a_mounted_api_stays_below_the_path_as_its_app_does(
    tmp_path: Path, database: None, fixed: bool
) -> None:
    append_token(tmp_path / "tokens", _TOKEN)
    app = Flask("users_app")
    app.config["CANVAS_SYNC_LOG_DIR"] = tmp_path / "logs"
    app.config["CANVAS_SYNC_TOKENS_FILE"] = tmp_path / "tokens"
    register_canvas_metrics_api(app)
    if fixed:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_prefix=1)  # type: ignore[method-assign]
    with serving(app) as own:
        locations = _documented() if fixed else _WITHOUT_HEADERS
        locations = locations.replace("127.0.0.1:5000", urlsplit(own).netloc)
        with nginx(tmp_path, locations) as url:
            _assert_docs_work(f"{url}/monitor/api/canvas/docs")
