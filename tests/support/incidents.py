"""Incidents, made without a judge."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from canvas_sync_core.incident import Incident
from canvas_sync_core.names import IncidentKind, Severity

__all__ = ["OPENED", "incident"]

OPENED = datetime(2026, 3, 2, 2, 30, 0, 123456, tzinfo=UTC)


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
