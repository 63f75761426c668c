"""The REST API mounted into an app of the user's own."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Blueprint, Flask, jsonify
from flask.json.provider import DefaultJSONProvider

from canvas_sync_core.errors import SettingsError
from canvas_sync_core.store.database import open_engine
from canvas_sync_exporter.web import register_canvas_metrics_api
from canvas_sync_exporter.web.auth import Scope, append_token, new_token
from support.http import serving
from support.runs import snapshot, write
from support.tables import create_tables

API = "/api/canvas/metrics"


class _ShoutingProvider(DefaultJSONProvider):
    def dumps(self, obj: Any, **kwargs: Any) -> str:
        return super().dumps(obj, **kwargs).upper()


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    """A user's app with error handlers, a JSON provider and routes of its own."""
    app = Flask("users_app")
    app.json = _ShoutingProvider(app)
    app.config["CANVAS_SYNC_LOG_DIR"] = tmp_path / "logs"
    app.config["CANVAS_SYNC_CANVAS_HOSTS"] = ["canvas.example.edu"]
    app.register_error_handler(404, lambda error: ("users 404", 404))
    app.register_error_handler(405, lambda error: ("users 405", 405))
    app.register_error_handler(Exception, lambda error: ("users error", 500))

    @app.get("/api/canvas/courses")
    def courses() -> Any:
        return jsonify({"a": "course"})

    @app.get("/fails")
    def fails() -> Any:
        raise RuntimeError("a bug of the user")

    engine = open_engine(f"sqlite:///{tmp_path}/logs/state/canvas_sync.sqlite3")
    create_tables(engine)
    write(engine, snapshot("nightly"))
    engine.dispose()
    return app


def test_the_same_endpoints_answer_in_the_users_app(app: Flask) -> None:
    register_canvas_metrics_api(app)
    with serving(app) as url:
        run = requests.get(f"{url}{API}/sync/task/nightly", timeout=30).json()
        assert run["sync_status"] == "success"
        assert requests.get(f"{url}{API}/recent", timeout=30).json()["items"] == [run]
        assert requests.post(f"{url}{API}/logs/cleanup", json={}, timeout=30).status_code == 200
        document = requests.get(f"{url}/api/canvas/openapi.json", timeout=30).json()
        paths = {path.removeprefix(API) for path in document["paths"]}
        assert {"/recent", "/incidents", "/logs/search", "/quota", "/health"} < paths
        assert requests.get(f"{url}/api/canvas/docs", timeout=30).status_code == 200


def test_errors_inside_the_api_stay_problems(app: Flask) -> None:
    register_canvas_metrics_api(app)
    with serving(app) as url:
        for method, path, status in [
            ("GET", "sync/999", 404),
            ("GET", "nothing", 404),
            ("DELETE", "recent", 405),
            ("GET", "recent?limit=0", 422),
            ("POST", "logs/cleanup", 415),
        ]:
            answer = requests.request(method, f"{url}{API}/{path}", timeout=30)
            assert answer.status_code == status
            assert answer.headers["Content-Type"] == "application/problem+json"


def test_the_users_app_is_otherwise_as_before(app: Flask) -> None:
    rules = {str(rule) for rule in app.url_map.iter_rules()}
    handlers = {code: dict(kinds) for code, kinds in app.error_handler_spec[None].items()}
    config = dict(app.config)
    register_canvas_metrics_api(app)
    added = {str(rule) for rule in app.url_map.iter_rules()} - rules
    assert all(rule.startswith("/api/canvas/") for rule in added)
    assert {code: dict(kinds) for code, kinds in app.error_handler_spec[None].items()} == handlers
    assert dict(app.config) == config
    assert not app.before_request_funcs.get(None)
    assert not app.after_request_funcs.get(None)
    with serving(app) as url:
        assert requests.get(f"{url}/api/canvas/courses", timeout=30).text.strip() == (
            '{"A":"COURSE"}'
        )
        assert requests.get(f"{url}/nothing", timeout=30).text == "users 404"
        assert requests.get(f"{url}/fails", timeout=30).text == "users error"
        assert requests.post(f"{url}/api/canvas/courses", timeout=30).text == "users 405"
        foreign = requests.get(f"{url}/api/canvas/courses", headers={"Host": "a.org"}, timeout=30)
        assert foreign.status_code == 200


