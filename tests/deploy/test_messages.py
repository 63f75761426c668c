"""From a sync that fails to the message that somebody reads, over real servers."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask, request

from canvas_sync_demo.processes import Stage, free_port, serving
from support.demo_syncs import run_syncs
from support.http import serving as serving_app
from support.mailbox import Mailbox, mailbox
from support.prometheus import (
    Prometheus,
    alertmanager,
    eventually,
    prometheus,
    quick_prometheus,
    quick_rules,
    read_yaml,
)
from support.switched_on import switched_on

USER_WITH_EXPIRED_TOKEN = 46
SECONDS = 600.0  # on a busy machine


class Inbox:
    """What was posted to a path, such as that of Slack's webhook."""

    def __init__(self) -> None:
        self._posted: dict[str, queue.Queue[Any]] = {
            path: queue.Queue() for path in ("slack", "switch")
        }
        self.app = Flask(__name__)
        self.app.add_url_rule("/<path>", view_func=self._take, methods=["POST"])

    def _take(self, path: str) -> str:
        self._posted[path].put(request.get_json())
        return "ok"

    def next(self, path: str) -> Any:
        """Wait for what is posted next."""
        return self._posted[path].get(timeout=SECONDS)


@dataclass
class Stack:
    """The servers that a message passes."""

    stage: Stage
    prometheus: Prometheus
    mailbox: Mailbox
    inbox: Inbox


def quick_alertmanager(folder: Path, inbox_url: str, smtp_address: str) -> dict[str, Any]:
    """Alertmanager's configuration with everything on, our receivers, and short waits."""
    config: dict[str, Any] = read_yaml(switched_on(folder, "slack", "email", "dead-mans-switch"))
    (folder / "slack_api_url").write_text(f"{inbox_url}/slack\n")
    (folder / "smtp_password").write_text("by heart")  # older versions take a newline as part
    receivers = {each["name"]: each for each in config["receivers"]}
    receivers["dead-mans-switch"]["webhook_configs"][0]["url"] = f"{inbox_url}/switch"
    receivers["slack"]["slack_configs"][0]["api_url_file"] = str(folder / "slack_api_url")
    receivers["email"]["email_configs"][0].update(
        smarthost=smtp_address,
        auth_password_file=str(folder / "smtp_password"),
        require_tls=False,
    )
    config["route"].update(group_wait="1s", group_interval="1s")
    return config


@contextmanager
def running_stack(folder: Path) -> Iterator[Stack]:
    """All servers, ready."""
    inbox, stage = Inbox(), Stage(folder / "data", free_port(0))
    stage.logs.mkdir(parents=True)
    with ExitStack() as servers:
        address, box = servers.enter_context(mailbox("canvas-sync@example.edu", "by heart"))
        inbox_url = servers.enter_context(serving_app(inbox.app))
        servers.enter_context(serving(stage))
        manager = servers.enter_context(
            alertmanager(folder / "manager", quick_alertmanager(folder, inbox_url, address))
        )
        watcher = servers.enter_context(
            prometheus(folder / "prometheus", quick_prometheus(stage.url, manager), quick_rules())
        )
        eventually(lambda: watcher.query("up == 1"), "the exporter is scraped")
        yield Stack(stage, watcher, box, inbox)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("stack")) as servers:
        yield servers


def test_a_refused_token_is_one_alert_that_names_the_cause_in_slack_and_e_mail(
    stack: Stack,
) -> None:
    exit_codes = run_syncs(stack.stage, USER_WITH_EXPIRED_TOKEN)
    assert exit_codes[USER_WITH_EXPIRED_TOKEN] != 0

    (slack,) = stack.inbox.next("slack")["attachments"]
    email = stack.mailbox.next()

    title = "Critical: Canvas refuses an access token: "
    instance = stack.stage.url.removeprefix("http://")
    description = f"Canvas refuses the access token of syncs on {instance}; they fail until"
    runbook = "http://localhost:5000/runbooks/CanvasTokenInvalid"
    assert slack["title"].startswith(title)
    assert "expired" in slack["title"]
    assert slack["color"] == "danger"
    assert description in slack["text"]
    assert f"<{runbook}|Runbook>" in slack["text"]
    assert "<http://localhost:3000/d/canvas-sync-api|Dashboard>" in slack["text"]
    assert email["Subject"] == slack["title"]
    bodies = [email.get_body((kind,)) for kind in ("plain", "html")]
    text, html = (body.get_content() for body in bodies if body is not None)
    assert description in text
    assert f"Runbook:   {runbook}" in text
    assert description in html
    assert f'<a href="{runbook}">Runbook</a>' in html
    page = requests.get(stack.stage.url + runbook.removeprefix("http://localhost:5000"), timeout=30)
    assert "<h2>Mitigation</h2>" in page.text


def test_the_dead_mans_switch_hears_of_a_stack_that_works(stack: Stack) -> None:
    told = stack.inbox.next("switch")

    assert told["receiver"] == "dead-mans-switch"
    assert [each["labels"]["alertname"] for each in told["alerts"]] == ["Watchdog"]
