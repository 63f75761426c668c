"""Serving exporters judge, and keep one row for each incident however many there are."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine

from canvas_sync_core.store.database import open_engine, upgrade
from canvas_sync_core.store.incidents.judges import judges
from canvas_sync_core.store.incidents.reading import IncidentFilter, incident_page
from support.runs import failed, snapshot, write
from support.serve_process import ServeProcess, serve_process
from support.waiting import wait_until


def _hours(engine: Engine, *, ok: bool) -> None:
    """Write runs of an hourly sync, the newest of which has just ended."""
    now = time.time()
    write(engine, *(snapshot(f"hour-{n}", start_time=now - 3600 * n - 60) for n in range(1, 30)))
    write(engine, (snapshot if ok else failed)("now", start_time=now - 60))


def _incidents(served: ServeProcess) -> list[dict[str, Any]]:
    answer = requests.get(f"{served.url}/api/canvas/metrics/incidents", timeout=30)
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def _value(served: ServeProcess, name: str, **labels: str) -> float | None:
    text = requests.get(f"{served.url}/metrics", timeout=30).text
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return sample.value
    return None


def _serving(folder: Path, url: str) -> Callable[[str], Any]:
    config = folder / "config.toml"
    config.write_text('[syncs.full]\nevery = "1h"\n')
    shared = {"CANVAS_SYNC_DATABASE_URL": url, "CANVAS_SYNC_CONFIG": str(config)}

    def serve(name: str) -> Any:
        own = folder / name
        own.mkdir()
        return serve_process(own, settings={"CANVAS_SYNC_LOG_DIR": str(own / "logs"), **shared})

    return serve


def test_what_is_wrong_is_told_over_rest_and_metrics_until_it_is_over(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'runs.sqlite3'}"
    engine = open_engine(url)
    upgrade(engine)
    _hours(engine, ok=False)
    labels = {"kind": "failing", "severity": "critical", "sync_type": "full"}
    with _serving(tmp_path, url)("one") as served:
        served.wait_for_log("Incident opened: failing")
        (incident,) = _incidents(served)
        assert (incident["kind"], incident["subject"]) == ("failing", "full")
        assert incident["runs"] == ["now"]
        assert _value(served, "canvas_sync_incidents_open", **labels) == 1.0
        assert _value(served, "canvas_sync_exporter_check", check="judge") == 1.0
        due = _value(served, "canvas_sync_next_due_timestamp_seconds", sync_type="full")
        assert due is not None
        assert due > time.time()
        write(engine, snapshot("better", start_time=time.time() - 15, duration=12.5))
        served.wait_for_log("Incident is over: failing")
        assert _value(served, "canvas_sync_incidents_open", **labels) == 0.0
        assert _incidents(served)[0]["state"] == "resolved"
    engine.dispose()


def test_two_exporters_open_an_incident_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'runs.sqlite3'}"
    engine = open_engine(url)
    upgrade(engine)
    _hours(engine, ok=False)
    serve = _serving(tmp_path, url)
    with serve("one"), serve("two"):
        wait_until(lambda: len(judges(engine)) == 2, "both to judge")
        wait_until(lambda: _is_found_by_both(engine), "both to find it")
    (incident,) = incident_page(engine, IncidentFilter(), 9).items
    assert incident.kind == "failing"
    engine.dispose()


def _is_found_by_both(engine: Engine) -> bool:
    found = incident_page(engine, IncidentFilter(), 9).items
    return len(found) == 1 and len(found[0].found_by) == 2
