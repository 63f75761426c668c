"""Which messages a destination receives."""

from __future__ import annotations

import pytest

from canvas_sync_core.names import MessageKind, Severity
from canvas_sync_exporter.config_file.audience import KINDS, Audience


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("severity", Severity)
def test_everything_is_received_by_default(kind: MessageKind, severity: Severity) -> None:
    assert Audience().wants_report(kind)
    assert Audience().wants_incident(severity, "full")
    assert Audience().wants_incident(severity, None)


def test_incidents_are_chosen_by_severity_and_sync_type() -> None:
    audience = Audience(
        severities=frozenset({Severity.CRITICAL}), sync_types=frozenset({"full", "grades"})
    )
    assert audience.wants_incident(Severity.CRITICAL, "grades")
    assert not audience.wants_incident(Severity.WARNING, "grades")
    assert not audience.wants_incident(Severity.CRITICAL, "users")


def test_an_incident_that_concerns_all_sync_types_is_received_by_each_audience() -> None:
    assert Audience(sync_types=frozenset({"full"})).wants_incident(Severity.WARNING, None)


def test_a_destination_of_reports_receives_no_incidents() -> None:
    audience = Audience(kinds=frozenset({MessageKind.MONTHLY}))
    assert audience.wants_report(MessageKind.MONTHLY)
    assert not audience.wants_report(MessageKind.DAILY)
    assert not audience.wants_incident(Severity.CRITICAL, "full")
