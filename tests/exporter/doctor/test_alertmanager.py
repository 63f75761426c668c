"""Whether people get messages about incidents twice, as a real Alertmanager says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from canvas_sync_core.settings import time_zone
from canvas_sync_exporter.config_file.config_file import read_config_file
from canvas_sync_exporter.config_file.messages import MessageSettings
from canvas_sync_exporter.doctor import Status
from canvas_sync_exporter.doctor.alertmanager import messages_sent_once
from support.http_answers import Answer, answering
from support.prometheus import ALERTMANAGER_CONFIG, alertmanager, read_yaml

INCIDENTS = '[messages.webhook]\nurl = "http://127.0.0.1:1/secret"\n'


def settings(folder: Path, content: str) -> MessageSettings:
    file = folder / "config.toml"
    file.write_text(content)
    return read_config_file(file, time_zone("UTC"), {}).messages


@contextmanager
def prometheus_with(*alertmanagers: str) -> Iterator[str]:
    """The part of Prometheus that says where its Alertmanagers are."""
    active = [{"url": f"{url}/api/v2/alerts"} for url in alertmanagers]
    with answering() as server:
        body = json.dumps({"data": {"activeAlertmanagers": active}})
        server.answers["/api/v1/alertmanagers"] = [Answer(body=body)]
        yield server.url


def delivered() -> dict[str, Any]:
    config: dict[str, Any] = read_yaml(ALERTMANAGER_CONFIG)
    return config


def connected(*, with_rule: bool = False) -> dict[str, Any]:
    config = delivered()
    if not with_rule:
        config["inhibit_rules"] = []
    config["route"]["routes"].append({"receiver": "tickets", "continue": True})
    hook = {"url": "http://127.0.0.1:1/alert"}
    config["receivers"].append({"name": "tickets", "webhook_configs": [hook]})
    return config


@pytest.mark.parametrize(
    ("config", "status", "message"),
    [
        (delivered(), Status.OK, "Only the exporter sends"),
        (connected(with_rule=True), Status.OK, "Only the exporter sends"),
        (connected(), Status.WARNING, "by the exporter to webhook, and by Alertmanager to tickets"),
    ],
)
def test_an_alertmanager_that_notifies_someone_sends_incidents_a_second_time(
    tmp_path: Path, config: dict[str, Any], status: Status, message: str
) -> None:
    with alertmanager(tmp_path / "manager", config) as url, prometheus_with(url) as prometheus:
        found = messages_sent_once(settings(tmp_path, INCIDENTS), prometheus)
    assert found.status is status
    assert message in found.message


@pytest.mark.parametrize(
    "content",
    [
        f"[messages]\nincidents = false\n{INCIDENTS}",
        f'{INCIDENTS}kinds = "daily"\n',
        "",
    ],
)
def test_an_exporter_that_sends_no_incidents_needs_no_question(
    tmp_path: Path, content: str
) -> None:
    found = messages_sent_once(settings(tmp_path, content), "http://127.0.0.1:1")
    assert found.status is Status.OK


def test_without_an_alertmanager_only_the_exporter_sends(tmp_path: Path) -> None:
    with prometheus_with() as prometheus:
        found = messages_sent_once(settings(tmp_path, INCIDENTS), prometheus)
    assert (found.status, found.message) == (
        Status.OK,
        "Only the exporter sends messages about incidents.",
    )


def test_an_alertmanager_that_does_not_answer_leaves_it_unknown(tmp_path: Path) -> None:
    with prometheus_with("http://127.0.0.1:1") as prometheus:
        found = messages_sent_once(settings(tmp_path, INCIDENTS), prometheus)
    assert found.status is Status.WARNING
    assert "is unknown" in found.message
    assert "secret" not in found.message
