"""The pages mounted into an app of the user's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Blueprint, Flask, Request, render_template_string, request, session
from playwright.sync_api import Browser, expect

from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.incidents.writing import write_incidents
from canvas_sync_exporter.ui import register_canvas_sync_ui
from canvas_sync_exporter.ui.responses import CONTENT_SECURITY_POLICY
from canvas_sync_exporter.ui.sessions import COOKIE
from canvas_sync_exporter.web.auth import Scope, append_token, new_token
from support.http import serving
from support.incidents import incident
from support.pages import axe_violations, follow, watched
from support.tables import create_tables

HOST_POLICY = "default-src 'none'; script-src 'nonce-abc'"


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    """A user's app with a session, a policy, globals, handlers and names of its own."""
    app = Flask("users_app")
    app.secret_key = "the host's"
    app.config["CANVAS_SYNC_LOG_DIR"] = tmp_path / "logs"
    app.jinja_env.globals.update(view="host", data="host", page="host")
    app.register_error_handler(404, lambda error: ("users 404", 404))
    app.register_error_handler(Exception, lambda error: ("users error", 500))
    app.register_blueprint(Blueprint("ui", __name__, url_prefix="/ui"))

    @app.get("/")
    def home() -> Any:
        session["visits"] = session.get("visits", 0) + 1
        return render_template_string("{{ view }} {{ visits }}", visits=session["visits"])

    @app.after_request
    def own_headers(response: Any) -> Any:
        response.headers["Content-Security-Policy"] = HOST_POLICY
        response.headers["X-Host"] = "yes"
        return response

    engine = open_engine(f"sqlite:///{tmp_path}/logs/state/canvas_sync.sqlite3")
    create_tables(engine)
    write_incidents(engine, [incident()])
    engine.dispose()
    return app


def _mounted_below(app: Flask, prefix: str) -> Any:
    def wsgi(environ: dict[str, Any], start_response: Any) -> Any:
        environ["SCRIPT_NAME"] = prefix
        environ["PATH_INFO"] = environ["PATH_INFO"].removeprefix(prefix)
        return app(environ, start_response)

    return wsgi


@pytest.mark.parametrize("prefix", ["", "/below/it"])
def test_the_pages_work_in_a_browser_beside_the_apps_own_policy(
    app: Flask, prefix: str, browser: Browser
) -> None:
    register_canvas_sync_ui(app)
    with serving(_mounted_below(app, prefix)) as url, watched(browser) as tab:
        tab.page.goto(f"{url}{prefix}/canvas-sync/")
        expect(tab.page.get_by_role("heading", level=1)).to_have_text("Overview")
        follow(tab.page.get_by_role("link", name="Incidents"))
        expect(tab.page).to_have_url(f"{url}{prefix}/canvas-sync/incidents")
        expect(tab.page.get_by_text("The sync full fails.")).to_be_visible()
        tab.page.locator("summary", has_text="Acknowledge").click()
        tab.page.get_by_label("Why it may stay quiet").fill("known")
        tab.page.get_by_role("button", name="Acknowledge").click()
        expect(tab.page.get_by_text("Acknowledged by local")).to_be_visible()
        assert axe_violations(tab.page) == []
        assert tab.complaints == []
        assert all(each.startswith((f"{url}{prefix}/", "data:")) for each in tab.requests)


def test_the_app_is_otherwise_as_before(app: Flask) -> None:
    rules = {str(rule) for rule in app.url_map.iter_rules()}
    handlers = {code: dict(kinds) for code, kinds in app.error_handler_spec[None].items()}
    jinja = dict(app.jinja_env.globals), dict(app.jinja_env.filters)
    config = dict(app.config)
    register_canvas_sync_ui(app)
    added = {str(rule) for rule in app.url_map.iter_rules()} - rules
    assert all(rule.startswith("/canvas-sync/") for rule in added)
    assert {code: dict(kinds) for code, kinds in app.error_handler_spec[None].items()} == handlers
    assert (dict(app.jinja_env.globals), dict(app.jinja_env.filters)) == jinja
    assert dict(app.config) == config
    assert not app.before_request_funcs.get(None)
    with serving(app) as url:
        visits = requests.Session()
        assert visits.get(url, timeout=30).text == "host 1"
        page = visits.get(f"{url}/canvas-sync/", timeout=30)
        assert page.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
        assert "Set-Cookie" not in page.headers
        home = visits.get(url, timeout=30)
        assert home.text == "host 2"
        assert home.headers["Content-Security-Policy"] == HOST_POLICY
        assert visits.get(f"{url}/nothing", timeout=30).text == "users 404"


