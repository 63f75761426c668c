"""One call sets up a Flask app, however often a factory makes it, and leaves its answers alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import canvasapi
import pytest
import requests
from flask import Flask

from canvas_sync_core.errors import SettingsError
from canvas_sync_instrumentation.integrations.flask import init_app
from canvas_sync_instrumentation.monitor import Monitor, current_monitor, shutdown
from canvas_sync_instrumentation.tracker import CanvasSyncMetricsTracker
from support.http import serving
from support.http_answers import Answer, answering
from support.log_lines import records_in

pytestmark = pytest.mark.filterwarnings("ignore:Canvas may respond unexpectedly:UserWarning")


def create_app(**config: Any) -> Flask:
    """Make an app as its users do."""
    app = Flask("sync")
    app.config.update(config)
    init_app(app)
    return app


def monitor_of(app: Flask) -> Monitor:
    monitor = app.extensions["canvas_sync"]
    assert isinstance(monitor, Monitor)
    return monitor


def test_the_app_decides_before_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANVAS_SYNC_LOG_FORMAT", "text")
    monkeypatch.setenv("CANVAS_SYNC_HEARTBEAT_SECONDS", "7")
    app = Flask("sync")
    app.config["CANVAS_SYNC_LOG_DIR"] = tmp_path / "from_config"
    app.config["CANVAS_SYNC_LOG_FORMAT"] = "json"
    app.config["CANVAS_SYNC_CANVAS_HOSTS"] = ["a.example.edu", "b.example.edu"]
    app.config["CANVAS_SYNC_DATABASE_URL"] = None
    init_app(app, log_dir=tmp_path / "from_call")
    settings = monitor_of(app).settings
    assert settings.log_dir == tmp_path / "from_call"
    assert settings.log_format == "json"
    assert settings.heartbeat_seconds == 7
    assert settings.canvas_hosts == ("a.example.edu", "b.example.edu")
    assert settings.database_url is None


def test_a_relative_sqlite_url_of_the_app_is_the_file_in_its_instance_folder(
    tmp_path: Path,
) -> None:
    app = Flask("sync", instance_path=str(tmp_path))
    app.config["CANVAS_SYNC_DATABASE_URL"] = "sqlite:///app.db"
    init_app(app)
    assert monitor_of(app).settings.database_url == f"sqlite:///{tmp_path}/app.db"


def test_apps_with_the_same_settings_share_the_monitor() -> None:
    """A factory that is called again must not interrupt a sync that runs."""
    first = create_app()
    with CanvasSyncMetricsTracker("t-1", 42):
        second = create_app()
        assert monitor_of(second) is monitor_of(first) is current_monitor()


def test_other_settings_replace_the_monitor(tmp_path: Path) -> None:
    first = create_app()
    second = create_app(CANVAS_SYNC_LOG_DIR=str(tmp_path / "other"))
    assert monitor_of(second) is current_monitor()
    assert monitor_of(second) is not monitor_of(first)


def test_a_setting_that_cannot_be_used_is_named_at_the_start() -> None:
    with pytest.raises(SettingsError, match="CANVAS_SYNC_HEARTBEAT_SECONDS"):
        create_app(CANVAS_SYNC_HEARTBEAT_SECONDS="often")


def test_a_sync_behind_an_endpoint_is_recorded(tmp_path: Path) -> None:
    """Calls by canvasapi and by requests, once each; other requests not at all."""
    app = create_app(CANVAS_SYNC_LOG_DIR=str(tmp_path))

    with answering() as canvas:
        canvas.answers["/api/v1/courses/7"] = [Answer(body='{"id": 7}')]
        canvas.answers["/weather"] = [Answer(body="sunny")]

        @app.post("/sync")
        def sync() -> str:
            with CanvasSyncMetricsTracker("t-1", 42):
                canvasapi.Canvas(canvas.url, "token").get_course(7)
                requests.get(f"{canvas.url}/api/v1/courses/7", timeout=60)
            return requests.get(f"{canvas.url}/weather", timeout=60).text

        with serving(app) as url:
            assert requests.post(f"{url}/sync", timeout=60).text == "sunny"
    shutdown()
    calls = records_in(tmp_path / "api_calls.log")
    assert [(call["task_id"], call["route"]) for call in calls] == [
        ("t-1", "/api/v1/courses/:id")
    ] * 2
    assert records_in(tmp_path / "operations.log")


def test_an_error_of_a_view_stays_its_error(tmp_path: Path) -> None:
    app = create_app(CANVAS_SYNC_LOG_DIR=str(tmp_path))

    @app.get("/broken")
    def broken() -> str:
        with CanvasSyncMetricsTracker("t-1", 42):
            return requests.get("http://127.0.0.1:1/api/v1/courses", timeout=1).text

    app.testing = True
    with pytest.raises(requests.ConnectionError):
        app.test_client().get("/broken")


def test_a_hook_loads_no_other_and_none_a_library_that_may_be_missing() -> None:
    code = (
        "import sys, canvas_sync_instrumentation.integrations as hooks; hooks.instrument_requests; "
        "assert 'sqlalchemy' not in sys.modules; "
        "assert all(getattr(hooks, name) for name in hooks.__all__); "
        "assert not {'flask', 'canvasapi'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=600)
