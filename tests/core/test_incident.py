"""Whether an incident needs attention."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from canvas_sync_core.incident import Acknowledgement, Incident, IncidentState
from canvas_sync_core.names import Severity

OPENED = datetime(2026, 3, 2, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
KNOWN = Acknowledgement(OPENED + HOUR, "ada", "Canvas is being upgraded", run_count=1)


def incident(
    known: Acknowledgement | None = None,
    worsened_at: datetime | None = None,
    resolved_at: datetime | None = None,
) -> Incident:
    return Incident(
        kind="failing",
        subject="full",
        severity=Severity.CRITICAL,
        since=OPENED,
        opened_at=OPENED,
        updated_at=OPENED,
        summary="A run of full failed.",
        acknowledgement=known,
        worsened_at=worsened_at,
        resolved_at=resolved_at,
    )


@pytest.mark.parametrize(
    ("each", "state"),
    [
        (incident(), IncidentState.OPEN),
        (incident(worsened_at=OPENED), IncidentState.OPEN),
        (incident(KNOWN), IncidentState.ACKNOWLEDGED),
        (incident(KNOWN, worsened_at=OPENED), IncidentState.ACKNOWLEDGED),
        (incident(KNOWN, worsened_at=OPENED + 2 * HOUR), IncidentState.OPEN),
        (incident(KNOWN, resolved_at=OPENED + 2 * HOUR), IncidentState.RESOLVED),
    ],
)
def test_an_acknowledgement_holds_until_the_incident_gets_worse(
    each: Incident, state: IncidentState
) -> None:
    assert each.state is state
