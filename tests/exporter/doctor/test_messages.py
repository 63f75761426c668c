"""Checks of messages: who receives them, and where their links lead."""

from __future__ import annotations

from pathlib import Path

import pytest

from canvas_sync_core.settings import time_zone
from canvas_sync_exporter.config_file.config_file import read_config_file
from canvas_sync_exporter.config_file.links import LinkSettings
from canvas_sync_exporter.config_file.messages import MessageSettings
from canvas_sync_exporter.doctor import Status, messages

URL = 'url = "http://127.0.0.1:1/secret"\n'


def settings(folder: Path, content: str) -> MessageSettings:
    file = folder / "config.toml"
    file.write_text(content)
    return read_config_file(file, time_zone("UTC"), {}).messages


@pytest.mark.parametrize(
    ("content", "status", "message"),
    [
        (f"[messages.webhook]\n{URL}", Status.OK, "webhook is configured"),
        (
            f"[messages]\nincidents = false\n[messages.webhook]\n{URL}",
            Status.OK,
            "left to Alertmanager",
        ),
        (
            f'[messages]\nincidents = false\n[messages.webhook]\n{URL}kinds = "incident"\n',
            Status.WARNING,
            "Nothing is ever sent to webhook",
        ),
        (
            f'[messages.reports]\nkinds = ["daily"]\n[messages.webhook]\n{URL}kinds = "weekly"\n',
            Status.WARNING,
            "Nothing is ever sent to webhook",
        ),
        (
            f'[messages.webhook]\n{URL}severities = "warning"\n',
            Status.WARNING,
            "No destination receives critical incidents",
        ),
        (
            f'[messages.webhook]\n{URL}sync_types = ["full"]\n',
            Status.WARNING,
            "No destination receives critical incidents",
        ),
    ],
)
def test_a_message_that_nobody_receives_is_noticed(
    tmp_path: Path, content: str, status: Status, message: str
) -> None:
    found = messages.receivers(settings(tmp_path, content))
    assert found.status is status
    assert message in found.message


def test_messages_without_links_are_noticed(tmp_path: Path) -> None:
    assert messages.links(LinkSettings()).status is Status.WARNING
    page = "https://canvas-sync.example.edu"
    assert messages.links(LinkSettings(page)).status is Status.OK


def test_keys_that_have_moved_are_a_warning(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[messages]\npage_url = 'https://example.edu'\n")
    environ = {"CANVAS_SYNC_CONFIG": str(tmp_path / "config.toml")}
    found, config = messages.config_file(environ)
    assert found.status is Status.WARNING
    assert "line 2: messages.page_url: deprecated; write it below [links]" in found.message
    assert config is not None
    assert config.file.links.page_url == "https://example.edu"


def test_a_mistake_in_the_configuration_file_is_found_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[messages]\nincident = false\n")
    environ = {"CANVAS_SYNC_CONFIG": str(tmp_path / "config.toml")}
    found, config = messages.config_file(environ)
    assert (found.status, config) == (Status.FAILED, None)
    assert "line 2: messages.incident: unknown key" in found.message