def test_without_tokens_only_callers_on_this_machine_are_answered(app: Flask) -> None:
    register_canvas_metrics_api(app)
    with serving(app) as url:
        answer = requests.get(f"{url}{API}/recent", headers={"Host": "app.org"}, timeout=30)
        assert answer.status_code == 403


def test_the_apps_configuration_wins_over_the_environment(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, token = new_token("dashboard", Scope.READ)
    append_token(tmp_path / "tokens", token)
    monkeypatch.setenv("CANVAS_SYNC_TOKENS_FILE", "/nowhere")
    app.config["CANVAS_SYNC_TOKENS_FILE"] = str(tmp_path / "tokens")
    register_canvas_metrics_api(app)
    with serving(app) as url:
        assert requests.get(f"{url}{API}/recent", timeout=30).status_code == 401
        headers = {"Authorization": f"Bearer {secret}", "Host": "app.org"}
        assert requests.get(f"{url}{API}/recent", headers=headers, timeout=30).status_code == 200


def test_a_wrong_setting_is_reported_when_it_is_mounted(app: Flask) -> None:
    app.config["CANVAS_SYNC_TOKENS_FILE"] = "/nowhere"
    with pytest.raises(SettingsError, match="CANVAS_SYNC_TOKENS_FILE"):
        register_canvas_metrics_api(app)


def test_below_a_prefix_the_documentation_still_finds_its_files(app: Flask) -> None:
    register_canvas_metrics_api(app)

    def mounted(environ: dict[str, Any], start_response: Any) -> Any:
        environ["SCRIPT_NAME"] = "/below"
        environ["PATH_INFO"] = environ["PATH_INFO"].removeprefix("/below")
        return app(environ, start_response)

    with serving(mounted) as url:
        page = requests.get(f"{url}/below/api/canvas/docs", timeout=30)
        assert 'data-document="openapi.json"' in page.text  # relative, so it stays below
        document = requests.get(f"{url}/below/api/canvas/openapi.json", timeout=30).json()
        assert document["servers"] == [{"url": "/below"}]


def test_an_app_that_is_gone_has_closed_its_connections(
    tmp_path: Path, empty_database_url: str
) -> None:
    """As in tests of a user's app, which make many: a driver warns of one left open (an error)."""
    engine = open_engine(empty_database_url)
    create_tables(engine)
    engine.dispose()
    app = Flask("short_lived")
    app.config["CANVAS_SYNC_LOG_DIR"] = str(tmp_path / "logs")
    app.config["CANVAS_SYNC_DATABASE_URL"] = empty_database_url
    register_canvas_metrics_api(app)
    assert app.test_client().get(f"{API}/recent").status_code == 200
    del app
    gc.collect()


def test_a_table_that_no_sync_has_made_yet_is_reported(tmp_path: Path) -> None:
    app = Flask("new_app")
    app.config["CANVAS_SYNC_LOG_DIR"] = str(tmp_path / "new")
    register_canvas_metrics_api(app)
    with serving(app) as url:
        answer = requests.get(f"{url}{API}/recent", timeout=30)
        assert answer.status_code == 503
        assert "table" in answer.json()["detail"]


def test_it_mounts_beside_a_blueprint_with_the_same_prefix(app: Flask) -> None:
    own = Blueprint("canvas", __name__, url_prefix="/api/canvas")
    own.add_url_rule("/users", view_func=lambda: "users")
    app.register_blueprint(own)
    register_canvas_metrics_api(app)
    with serving(app) as url:
        assert requests.get(f"{url}/api/canvas/users", timeout=30).text == "users"
        assert requests.get(f"{url}{API}/recent", timeout=30).status_code == 200
