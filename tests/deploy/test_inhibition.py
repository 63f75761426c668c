"""Which alerts a real Alertmanager keeps back because of others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from support.prometheus import ALERTMANAGER_CONFIG, alertmanager, all_rules, eventually, read_yaml

HERE, ELSEWHERE = "exporter:5000", "other:5000"


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with alertmanager(tmp_path / "manager", read_yaml(ALERTMANAGER_CONFIG)) as address:
        yield address


def alert(name: str, severity: str, **labels: str) -> dict[str, str]:
    """The labels of an alert."""
    return {"alertname": name, "severity": severity, **labels}


LAST = [
    alert("CanvasSyncStackPartDown", severity, instance="last")
    for severity in ("critical", "warning")
]
"""A pair of which one keeps back the other."""


def kept_back(url: str, *alerts: dict[str, str]) -> list[bool]:
    """Send alerts and tell of each whether it is kept back.

    Alertmanager learns one after the other what keeps others back: once the last has its effect,
    the others have theirs.
    """
    body = [{"labels": labels} for labels in (*alerts, *LAST)]
    requests.post(f"{url}/api/v2/alerts", json=body, timeout=30).raise_for_status()

    def judged() -> dict[frozenset[tuple[str, str]], str] | None:
        found = requests.get(f"{url}/api/v2/alerts", timeout=30).json()
        states = {frozenset(it["labels"].items()): it["status"]["state"] for it in found}
        is_over = states.get(frozenset(LAST[1].items())) == "suppressed"
        return states if is_over and "unprocessed" not in states.values() else None

    states = eventually(judged, "all alerts are judged")
    return [states[frozenset(labels.items())] == "suppressed" for labels in alerts]


def test_a_critical_alert_inhibits_only_the_warning_about_the_same_thing(url: str) -> None:
    assert kept_back(
        url,
        alert("CanvasSyncFailing", "critical", job="east", sync_type="full"),
        alert("CanvasSyncFailing", "warning", job="east", sync_type="full"),
        alert("CanvasSyncFailing", "warning", job="east", sync_type="grades"),
        alert("CanvasSyncFailing", "warning", job="west", sync_type="full"),
        alert("CanvasSyncPartial", "warning", job="east", sync_type="full"),
    ) == [False, True, False, False, False]


def test_an_exporter_that_is_down_inhibits_only_its_own_symptoms(url: str) -> None:
    assert kept_back(
        url,
        alert("CanvasSyncExporterDown", "critical", instance=HERE),
        alert("CanvasSyncJudgeStalled", "critical", instance=HERE),
        alert("CanvasApiErrorBudgetBurn", "critical", instance=HERE, window="1h"),
        alert("CanvasSyncJudgeStalled", "critical", instance=ELSEWHERE),
        alert("CanvasSyncStale", "critical", sync_type="full"),  # another one may judge it
        alert("CanvasSyncNotificationFailures", "critical", instance="alertmanager:9093"),
        alert("Watchdog", "none"),
    ) == [False, True, True, False, False, False, False]


def test_a_missing_exporter_inhibits_symptoms_but_not_problems_of_the_stack(url: str) -> None:
    assert kept_back(
        url,
        alert("CanvasSyncExporterAbsent", "critical"),
        alert("CanvasSyncStale", "critical", instance=HERE, sync_type="full"),
        alert("CanvasSyncRuleEvaluationFailures", "critical", instance="localhost:9090"),
        alert("CanvasSyncStackPartDown", "warning", instance="loki:3100", job="loki"),
        alert("Watchdog", "none"),
    ) == [False, True, False, False, False]


BY_EXPORTER = [
    rule["alert"]
    for rule in all_rules()
    if "canvas_sync_incidents_open" in rule["expr"]
    and rule.get("alert") not in {None, "CanvasSyncMessagesFailing"}
]
"""The alerts about incidents; not the one that messages about incidents do not arrive."""
BY_ALERTMANAGER = [
    rule["alert"] for rule in all_rules() if rule.get("alert") not in {None, *BY_EXPORTER}
]


@pytest.mark.parametrize("incidents_from", ["exporter", "alertmanager"])
def test_alerts_about_incidents_are_inhibited_only_while_the_exporter_sends_them(
    url: str, incidents_from: str
) -> None:
    names = [*BY_EXPORTER, *BY_ALERTMANAGER]
    # Each has its own instance, so that none keeps back another one.
    alerts = [
        alert(name, "critical", instance=f"exporter-{number}:5000")
        for number, name in enumerate(names)
        if name not in {"CanvasSyncExporterAbsent", "Watchdog"}
    ]
    held = kept_back(url, alert("Watchdog", "none", incidents_from=incidents_from), *alerts)
    expected = {
        each["alertname"] for each, is_held in zip(alerts, held[1:], strict=True) if is_held
    }
    by_exporter = set(BY_EXPORTER) if incidents_from == "exporter" else set()
    assert expected == by_exporter | {"CanvasSyncExporterSilent"}  # CanvasSyncExporterDown says it