def test_the_apps_own_login_decides(app: Flask) -> None:
    authorized: list[Request] = []

    def authorize(sent: Request) -> bool:
        authorized.append(sent)
        return sent.headers.get("X-User") == "anna" and sent.method == "GET"

    register_canvas_sync_ui(app, authorize)
    with serving(app) as url:
        own = {"X-User": "anna", "Host": "app.example.org"}
        assert requests.get(f"{url}/canvas-sync/", headers=own, timeout=30).status_code == 200
        refused = requests.get(f"{url}/canvas-sync/", timeout=30)
        assert refused.status_code == 403
        assert "The login of this app" in refused.text
        data = {"reason": "known"}
        own["Origin"] = "http://app.example.org"
        path = f"{url}/canvas-sync/incidents/1/acknowledge"
        assert requests.post(path, data=data, headers=own, timeout=30).status_code == 403
        assert requests.get(f"{url}/canvas-sync/sign-in", timeout=30).status_code == 404
    assert authorized


def test_a_login_that_fails_lets_nobody_in(app: Flask) -> None:
    def authorize(sent: Request) -> bool:
        raise RuntimeError("a bug of the user")

    register_canvas_sync_ui(app, authorize)
    with serving(app) as url:
        assert requests.get(f"{url}/canvas-sync/", timeout=30).status_code == 500
        assert requests.get(url, timeout=30).text == "host 1"


def test_visitors_sign_in_with_a_token_where_the_app_has_no_login_of_its_own(
    app: Flask, tmp_path: Path
) -> None:
    secret, token = new_token("anna", Scope.READ)
    append_token(tmp_path / "tokens", token)
    app.config["CANVAS_SYNC_TOKENS_FILE"] = str(tmp_path / "tokens")
    register_canvas_sync_ui(app, url_prefix="monitor/")
    with serving(app) as url:
        visits = requests.Session()
        page = visits.get(f"{url}/monitor/incidents", timeout=30)
        assert page.url == f"{url}/monitor/sign-in?next=incidents"
        made = visits.post(
            f"{url}/monitor/sign-in",
            data={"token": secret, "next": "incidents"},
            headers={"Origin": url},
            timeout=30,
        )
        assert made.url == f"{url}/monitor/incidents"
        assert [each.path for each in visits.cookies if each.name == COOKIE] == ["/monitor"]


def test_without_tokens_and_login_only_this_machine_is_answered(app: Flask) -> None:
    register_canvas_sync_ui(app)
    with serving(app) as url:
        foreign = {"Host": "app.example.org"}
        assert requests.get(f"{url}/canvas-sync/", headers=foreign, timeout=30).status_code == 403
        assert requests.get(url, headers=foreign, timeout=30).status_code == 200


def test_it_mounts_into_an_app_that_is_asked_only_by_its_session(app: Flask) -> None:
    """The host's own hook runs first, as for each of its routes."""

    @app.before_request
    def need_login() -> Any:
        return None if session.get("user") or request.path == "/login" else ("log in", 401)

    @app.get("/login")
    def login() -> str:
        session["user"] = "anna"
        return "ok"

    register_canvas_sync_ui(app, lambda _: session.get("user") == "anna")
    with serving(app) as url:
        visits = requests.Session()
        assert visits.get(f"{url}/canvas-sync/", timeout=30).text == "log in"
        visits.get(f"{url}/login", timeout=30)
        assert "Overview" in visits.get(f"{url}/canvas-sync/", timeout=30).text
