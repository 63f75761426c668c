"""The demo with a real Prometheus that watches it, until its first round is over."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from canvas_sync_demo.processes import running, wait_until

from .otlp import http_receiver
from .prometheus import Prometheus, eventually, prometheus

__all__ = ["WatchedDemo", "watched_demo"]

_NOBODY = "127.0.0.1:9"
_ALERT = {"alert": "Always", "expr": "vector(1)", "labels": {"severity": "warning"}}
_RULES = {"groups": [{"name": "one", "rules": [_ALERT]}]}
_RUNS = 7
_COUNTERS = ("runs", "api_requests", "db_operations")
_SECONDS = 600.0  # a round on a busy machine


@dataclass(frozen=True, slots=True)
class WatchedDemo:
    """What is left of it.

    Attributes:
        prometheus: Still runs.
        since: Unix time before the first run.
        until: Unix time at which everything had been scraped and the exporter was still there.
    """

    prometheus: Prometheus
    since: float
    until: float


@pytest.fixture(scope="session")
def watched_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedDemo]:
    """Watch a round of syncs and a cleanup; the runs are traced, and an alert fires.

    It goes on to the next round where all that a counter counts fell between two scrapes.
    """
    folder = tmp_path_factory.mktemp("watched_demo")
    targets = folder / "targets.json"
    job = {"job_name": "all", "file_sd_configs": [{"files": [str(targets)]}]}
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "scrape_configs": [job],
        "rule_files": ["rules/*.yml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [_NOBODY]}]}]},
    }
    since = time.time()
    with prometheus(folder / "prometheus", config, {"one.yml": _RULES}) as server:
        with _demo(folder) as exporter:
            found = {"canvas-sync-exporter": exporter, "prometheus": server.url}
            _point(targets, found)
            _await(server, f"sum(canvas_sync_runs_total) >= {_RUNS}")
            for counter in _COUNTERS:
                _await(server, f"sum(increase(canvas_sync_{counter}_total[1h])) > 0")
            _await(server, "canvas_sync_incident_info")
            _clean_up(server, exporter)
            until = time.time()
        yield WatchedDemo(server, since, until)


@contextmanager
def _demo(folder: Path) -> Iterator[str]:
    """Run the demo while the block lasts; gives the URL of its exporter."""
    output = folder / "demo.out"
    arguments = ["-u", "-m", "canvas_sync_exporter.cli", "demo", "--port", "0"]
    with http_receiver() as receiver:
        environment = {**os.environ, **receiver.environ}
        arguments += ["--data-dir", str(folder / "demo")]
        with running(arguments, environment, output) as process:

            def address() -> re.Match[str] | None:
                assert process.poll() is None, output.read_text()
                return re.search(r"exporter +(http://\S+)", output.read_text())

            yield eventually(address, "the demo says where its exporter is")[1]


def _point(targets: Path, found: dict[str, str]) -> None:
    """Tell Prometheus whom to scrape; whole at once, since it watches the file."""
    groups = [
        {"targets": [url.removeprefix("http://")], "labels": {"job": job}}
        for job, url in found.items()
    ]
    draft = targets.with_suffix(".draft")
    draft.write_text(json.dumps(groups))
    draft.rename(targets)


def _await(server: Prometheus, condition: str) -> None:
    assert wait_until(lambda: bool(server.query(condition)), _SECONDS), f"not so: {condition}"


def _clean_up(server: Prometheus, exporter: str) -> None:
    answer = requests.post(f"{exporter}/api/canvas/metrics/logs/cleanup", json={}, timeout=60)
    assert answer.ok, answer.text
    cleaned = "canvas_sync_cleanup_last_success_timestamp_seconds > 0"
    eventually(lambda: server.query(cleaned), "the cleanup is scraped")
