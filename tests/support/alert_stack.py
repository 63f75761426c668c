"""Exporter, Prometheus, Alertmanager and receivers of messages, all real, with short intervals."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask, request

from canvas_sync_demo.processes import Stage, serving

from .demo_syncs import forked_demo
from .http import serving as serving_app
from .mailbox import Mailbox, mailbox
from .ports import unused_port
from .prometheus import (
    Prometheus,
    alertmanager,
    eventually,
    prometheus,
    quick_prometheus,
    quick_rules,
    read_yaml,
)
from .switched_on import switched_on

__all__ = ["AlertStack", "running_stack"]

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
class AlertStack:
    """The servers that a message passes."""

    stage: Stage
    prometheus: Prometheus
    alertmanager: str
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
def running_stack(folder: Path) -> Iterator[AlertStack]:
    """All servers, ready."""
    inbox, stage = Inbox(), Stage(folder / "data", unused_port())
    stage.logs.mkdir(parents=True)
    with ExitStack() as servers:
        address, box = servers.enter_context(mailbox("canvas-sync@example.edu", "by heart"))
        inbox_url = servers.enter_context(serving_app(inbox.app))
        with forked_demo():
            servers.enter_context(serving(stage))
        manager = servers.enter_context(
            alertmanager(folder / "manager", quick_alertmanager(folder, inbox_url, address))
        )
        watcher = servers.enter_context(
            prometheus(folder / "prometheus", quick_prometheus(stage.url, manager), quick_rules())
        )
        eventually(lambda: watcher.query("up == 1"), "the exporter is scraped")
        yield AlertStack(stage, watcher, manager, box, inbox)
