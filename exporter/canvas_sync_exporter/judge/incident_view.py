"""An incident as REST and the command line show it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from canvas_sync_core.incident import Acknowledgement, Incident, IncidentState
from canvas_sync_core.names import Severity

__all__ = ["IncidentView"]


@dataclass(frozen=True, slots=True)
class IncidentView:
    """An incident: the columns of its row, and its state.

    Attributes:
        state: ``open``, ``acknowledged`` or ``resolved``.
        acknowledgement: The newest one; null if nobody has acknowledged the incident.
    """

    id: int | None
    kind: str
    subject: str
    sync_type: str | None
    affects: tuple[str, ...]
    severity: Severity
    state: IncidentState
    since: dt.datetime
    opened_at: dt.datetime
    updated_at: dt.datetime
    resolved_at: dt.datetime | None
    summary: str
    cause: str
    counts: dict[str, int]
    runs: tuple[str, ...]
    run_count: int
    user_count: int
    request_ids: tuple[str, ...]
    acknowledgement: Acknowledgement | None
    worsened_at: dt.datetime | None
    reopened_at: dt.datetime | None
    reopen_count: int

    @classmethod
    def of(cls, incident: Incident) -> IncidentView:
        """Make the view of an incident."""
        fields = {name: getattr(incident, name) for name in cls.__slots__}
        return cls(**fields | {"counts": dict(incident.counts)})
