"""The parts of the stack know each other by the same names, ports and files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from deploy.setup.make_secrets import SECRETS

READ_BY = {
    "prometheus": ("prometheus/prometheus.yml",),
    "alertmanager": ("alertmanager/alertmanager.yml",),
    "grafana": ("grafana/provisioning/datasources/canvas-sync.yml",),
    "otel-collector": ("otel-collector/config.yml",),
    "tempo": ("tempo/config.yml",),
    "loki": ("loki/config.yml",),
}
"""Service -> the files of ``deploy`` that it reads."""
PORTS = {
    "exporter": {5000},
    "postgres": {5432},
    "prometheus": {9090},
    "alertmanager": {9093},
    "grafana": {3000},
    "otel-collector": {4317, 4318, 8888, 8889},
    "tempo": {3200, 4317},
    "loki": {3100},
    "demo-canvas": {8080},
}
"""What each service listens on inside the stack."""


@pytest.fixture(scope="module")
def texts(repository: Path, compose: dict[str, Any]) -> dict[str, str]:
    """All that is said to each service: its part of the compose file and the files it reads."""
    deploy = repository / "deploy"
    texts = {name: yaml.safe_dump(part) for name, part in compose["services"].items()}
    for name, files in READ_BY.items():
        texts[name] += "".join((deploy / file).read_text() for file in files)
    roles = (deploy / "postgres" / "10-roles.sh").read_text()
    texts["postgres"] += re.sub(r"password (\w+_password)", r"/run/secrets/\1", roles)
    return texts


def addresses(text: str) -> Iterator[tuple[str, int]]:
    """Services and ports that a text names; other machines have a dot or are this one."""
    for host, port in re.findall(r"(?:^|[\s\"'/@])([a-z][a-z-]+):(\d{4,5})\b", text):
        if host != "localhost":
            yield host, int(port)


def test_every_address_is_one_where_a_service_listens(texts: dict[str, str]) -> None:
    named = {(name, *address) for name, text in texts.items() for address in addresses(text)}
    assert [it for it in named if it[2] not in PORTS.get(it[1], set())] == []
    assert {("prometheus", "exporter", 5000), ("grafana", "loki", 3100)} <= named
    assert ("otel-collector", "tempo", 4317) in named


def test_prometheus_watches_every_server_of_the_stack(
    texts: dict[str, str], compose: dict[str, Any]
) -> None:
    watched = {host for host, _ in addresses(texts["prometheus"])} | {"prometheus"}
    servers = {name for name, it in compose["services"].items() if "profiles" not in it}
    # PostgreSQL has no metrics of its own; the exporter's health tells of it.
    assert watched == servers - {"setup", "postgres"}


def test_each_service_reads_the_secrets_that_it_is_given(texts: dict[str, str]) -> None:
    named = {
        (name, file)
        for name, text in texts.items()
        for file in re.findall(r"/run/secrets/([\w-]+)", text)
        if name not in {"setup", "alertmanager"}  # which keeps them all; whose file has them in it
    }
    given = {(reader, secret.name) for secret in SECRETS for reader in secret.readers}
    services = {"demo-sync": "syncs"}
    assert {(services.get(name, name), file) for name, file in named} == given


def test_exemplars_are_kept_by_the_collector_and_by_prometheus(texts: dict[str, str]) -> None:
    assert "--enable-feature=exemplar-storage" in texts["prometheus"]
    assert "enable_open_metrics: true" in texts["otel-collector"]


def test_the_logs_that_the_collector_reads_are_those_that_are_written(
    compose: dict[str, Any], texts: dict[str, str]
) -> None:
    services = compose["services"]
    (folder,) = {
        services[name]["environment"]["CANVAS_SYNC_LOG_DIR"] for name in ("exporter", "demo-sync")
    }
    assert f"- {folder}/*.log\n" in texts["otel-collector"]
    assert "data:/data:ro" in services["otel-collector"]["volumes"]
    groups = {
        services[name]["user"].partition(":")[2]
        for name in ("exporter", "demo-sync", "otel-collector")
    }
    assert groups == {"10001"}


def test_the_data_sources_reach_the_database_that_the_set_up_makes(texts: dict[str, str]) -> None:
    for role in ("user: canvas_sync_reader", "database: canvas_sync"):
        assert role in texts["grafana"]
    assert "CREATE ROLE canvas_sync_reader LOGIN" in texts["postgres"]
    assert "CREATE DATABASE canvas_sync OWNER canvas_sync" in texts["postgres"]
