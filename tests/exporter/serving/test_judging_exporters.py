"""Serving exporters judge, and keep one row for each incident however many there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine

from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.incidents.judges import judges
from canvas_sync_core.store.incidents.reading import IncidentFilter, incident_page
from support.serve_process import ServeProcess, serve_process
from support.tables import create_tables
from support.waiting import wait_until

Serve = Callable[[str], AbstractContextManager[ServeProcess]]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_engine(f"sqlite:///{tmp_path / 'runs.sqlite3'}")
    create_tables(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def serve(tmp_path: Path, engine: Engine) -> Serve:
    """Starts an exporter with a folder of its own; a token of Canvas expires tomorrow."""
    tomorrow = datetime.now(UTC) + timedelta(days=1)

    def start(name: str) -> AbstractContextManager[ServeProcess]:
        own = tmp_path / name
        own.mkdir()
        settings = {
            "CANVAS_SYNC_DATABASE_URL": engine.url.render_as_string(),
            "CANVAS_SYNC_LOG_DIR": str(own / "logs"),
            "CANVAS_SYNC_TOKEN_EXPIRES": f"nightly={tomorrow.isoformat()}",
        }
        return serve_process(own, settings=settings)

    return start


def _value(served: ServeProcess, name: str, **labels: str) -> float | None:
    text = requests.get(f"{served.url}/metrics", timeout=60).text
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return sample.value
    return None


def test_what_is_wrong_is_reported_over_rest_metrics_and_health(serve: Serve) -> None:
    with serve("one") as served:
        served.wait_for_log("Incident opened: token_expiring")
        api = f"{served.url}/api/canvas/metrics"
        (incident,) = requests.get(f"{api}/incidents?state=open", timeout=60).json()["items"]
        assert (incident["kind"], incident["subject"]) == ("token_expiring", "nightly")
        labels = {"kind": "token_expiring", "severity": incident["severity"], "sync_type": ""}
        assert _value(served, "canvas_sync_incidents_open", **labels) == 1.0
        assert _value(served, "canvas_sync_exporter_check", check="judge") == 1.0
        checks = requests.get(f"{api}/health", timeout=60).json()["checks"]
        assert checks["judge"]["reason"] == "Open incidents: token_expiring (nightly)."


def test_two_exporters_find_one_incident(serve: Serve, engine: Engine) -> None:
    def is_found_by_both() -> bool:
        found = incident_page(engine, IncidentFilter(), 9).items
        return len(found) == 1 and len(found[0].found_by) == 2

    with serve("one"), serve("two"):
        wait_until(is_found_by_both, "both to find it")
        assert len(judges(engine)) == 2
