"""Alertmanager's destinations are those of the exporter's configuration file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from deploy.setup.alertmanager import alertmanager_config

from canvas_sync_core.settings import time_zone
from canvas_sync_exporter.config_file.config_file import read_config_file
from support.prometheus import ALERTMANAGER_CONFIG, run_program

SLACK = '[messages.slack]\nwebhook = "https://hooks.slack.com/services/1"\n'
EMAIL = (
    '[messages.email]\nhost = "smtp.example.edu"\nuser = "canvas-sync"\n'
    'password = "it\'s \\" hard"\n'
    'from = "Canvas sync <canvas-sync@example.edu>"\nto = ["a@example.edu", "b@example.edu"]\n'
)


def rendered(folder: Path, content: str) -> Path:
    """The configuration beside its templates."""
    (folder / "config.toml").write_text(content)
    file = read_config_file(folder / "config.toml", time_zone("UTC"), {})
    config = folder / "alertmanager.yml"
    config.write_text(alertmanager_config(ALERTMANAGER_CONFIG.read_text(), file))
    (folder / "templates").symlink_to(ALERTMANAGER_CONFIG.parent / "templates")
    run_program("amtool", "check-config", config)
    return config


def receivers(config: Path) -> dict[str, Any]:
    return {each["name"]: each for each in yaml.safe_load(config.read_text())["receivers"]}


def notified(config: Path, **labels: str) -> list[str]:
    words = [f"{name}={value}" for name, value in labels.items()]
    printed = run_program("amtool", "config", "routes", "test", f"--config.file={config}", *words)
    return printed.strip().split(",")


def test_without_a_destination_nobody_is_notified(tmp_path: Path) -> None:
    config = rendered(tmp_path, "")
    assert notified(config, alertname="CanvasSyncFailing", severity="critical") == ["nobody"]
    assert set(receivers(config)) == {"nobody", "dead-mans-switch"}


def test_alerts_go_to_each_destination_of_incidents(tmp_path: Path) -> None:
    config = rendered(tmp_path, SLACK + EMAIL)
    assert notified(config, alertname="CanvasSyncFailing") == ["slack", "email"]
    assert notified(config, alertname="Watchdog", severity="none") == ["dead-mans-switch"]
    (slack,) = receivers(config)["slack"]["slack_configs"]
    assert slack["api_url"] == "https://hooks.slack.com/services/1"
    (email,) = receivers(config)["email"]["email_configs"]
    assert email["smarthost"] == "smtp.example.edu:587"
    assert email["to"] == "a@example.edu, b@example.edu"
    assert (email["auth_username"], email["auth_password"]) == ("canvas-sync", "it's \" hard")
    assert email["require_tls"] is True


def test_messages_read_as_those_of_the_delivered_configuration(tmp_path: Path) -> None:
    delivered = {
        each["name"]: each for each in yaml.safe_load(ALERTMANAGER_CONFIG.read_text())["receivers"]
    }
    made = receivers(rendered(tmp_path, SLACK + EMAIL))
    own = {
        "slack_configs": {"api_url_file", "channel"},
        "email_configs": {"auth_password_file", "to", "from", "smarthost", "auth_username"},
    }
    for name, kind in (("slack", "slack_configs"), ("email", "email_configs")):
        (expected,) = delivered[name][kind]
        (found,) = made[name][kind]
        texts = {key: value for key, value in expected.items() if key not in own[kind]}
        assert texts.items() <= found.items()


def test_a_slack_bot_writes_to_its_channel(tmp_path: Path) -> None:
    config = rendered(tmp_path, '[messages.slack]\ntoken = "xoxb-1"\nchannel = "#canvas-sync"\n')
    (slack,) = receivers(config)["slack"]["slack_configs"]
    assert slack["api_url"] == "https://slack.com/api/chat.postMessage"
    assert slack["channel"] == "#canvas-sync"
    assert slack["http_config"] == {"authorization": {"credentials": "xoxb-1"}}


@pytest.mark.parametrize(
    ("audience", "labels", "is_notified"),
    [
        ('severities = "critical"', {"severity": "critical"}, True),
        ('severities = "critical"', {"severity": "warning"}, False),
        ('sync_types = ["full", "a.b|c"]', {"sync_type": "full"}, True),
        ('sync_types = ["full", "a.b|c"]', {"sync_type": "a.b|c"}, True),
        ('sync_types = ["full", "a.b|c"]', {"sync_type": "aXb"}, False),
        ('sync_types = ["full", "a.b|c"]', {}, True),
        ('kinds = "daily"', {"severity": "critical"}, False),
    ],
)
def test_a_destination_gets_the_alerts_of_its_audience(
    tmp_path: Path, audience: str, labels: dict[str, str], is_notified: bool
) -> None:
    config = rendered(tmp_path, f"{SLACK}{audience}\n")
    expected = ["slack"] if is_notified else ["nobody"]
    assert notified(config, alertname="CanvasSyncFailing", **labels) == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ('security = "tls"\n', {"smarthost": "mail:465", "require_tls": False}),
        ('security = "none"\n', {"smarthost": "mail:25", "require_tls": False}),
        ("port = 2525\n", {"smarthost": "mail:2525", "require_tls": True}),
    ],
)
def test_mail_is_sent_as_the_file_says(
    tmp_path: Path, lines: str, expected: dict[str, Any]
) -> None:
    sender = 'host = "mail"\nfrom = "a@example.edu"\nto = "b@example.edu"\n'
    config = rendered(tmp_path, f"[messages.email]\n{sender}{lines}")
    (email,) = receivers(config)["email"]["email_configs"]
    assert expected.items() <= email.items()
    assert "auth_username" not in email


def test_the_dead_mans_switch_is_called_every_five_minutes(tmp_path: Path) -> None:
    url = "https://hc-ping.com/4711"
    config = rendered(tmp_path, f'[alerts]\ndead_mans_switch = "{url}"\n')
    (hook,) = receivers(config)["dead-mans-switch"]["webhook_configs"]
    assert hook == {"url": url, "send_resolved": False}


def test_a_webhook_gets_no_alerts_since_their_format_is_another(tmp_path: Path) -> None:
    config = rendered(tmp_path, '[messages.webhook]\nurl = "https://tickets.example.edu/"\n')
    assert set(receivers(config)) == {"nobody", "dead-mans-switch"}
