"""The examples of configuration on the pages about messages can be used as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from canvas_sync_core.settings import time_zone
from canvas_sync_exporter.config_file.config_file import read_config_file
from support.markdown import ROOT

PAGES = ("messages", "cron")
SECRETS = {
    "slack_webhook": "https://hooks.slack.com/services/T0/B0/x",
    "slack_token": "xoxb-1",
    "smtp_password": "secret",
    "tickets_url": "https://tickets.example.edu/canvas",
    "tickets_secret": "secret",
    "teams_url": "msteams://a/b/c/",
}
EXAMPLE = re.compile(r"^( *)```toml\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


def examples() -> list[str]:
    found = []
    for name in PAGES:
        page = (ROOT / "docs" / "how-to" / f"{name}.md").read_text()
        found += [
            re.sub(rf"^{indent}", "", text, flags=re.MULTILINE)
            for indent, text in EXAMPLE.findall(page)
        ]
    return found


@pytest.mark.parametrize("example", examples())
def test_an_example_can_be_used(tmp_path: Path, example: str) -> None:
    for name, secret in SECRETS.items():
        (tmp_path / name).write_text(secret)
        (tmp_path / name).chmod(0o600)
    file = tmp_path / "config.toml"
    file.write_text(example.replace("/etc/canvas-sync-monitor", str(tmp_path)))
    config = read_config_file(file, time_zone("UTC"), {})
    has_destination = re.search(
        r"^\[+messages\.(?:slack|email|webhook|apprise)", example, re.MULTILINE
    )
    assert len(config.messages.channels) == bool(has_destination)
