"""The REST API over PostgreSQL, through an outage."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import pytest
import requests
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine, text

from canvas_sync_core.names import TABLE
from canvas_sync_core.store.database import open_engine
from canvas_sync_exporter.settings import configuration
from canvas_sync_exporter.web import create_app
from canvas_sync_exporter.web.access import Access
from canvas_sync_exporter.web.blueprint import REQUEST_LIMIT
from canvas_sync_exporter.web.context import WebContext
from support.http import serving
from support.postgresql import PostgresqlServer
from support.prometheus import eventually
from support.runs import failed, running, snapshot, write
from support.tables import create_tables

API = "/api/canvas/metrics"
_WAITING = text("select count(*) from pg_locks where not granted")


@pytest.fixture
def url(tmp_path: Path, postgresql_url: str) -> Iterator[str]:
    """A running exporter with its table in PostgreSQL."""
    config = configuration(
        {
            "CANVAS_SYNC_LOG_DIR": str(tmp_path / "logs"),
            "CANVAS_SYNC_DATABASE_URL": postgresql_url,
        }
    )
    engine = open_engine(config.app.resolved_database_url)
    create_tables(engine)
    write(engine, snapshot("one"), failed("two"), running("three"))
    context = WebContext(config, engine, Access(None))
    with serving(create_app(context, CollectorRegistry())) as url:
        yield url
    engine.dispose()


def test_every_query_is_answered(url: str) -> None:
    run = requests.get(f"{url}{API}/sync/task/one", timeout=30).json()
    assert requests.get(f"{url}{API}/sync/{run['id']}", timeout=30).json() == run
    assert requests.get(f"{url}{API}/summary", timeout=30).json()["runs"]["total"] == 3
    user = requests.get(f"{url}{API}/user/42/summary", timeout=30).json()
    assert user["runs"]["success_rate"] == 0.5
    performance = requests.get(f"{url}{API}/performance", timeout=30).json()
    assert performance["duration"]["count"] == 2
    (two,) = requests.get(f"{url}{API}/failed", timeout=30).json()["items"]
    assert two["sync_task_id"] == "two"
    for path in ("recent", "user/42/syncs"):
        first = requests.get(f"{url}{API}/{path}?limit=2", timeout=30).json()
        rest = requests.get(f"{url}{API}/{path}?cursor={first['next']}", timeout=30).json()
        found = [run["sync_task_id"] for run in first["items"] + rest["items"]]
        assert sorted(found) == ["one", "three", "two"]
        assert rest["next"] is None


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("sync/9223372036854775807", 404),
        ("user/9223372036854775807/summary", 404),
        ("sync/task/%00", 422),
        ("sync/task/%ED%A0%80", 404),
        ("failed?days=3660", 200),
    ],
)
def test_values_at_the_limits_of_its_types_are_answered(url: str, path: str, status: int) -> None:
    assert requests.get(f"{url}{API}/{path}", timeout=30).status_code == status


def test_an_outage_is_reported_and_ends_by_itself(
    url: str, postgresql_server: PostgresqlServer
) -> None:
    assert requests.get(f"{url}{API}/recent", timeout=30).status_code == 200
    postgresql_server.stop()
    try:
        away = requests.get(f"{url}{API}/recent", timeout=30)
        health = requests.get(f"{url}{API}/health", timeout=30)
    finally:
        postgresql_server.start()
    assert (away.status_code, health.status_code) == (503, 503)
    assert away.headers["Content-Type"] == "application/problem+json"
    assert requests.get(f"{url}{API}/recent", timeout=30).status_code == 200
    assert requests.get(f"{url}{API}/health", timeout=30).json()["checks"]["database"] == {
        "status": "ok",
        "reason": "The table can be read.",
    }


def test_requests_beyond_the_limit_are_refused_except_for_scrapes_and_health(
    url: str, postgresql_url: str
) -> None:
    engine = open_engine(postgresql_url)
    with ThreadPoolExecutor(REQUEST_LIMIT) as clients:
        with engine.connect() as blocker:
            blocker.execute(text(f"lock table {TABLE} in access exclusive mode"))
            slow = [  # different ones, since equal ones would share a query
                clients.submit(requests.get, f"{url}{API}/recent?limit={limit + 1}", timeout=120)
                for limit in range(REQUEST_LIMIT)
            ]
            eventually(lambda: _waiting(engine) == REQUEST_LIMIT, "every place is taken")
            refused = requests.get(f"{url}{API}/recent", timeout=30)
            health = requests.get(f"{url}{API}/health", timeout=30)
            scrape = requests.get(f"{url}/metrics", timeout=30)
        answers = [each.result() for each in slow]
    later = requests.get(f"{url}{API}/recent", timeout=30)
    well = requests.get(f"{url}{API}/health", timeout=30)
    engine.dispose()
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    assert refused.json()["detail"] == f"{REQUEST_LIMIT} requests are already in progress."
    assert scrape.status_code == 200
    assert health.json()["checks"]["jobs"]["status"] == "ok"
    for answer in answers:  # all waited for the table, as long as a statement may
        assert answer.status_code == 200 or "timeout" in answer.json()["detail"]
    assert (later.status_code, well.status_code) == (200, 200)


def test_equal_requests_that_share_a_query_count_towards_the_limit(
    url: str, postgresql_url: str
) -> None:
    engine = open_engine(postgresql_url)
    with ThreadPoolExecutor(REQUEST_LIMIT + 1) as clients, engine.connect() as blocker:
        blocker.execute(text(f"lock table {TABLE} in access exclusive mode"))
        sent = [
            clients.submit(requests.get, f"{url}{API}/recent", timeout=120)
            for _ in range(REQUEST_LIMIT + 1)
        ]
        refused = next(as_completed(sent, timeout=120)).result()
        blocker.rollback()
        answers = [each.result() for each in sent]
    engine.dispose()
    assert refused.json()["detail"] == f"{REQUEST_LIMIT} requests are already in progress."
    assert [each.status_code for each in answers].count(200) == REQUEST_LIMIT


def _waiting(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(_WAITING).scalar_one())


def test_a_silent_server_is_reported_within_seconds_and_comes_back(
    url: str, postgresql_server: PostgresqlServer
) -> None:
    """Stopped, it accepts connections and answers nothing; so do the connections in the pool."""
    assert requests.get(f"{url}{API}/recent", timeout=30).status_code == 200
    paths = ("recent", "summary", "failed", "sync/task/one", "user/42/summary", "performance")
    with (
        ThreadPoolExecutor(2 * len(paths)) as clients,
        postgresql_server.stopped_in_its_tracks(),
    ):
        pending = [clients.submit(_timed, f"{url}{API}/{path}") for path in paths]
        health = [_timed(f"{url}{API}/health") for _ in range(2)]
        health += clients.map(_timed, [f"{url}{API}/health"] * 6)
        answers = [each.result() for each in pending]
        probes = [thread for thread in threading.enumerate() if thread.name == "probe"]
    assert {(answer.status_code, seconds < 3) for answer, seconds in health} == {(503, True)}
    assert {(answer.status_code, seconds < 10) for answer, seconds in answers} == {(503, True)}
    assert {answer.headers["Content-Type"] for answer, _ in answers} == {"application/problem+json"}
    assert len(probes) <= 1
    for path in paths:
        assert requests.get(f"{url}{API}/{path}", timeout=30).status_code == 200
    assert requests.get(f"{url}{API}/health", timeout=30).json()["checks"]["database"] == {
        "status": "ok",
        "reason": "The table can be read.",
    }


def _timed(url: str) -> tuple[requests.Response, float]:
    began = time.monotonic()
    answer = requests.get(url, timeout=60)
    return answer, time.monotonic() - began
