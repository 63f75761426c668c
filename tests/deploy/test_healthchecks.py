"""The health checks of the compose file, against real programs where the machine has them.

Ports and folders of the commands are replaced by those of the test. The programs of Grafana, Loki
and Tempo are in their images alone, and Debian's promtool is too old to check a server.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import make_url

from canvas_sync_demo.processes import free_port
from support.http_answers import Answer, answering
from support.postgresql import PostgresqlServer
from support.programs import required
from support.prometheus import ALERTMANAGER_CONFIG, alertmanager, read_yaml

Services = dict[str, dict[str, Any]]
HEALTH = "/api/canvas/metrics/health"


def is_healthy(services: Services, name: str, replacements: dict[str, str]) -> bool:
    """Run a service's check as Docker does: without a shell."""
    _, *command = services[name]["healthcheck"]["test"]
    for old, new in replacements.items():
        assert any(old in word for word in command), (name, old)
        command = [word.replace(old, new) for word in command]
    program = sys.executable if command[0] == "python" else required(command[0])
    done = subprocess.run([program, *command[1:]], capture_output=True, timeout=600, check=False)
    return done.returncode == 0


@contextmanager
def health_of(status: int) -> Iterator[str]:
    with answering() as server:
        server.answers[HEALTH] = [Answer(status, body="{}")]
        yield server.url


@contextmanager
def running(name: str, folder: Path) -> Iterator[str]:
    """A real server, or one that answers as the exporter does; gives its URL."""
    if name == "alertmanager":
        with alertmanager(folder / name, read_yaml(ALERTMANAGER_CONFIG)) as url:
            yield url
    else:
        with health_of(200) as url:
            yield url


@pytest.mark.parametrize(
    ("name", "own"),
    [("alertmanager", "127.0.0.1:9093"), ("exporter", "127.0.0.1:5000")],
)
def test_a_server_is_healthy_while_it_answers(
    services: Services, tmp_path: Path, name: str, own: str
) -> None:
    with running(name, tmp_path) as url:
        assert is_healthy(services, name, {own: urlsplit(url).netloc})
    assert not is_healthy(services, name, {own: urlsplit(url).netloc})


def test_an_exporter_that_reports_that_it_is_unhealthy_is_unhealthy(services: Services) -> None:
    with health_of(503) as url:
        assert not is_healthy(services, "exporter", {"127.0.0.1:5000": urlsplit(url).netloc})


def test_the_database_is_healthy_while_it_answers(
    services: Services, tmp_path: Path, postgresql_server: PostgresqlServer
) -> None:
    host = make_url(postgresql_server.url("postgres")).query["host"]
    assert is_healthy(services, "postgres", {"127.0.0.1": str(host)})
    assert not is_healthy(services, "postgres", {"127.0.0.1": str(tmp_path)})


def test_the_demos_canvas_is_healthy_while_it_listens(services: Services) -> None:
    with health_of(200) as url:
        assert is_healthy(services, "demo-canvas", {"8080": str(urlsplit(url).port)})
    assert not is_healthy(services, "demo-canvas", {"8080": str(free_port(0))})


def test_the_demos_syncs_are_healthy_while_they_write(services: Services, tmp_path: Path) -> None:
    log = tmp_path / "api_calls.log"
    paths = {"/data/logs/api_calls.log": str(log)}
    assert not is_healthy(services, "demo-sync", paths)
    log.touch()
    assert is_healthy(services, "demo-sync", paths)
    os.utime(log, (time.time() - 300,) * 2)
    assert not is_healthy(services, "demo-sync", paths)
