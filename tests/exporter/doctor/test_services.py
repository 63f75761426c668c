"""What answers over a network is asked as it is: real servers, up, down, and of another time."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from sqlalchemy import text

from canvas_sync_core.store.database import open_engine, upgrade
from canvas_sync_exporter.collectors import register_collectors
from canvas_sync_exporter.doctor import Finding, Status, services
from canvas_sync_exporter.settings import Configuration, configuration
from support.http_answers import Answer, answering
from support.otlp import http_receiver
from support.prometheus import eventually, prometheus, quick_prometheus


def with_database(tmp_path: Path, url: str) -> Configuration:
    return configuration({"CANVAS_SYNC_LOG_DIR": str(tmp_path), "CANVAS_SYNC_DATABASE_URL": url})


def test_a_database_without_the_table_says_how_it_is_made(
    tmp_path: Path, empty_database_url: str
) -> None:
    config = with_database(tmp_path, empty_database_url)
    (tmp_path / "state").mkdir(exist_ok=True)
    found = services.database(config)
    assert found.status is Status.FAILED
    assert "canvas-sync-monitor db upgrade" in (found.remedy or "")

    engine = open_engine(config.app.resolved_database_url)
    upgrade(engine)
    engine.dispose()
    assert services.database(config).status is Status.OK


def test_a_table_of_a_newer_version_has_failed(tmp_path: Path, postgresql_url: str) -> None:
    config = with_database(tmp_path, postgresql_url)
    engine = open_engine(postgresql_url)
    upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE canvas_sync_alembic_version SET version_num = '9999'"))
    found = services.database(config)
    assert found.status is Status.FAILED
    assert found.remedy
    engine.dispose()


def test_the_clock_is_compared_with_that_of_postgresql(tmp_path: Path, postgresql_url: str) -> None:
    found = services.clock(with_database(tmp_path, postgresql_url), None)
    assert found.status is Status.OK
    assert "of the database differ by" in found.message


@pytest.mark.parametrize(("offset", "direction"), [(-3600, "ahead"), (3600, "behind")])
def test_a_clock_that_is_wrong_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offset: int, direction: str
) -> None:
    """The same answer as Prometheus gives, of an hour ago or to come."""
    with answering() as server:
        target = "/api/v1/query"
        theirs = time.time() + offset
        body = f'{{"status":"success","data":{{"resultType":"scalar","result":[{theirs},"1"]}}}}'
        server.answers[target] = [Answer(body=body)]
        found = services.clock(configuration({"CANVAS_SYNC_LOG_DIR": str(tmp_path)}), server.url)
    assert found.status is Status.WARNING
    assert f"This one is {direction}" in found.message


def test_a_collector_that_listens_is_well() -> None:
    with http_receiver() as receiver:
        found = services.collector({"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint})
    assert found.status is Status.OK


def test_prometheus_is_asked_whether_it_scrapes_an_exporter(tmp_path: Path) -> None:
    config = configuration({"CANVAS_SYNC_LOG_DIR": str(tmp_path / "logs")})
    registry = CollectorRegistry()
    register_collectors(registry, config)
    with answering() as exporter:
        exporter.answers["/metrics"] = [
            Answer(503, body=""),
            Answer(200, {"Content-Type": CONTENT_TYPE_LATEST}, generate_latest(registry).decode()),
        ]
        settings = quick_prometheus(exporter.url)
        with prometheus(tmp_path / "prometheus", settings, {}) as server:
            found = eventually(lambda: _well(server.url), "the exporter scraped")
            assert services.clock(config, server.url).status is Status.OK
    assert "scrapes 1 exporters" in found.message


def test_a_prometheus_that_does_not_scrape_an_exporter_is_reported_with_where_to_add_it(
    tmp_path: Path,
) -> None:
    with prometheus(tmp_path / "prometheus", {}, {}) as server:
        found = services.prometheus(server.url)
    assert found.status is Status.WARNING
    assert "scrape_configs" in (found.remedy or "")


def test_a_server_that_is_not_prometheus_has_failed() -> None:
    with answering() as server:
        server.answers["/api/v1/query"] = [Answer(body="<html>Welcome</html>")]
        assert services.prometheus(server.url).status is Status.FAILED


def _well(url: str) -> Finding | None:
    found = services.prometheus(url)
    return found if found.status is Status.OK else None
