"""A running exporter with some runs in its table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from canvas_sync_core.names import Log
from canvas_sync_core.store.database import open_engine
from canvas_sync_exporter.collectors import register_collectors
from canvas_sync_exporter.settings import Configuration, configuration
from canvas_sync_exporter.web import create_app
from canvas_sync_exporter.web.access import Access
from canvas_sync_exporter.web.context import WebContext
from support.http import serving
from support.log_folders import json_line, lay_out, record, text_line
from support.runs import failed, running, snapshot, write
from support.tables import create_tables


@dataclass
class Exporter:
    """A running exporter, and what it runs on."""

    url: str
    config: Configuration
    engine: Engine
    registry: CollectorRegistry

    def get(self, path: str, **options: object) -> requests.Response:
        """Ask for a path."""
        return self.request("GET", path, **options)

    def api(self, path: str, **options: object) -> requests.Response:
        """Ask an endpoint of the REST API."""
        return self.request("GET", f"/api/canvas/metrics/{path}", **options)

    def request(self, method: str, path: str, **options: object) -> requests.Response:
        """Send a request."""
        arguments: dict[str, object] = {"timeout": 30, "allow_redirects": False, **options}
        return requests.request(method, self.url + path, **arguments)  # type: ignore[arg-type]  # the options are the caller's


@pytest.fixture
def config(tmp_path: Path) -> Configuration:
    """Settings that keep everything in the test's folder."""
    return configuration({"CANVAS_SYNC_LOG_DIR": str(tmp_path / "logs")})


@pytest.fixture
def engine(config: Configuration) -> Iterator[Engine]:
    """The embedded database with five runs of two users."""
    with _few_runs(config) as engine:
        yield engine


@contextmanager
def _few_runs(config: Configuration) -> Iterator[Engine]:
    engine = open_engine(config.app.resolved_database_url)
    create_tables(engine)
    write(engine, snapshot("nightly/41"), failed("broken"), running("under way"))
    write(engine, snapshot("nightly/42", user_id=7, sync_type="grades"))
    write(engine, snapshot("\N{SNOWMAN} <b>", user_id=None, metadata={"a": [1, None]}))
    yield engine
    engine.dispose()


@pytest.fixture
def exporter(config: Configuration, engine: Engine) -> Iterator[Exporter]:
    """A running exporter without tokens."""
    with _serving(config, engine) as exporter:
        yield exporter


@pytest.fixture(scope="module")
def shared_exporter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exporter]:
    """As ``exporter``, for all tests of a file that only read."""
    config = configuration({"CANVAS_SYNC_LOG_DIR": str(tmp_path_factory.mktemp("shared") / "logs")})
    with _few_runs(config) as engine, _serving(config, engine) as exporter:
        yield exporter


@contextmanager
def _serving(config: Configuration, engine: Engine) -> Iterator[Exporter]:
    registry = CollectorRegistry()
    register_collectors(registry, config)
    context = WebContext(config, engine, Access(None))
    with serving(create_app(context, registry)) as url:
        yield Exporter(url, config, engine, registry)
        context.stopping.set()  # the server would wait for streams


@pytest.fixture
def log_folder(exporter: Exporter) -> Path:
    """The exporter's log folder, with lines in all places and both formats."""
    return _lay_out_logs(exporter.config.app.log_dir)


@pytest.fixture(scope="module")
def shared_logs(shared_exporter: Exporter) -> Exporter:
    """The shared exporter with the lines of ``log_folder``."""
    _lay_out_logs(shared_exporter.config.app.log_dir)
    return shared_exporter


def _lay_out_logs(log_folder: Path) -> Path:
    errors = [record(Log.ERRORS, second, task_id=f"run {second}") for second in range(8)]
    files = [[json_line(each) for each in errors[start : start + 2]] for start in (0, 2, 4, 6)]
    lay_out(log_folder, Log.ERRORS, files, 1)
    calls = [record(Log.API_CALLS, 10, status_code=404), record(Log.API_CALLS, 11)]
    lay_out(log_folder, Log.API_CALLS, [[text_line(calls[0]), json_line(calls[1])]], 0)
    return log_folder
