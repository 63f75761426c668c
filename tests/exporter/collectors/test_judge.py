"""What the judge found, as metrics."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry

from canvas_sync_core.incident import Acknowledgement
from canvas_sync_core.names import IncidentKind, Severity
from canvas_sync_exporter.collectors import JudgeCollector
from canvas_sync_exporter.judge.judge import JudgeState
from support.incidents import OPENED, incident
from support.served_metrics import beside_the_schema

OPEN = "canvas_sync_incidents_open"
INFO = "canvas_sync_incident_info"
KNOWN = "canvas_sync_incidents_acknowledged"


class Shown:
    """A registry with the collector, and the state that it serves."""

    def __init__(self) -> None:
        self.state = JudgeState()
        self.registry = CollectorRegistry()
        self.registry.register(JudgeCollector(lambda: self.state))

    def value(self, name: str, **labels: str) -> float | None:
        assert beside_the_schema(self.registry.collect()) == []
        return self.registry.get_sample_value(name, labels)


def test_each_kind_exists_as_zero_before_its_first_incident() -> None:
    shown = Shown()
    for kind in IncidentKind:
        for severity in Severity:
            labels = {"kind": kind, "severity": severity, "sync_type": ""}
            assert shown.value(OPEN, **labels) == 0.0
            assert shown.value(KNOWN, **labels) == 0.0


def test_incidents_are_counted_and_go_back_to_zero() -> None:
    shown = Shown()
    labels = {"kind": "failing", "severity": "critical", "sync_type": "full"}
    assert shown.value(OPEN, **labels) is None
    shown.state = JudgeState(OPENED, (incident(), incident(subject="full, course 7")))
    assert shown.value(OPEN, **labels) == 2.0
    shown.state = JudgeState(OPENED)
    assert shown.value(OPEN, **labels) == 0.0


def test_an_acknowledged_incident_is_counted_separately_until_it_gets_worse() -> None:
    shown = Shown()
    labels = {"kind": "failing", "severity": "critical", "sync_type": "full"}
    known = incident(acknowledgement=Acknowledgement(OPENED, "ada", "known", 0))
    shown.state = JudgeState(OPENED, (known,))
    assert (shown.value(OPEN, **labels), shown.value(KNOWN, **labels)) == (None, 1.0)
    worse = replace(known, worsened_at=datetime(2026, 4, 1, tzinfo=UTC))
    shown.state = JudgeState(OPENED, (worse,))
    assert (shown.value(OPEN, **labels), shown.value(KNOWN, **labels)) == (1.0, 0.0)


def test_a_kind_of_a_newer_version_and_too_many_sync_types_stay_bounded() -> None:
    shown = Shown()
    new = replace(incident(), kind="new_kind")
    many = [incident(subject=f"{n}", sync_type=f"{n}") for n in range(300)]
    shown.state = JudgeState(OPENED, (new, *many))
    labels = {"kind": "failing", "severity": "critical", "sync_type": "other"}
    assert shown.registry.get_sample_value(OPEN, labels) == 1.0
    labels = {"kind": "other", "severity": "critical", "sync_type": "other"}
    assert shown.registry.get_sample_value(OPEN, labels) == 1.0


def test_next_due_times_and_the_last_judging_are_reported() -> None:
    shown = Shown()
    assert shown.value("canvas_sync_judged_timestamp_seconds") is None
    shown.state = JudgeState(OPENED, next_due={"full": OPENED})
    assert shown.value("canvas_sync_judged_timestamp_seconds") == OPENED.timestamp()
    name = "canvas_sync_next_due_timestamp_seconds"
    assert shown.value(name, sync_type="full") == OPENED.timestamp()
    shown.state = JudgeState(OPENED)
    assert shown.value(name, sync_type="full") is None


def test_open_incidents_are_described_until_they_are_over() -> None:
    shown = Shown()
    shown.state = JudgeState(OPENED, (incident(cause="ReadTimeout after 30 s."),))
    labels = {"kind": "failing", "sync_type": "full", "subject": "full"}
    assert shown.value(INFO, **labels, cause="ReadTimeout after 30 s") == 1.0
    known = Acknowledgement(OPENED, "ada", "known", 0)
    shown.state = JudgeState(OPENED, (incident(cause="x", acknowledgement=known),))
    assert shown.value(INFO, **labels, cause="x") is None


def test_an_incident_without_a_cause_is_described_by_its_summary() -> None:
    shown = Shown()
    shown.state = JudgeState(OPENED, (incident(cause="", summary="It failed."),))
    labels = {"kind": "failing", "sync_type": "full", "subject": "full", "cause": "It failed"}
    assert shown.value(INFO, **labels) == 1.0


def test_long_causes_are_cut_and_the_newest_critical_incidents_come_first() -> None:
    shown = Shown()
    critical = incident(subject="worst", cause="x" * 1000)
    warnings = [incident(subject=f"{n}", severity=Severity.WARNING) for n in range(300)]
    shown.state = JudgeState(OPENED, (*warnings, critical))
    found = [family for family in shown.registry.collect() if family.name == INFO]
    samples = found[0].samples
    assert len(samples) == 100
    assert samples[0].labels["subject"] == "worst"
    assert len(samples[0].labels["cause"]) == 200


@pytest.mark.parametrize(
    ("cause", "served"),
    [
        ("KeyError: 'due_at' of course 17", "KeyError: 'due_at' of course #"),
        ("HTTPError: 502 Bad Gateway", "HTTPError: 502 Bad Gateway"),
        ("no answer within 30 s, user 4711", "no answer within 30 s, user #"),
        ("12 items where 340 are usual", "# items where # are usual"),
        ("1,512 items where 2,345,500 are usual", "# items where # are usual"),
        ("took 9.5 min", "took 9.5 min"),
    ],
)
def test_a_cause_names_no_user_and_no_course(cause: str, served: str) -> None:
    shown = Shown()
    shown.state = JudgeState(OPENED, (incident(cause=cause),))
    labels = {"kind": "failing", "sync_type": "full", "subject": "full", "cause": served}
    assert shown.value(INFO, **labels) == 1.0
