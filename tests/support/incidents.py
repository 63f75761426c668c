"""Incidents, made without a judge."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from canvas_sync_core.incident import Acknowledgement, Incident
from canvas_sync_core.names import IncidentKind, Severity
from canvas_sync_core.store.incidents.writing import write_incidents

__all__ = ["KNOWN_CAUSE", "OPENED", "incident", "number_of", "write"]

OPENED = datetime(2026, 3, 2, 2, 30, 0, 123456, tzinfo=UTC)
KNOWN_CAUSE = Acknowledgement(
    OPENED + timedelta(minutes=1), "ada", "The token is being renewed.", 0
)


def incident(kind: IncidentKind = IncidentKind.FAILING, **changes: Any) -> Incident:
    """An open critical incident of the sync type ``full``, but for ``changes``."""
    defaults = {
        "subject": "full",
        "sync_type": "full",
        "severity": Severity.CRITICAL,
        "since": OPENED,
        "opened_at": OPENED,
        "updated_at": OPENED,
        "summary": "The sync full fails.",
    }
    return Incident(kind=kind, **{**defaults, **changes})


def write(engine: Engine, *incidents: Incident) -> list[Incident]:
    """Write incidents; return them as they are stored."""
    return write_incidents(engine, incidents)


def number_of(incident: Incident) -> int:
    """Return the number that a stored incident has."""
    assert incident.id is not None
    return incident.id
