"""Syncs of the demo that a real Prometheus with our rules has watched."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from canvas_sync_demo.cast import CAST
from canvas_sync_demo.processes import Stage

from .demo_syncs import run_syncs
from .forked_programs import running_forked
from .otlp import http_receiver
from .ports import unused_port
from .prometheus import Prometheus, eventually, prometheus, quick_prometheus, quick_rules

__all__ = ["WatchedDemo", "watched_demo"]

_NOBODY = "http://127.0.0.1:9"
_FIRST = (41, 42, 45, 46)
"""Two are well, one may not see a course, one has no valid token."""
_LATER = tuple(part.user_id for part in CAST if part.user_id not in _FIRST)
_COUNTERS = ("runs", "api_requests", "db_operations")


@dataclass(frozen=True, slots=True)
class WatchedDemo:
    """What it leaves behind.

    Attributes:
        prometheus: Still runs, as does the exporter that it scrapes.
        since: Unix time before the first run.
        until: Unix time at which everything had been scraped.
        first_alerts: Severities of what fired after the first syncs, by its name.
    """

    prometheus: Prometheus
    since: float
    until: float
    first_alerts: Mapping[str, str]


@contextmanager
def watched_demo(folder: Path) -> Iterator[WatchedDemo]:
    """Watch syncs of all users of the demo, and a cleanup; the runs are traced.

    Those with further faults come when the alert about the first ones fires, and no other.
    """
    since = time.time()
    stage = Stage(folder / "data", unused_port())
    stage.logs.mkdir(parents=True)
    with (
        http_receiver() as receiver,
        _exporter(stage),
        prometheus(folder / "prometheus", _config(stage, folder), quick_rules()) as server,
    ):
        _watch_itself(server, folder)
        eventually(lambda: len(server.query("up == 1")) == 2, "both are scraped")
        run_syncs(stage, *_FIRST, **receiver.environ)
        _await(server, "canvas_sync_run_duration_seconds_count > 0")
        run_syncs(stage, _FIRST[0], **receiver.environ)  # an increase of what was scraped
        alerts = eventually(
            lambda: _firing(server, "CanvasTokenInvalid"), "the alert of the token, alone"
        )
        run_syncs(stage, *_LATER, **receiver.environ)
        _await(server, f"sum(canvas_sync_runs_total) >= {len(CAST) + 1}")
        for counter in _COUNTERS:
            _await(server, f"sum(increase(canvas_sync_{counter}_total[1h])) > 0")
        _await(server, "canvas_sync_incident_info")
        _clean_up(server, stage)
        yield WatchedDemo(server, since, time.time(), alerts)


@contextmanager
def _exporter(stage: Stage) -> Iterator[None]:
    """Serve metrics with expectations, which some rules are about."""
    environment = stage.environment(
        CANVAS_SYNC_EXPECTED_INTERVALS="full=24h,incremental=1h",
        CANVAS_SYNC_TOKEN_EXPIRES="nightly=2030-01-31",
    )
    arguments = ["-m", "canvas_sync_exporter.cli", "serve", "--port", str(stage.port)]
    with running_forked(arguments, environment, stage.exporter_output):
        yield


def _config(stage: Stage, folder: Path) -> dict[str, Any]:
    """Prometheus' configuration, with a job for itself and an Alertmanager that is not there."""
    config = quick_prometheus(stage.url, _NOBODY)
    itself = {"files": [str(folder / "itself.json")]}
    config["scrape_configs"].append({"job_name": "prometheus", "file_sd_configs": [itself]})
    return config


def _watch_itself(server: Prometheus, folder: Path) -> None:
    """Tell it its address, known once it runs, in one step since it watches the file."""
    draft = folder / "itself.draft"
    draft.write_text(json.dumps([{"targets": [server.url.removeprefix("http://")]}]))
    draft.rename(folder / "itself.json")


def _await(server: Prometheus, condition: str) -> None:
    eventually(lambda: server.query(condition), condition)


def _firing(server: Prometheus, expected: str) -> dict[str, str] | None:
    """Severities of what fires, by its name, if only what is expected and the watchdog fire."""
    firing = server.query('ALERTS{alertstate="firing"}')
    alerts = {each["metric"]["alertname"]: each["metric"]["severity"] for each in firing}
    return alerts if alerts.keys() == {expected, "Watchdog"} else None


def _clean_up(server: Prometheus, stage: Stage) -> None:
    answer = requests.post(f"{stage.api}/logs/cleanup", json={}, timeout=60)
    assert answer.ok, answer.text
    _await(server, "canvas_sync_cleanup_last_success_timestamp_seconds > 0")
