"""The configuration of Alertmanager: where alerts go, what is kept back, how messages read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.prometheus import ALERTMANAGER_CONFIG, all_rules, read_yaml, run_program
from support.switched_on import switched_on

TEMPLATES = ALERTMANAGER_CONFIG.parent / "templates" / "*.tmpl"
NAMES = sorted({rule["alert"] for rule in all_rules() if "alert" in rule} - {"Watchdog"})


def alert(status: str, sync_type: str, severity: str = "critical") -> dict[str, Any]:
    """An alert as Alertmanager gives it to a template."""
    return {
        "status": status,
        "labels": {
            "alertname": "CanvasSyncFailing",
            "severity": severity,
            "sync_type": sync_type,
            "instance": "exporter:5000",
        },
        "annotations": {
            "summary": f"{sync_type} sync is failing",
            "description": f"Runs of {sync_type} <b> failed.",
            "runbook_url": "http://localhost:5000/runbooks/CanvasSyncFailing",
            "dashboard_url": "http://localhost:3000/d/canvas-sync-runs",
        },
        "startsAt": "2026-11-23T02:10:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://localhost:9090/graph?g0.expr=x%3E1",
    }


def message(status: str, *alerts: dict[str, Any]) -> dict[str, Any]:
    """A message as Alertmanager gives it to a template."""

    def common(part: str) -> dict[str, str]:
        first, *others = (each[part] for each in alerts)
        return {
            name: value
            for name, value in first.items()
            if all(other[name] == value for other in others)
        }

    return {
        "receiver": "slack",
        "status": status,
        "alerts": list(alerts),
        "groupLabels": {"alertname": "CanvasSyncFailing"},
        "commonLabels": common("labels"),
        "commonAnnotations": common("annotations"),
        "externalURL": "http://localhost:9093",
    }


def rendered(folder: Path, name: str, data: dict[str, Any], kind: str = "text") -> str:
    """What a template of ours makes of a message."""
    (folder / "message.json").write_text(json.dumps(data), encoding="utf-8")
    return run_program(
        "amtool",
        *("template", "render", f"--template.glob={TEMPLATES}", f"--template.type={kind}"),
        f'--template.text={{{{ template "canvas_sync.{name}" . }}}}',
        f"--template.data={folder / 'message.json'}",
    )


def receivers_of(config: Path, **labels: str) -> list[str]:
    """Where an alert goes."""
    words = [f"{name}={value}" for name, value in labels.items()]
    printed = run_program("amtool", "config", "routes", "test", f"--config.file={config}", *words)
    return printed.strip().split(",")


def test_amtool_accepts_the_configuration_with_its_templates() -> None:
    assert "1 templates" in run_program("amtool", "check-config", ALERTMANAGER_CONFIG)


@pytest.mark.parametrize("name", NAMES)
def test_nobody_is_notified_until_a_receiver_is_switched_on(name: str) -> None:
    assert receivers_of(ALERTMANAGER_CONFIG, alertname=name, severity="critical") == ["nobody"]


@pytest.mark.parametrize(
    ("switches", "receivers"),
    [(("slack",), ["slack"]), (("email",), ["email"]), (("slack", "email"), ["slack", "email"])],
)
def test_a_step_of_the_how_to_page_switches_a_receiver_on(
    tmp_path: Path, switches: tuple[str, ...], receivers: list[str]
) -> None:
    config = switched_on(tmp_path, *switches)
    run_program("amtool", "check-config", config)

    assert receivers_of(config, alertname="CanvasSyncFailing", severity="warning") == receivers


@pytest.mark.parametrize("switches", [(), ("slack", "email", "dead-mans-switch")])
def test_the_watchdog_goes_only_to_the_dead_mans_switch(
    tmp_path: Path, switches: tuple[str, ...]
) -> None:
    config = switched_on(tmp_path, *switches)
    run_program("amtool", "check-config", config)

    assert receivers_of(config, alertname="Watchdog", severity="none") == ["dead-mans-switch"]


def test_secrets_come_from_files() -> None:
    text = ALERTMANAGER_CONFIG.read_text(encoding="utf-8")
    receivers = {each["name"]: each for each in read_yaml(ALERTMANAGER_CONFIG)["receivers"]}

    (slack,) = receivers["slack"]["slack_configs"]
    (email,) = receivers["email"]["email_configs"]
    assert slack["api_url_file"] == "/run/secrets/slack_api_url"
    assert email["auth_password_file"] == "/run/secrets/smtp_password"
    assert "api_url:" not in text
    assert "auth_password:" not in text


@pytest.mark.parametrize(
    ("status", "alerts", "title"),
    [
        ("firing", [alert("firing", "full")], "Critical: full sync is failing"),
        ("firing", [alert("firing", "full", "warning")], "Warning: full sync is failing"),
        ("resolved", [alert("resolved", "full")], "Resolved: full sync is failing"),
        (
            "firing",
            [alert("firing", "full"), alert("resolved", "grades", "warning")],
            "Critical: full sync is failing (first of 1 firing, 1 resolved)",
        ),
        (
            "firing",
            [alert("firing", name) for name in ("full", "grades", "rosters")],
            "Critical: full sync is failing (first of 3 firing)",
        ),
        (
            "resolved",
            [alert("resolved", name) for name in ("full", "grades")],
            "Resolved: full sync is failing (first of 2 resolved)",
        ),
        (
            "firing",
            [alert("firing", "full"), alert("firing", "full") | {"endsAt": "2026-11-24T02:10:00Z"}],
            "Critical: full sync is failing (2 firing)",
        ),
    ],
)
def test_the_title_says_how_bad_it_is_and_what_it_is(
    tmp_path: Path, status: str, alerts: list[dict[str, Any]], title: str
) -> None:
    assert rendered(tmp_path, "title", message(status, *alerts)) == title


@pytest.mark.parametrize("name", ["slack.title", "slack.text"])
def test_no_value_pings_or_links_in_slack(tmp_path: Path, name: str) -> None:
    hostile = alert("firing", "<!channel> & <https://example.org|full>")
    text = rendered(tmp_path, name, message("firing", hostile, alert("firing", "<!here>")))

    assert "&lt;!channel&gt; &amp; &lt;https://example.org|full&gt; sync is failing" in text
    assert "<!" not in text
    assert "<https://example.org" not in text


@pytest.mark.parametrize(
    ("status", "severity", "color"),
    [("firing", "critical", "danger"), ("firing", "warning", "warning"), ("resolved", "", "good")],
)
def test_slack_shows_it_by_colour(tmp_path: Path, status: str, severity: str, color: str) -> None:
    assert rendered(tmp_path, "color", message(status, alert(status, "full", severity))) == color


def test_slack_gets_each_alert_with_its_links(tmp_path: Path) -> None:
    data = message("firing", alert("firing", "full"), alert("resolved", "grades"))
    firing, resolved = rendered(tmp_path, "slack.text", data).strip().split("\n\n")

    assert firing.splitlines() == [
        ":rotating_light: *Critical* full sync is failing",
        "Runs of full &lt;b&gt; failed.",
        "Since 2026-11-23 02:10 UTC"
        " · <http://localhost:5000/runbooks/CanvasSyncFailing|Runbook>"
        " · <http://localhost:3000/d/canvas-sync-runs|Dashboard>"
        " · <http://localhost:9090/graph?g0.expr=x%3E1|Query>"
        " · <http://localhost:9093/#/silences/new?"
        "filter=%7Balertname%3D%22CanvasSyncFailing%22%7D|Silence>",
    ]
    assert resolved.startswith(":white_check_mark: *Resolved* grades sync is failing")
    assert "Silence" not in resolved


def test_an_e_mail_has_the_same_as_text(tmp_path: Path) -> None:
    text = rendered(tmp_path, "email.text", message("firing", alert("firing", "full")))

    assert text.strip().splitlines() == [
        "CRITICAL: full sync is failing",
        "",
        "Runs of full <b> failed.",
        "",
        "Since:     2026-11-23 02:10 UTC",
        "Runbook:   http://localhost:5000/runbooks/CanvasSyncFailing",
        "Dashboard: http://localhost:3000/d/canvas-sync-runs",
        "Query:     http://localhost:9090/graph?g0.expr=x%3E1",
        "Silence:   http://localhost:9093/#/silences/new?"
        "filter=%7Balertname%3D%22CanvasSyncFailing%22%7D",
    ]


def test_an_e_mail_has_it_as_html_in_which_nothing_foreign_is_markup(tmp_path: Path) -> None:
    data = message("firing", alert("firing", "full"))
    page = rendered(tmp_path, "email.html", data, kind="html")

    assert "<title>Critical: full sync is failing</title>" in page
    assert "Runs of full &lt;b&gt; failed." in page
    for link in (
        '<a href="http://localhost:5000/runbooks/CanvasSyncFailing">Runbook</a>',
        '<a href="http://localhost:3000/d/canvas-sync-runs">Dashboard</a>',
        '<a href="http://localhost:9090/graph?g0.expr=x%3E1">Query</a>',
    ):
        assert link in page
