"""Incidents: problems with a sync, Canvas, a database or the monitoring itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from .names import Severity

__all__ = ["SEVERITY_ORDER", "Acknowledgement", "Incident", "IncidentState"]

SEVERITY_ORDER: Final = (Severity.WARNING, Severity.CRITICAL)
"""In ascending order of severity."""


class IncidentState(StrEnum):
    """Whether an incident needs attention."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Who acknowledged an incident.

    Attributes:
        author: The name of the access token that was used, or of the user of the command line.
        run_count: Number of runs affected when it was acknowledged.
    """

    time: datetime
    author: str
    reason: str
    run_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """A condition that holds or held for one subject. All times are in UTC.

    Attributes:
        id: Its row; None until it is written.
        kind: An ``IncidentKind``, unless a newer version has written it.
        subject: What it is about: a sync type, a token's short hash, a route, a log, ``exporter``.
        sync_type: The sync type that it affects, if it is one.
        affects: All sync types that suffer from it, sorted.
        severity: The highest since it was opened.
        since: When it began, as far as is known.
        opened_at: When a judge first found it.
        updated_at: When the judge last changed anything about it.
        resolved_at: When it was over; None while it is open.
        summary: One sentence that names the subject; no user's name, no secret.
        cause: Why, in one sentence; empty when nothing is known.
        counts: How many runs (or calls) have which cause, the most frequent first.
        runs: Ids of affected runs, newest first, at most 20.
        run_count: How many runs are affected.
        user_count: How many users are affected.
        request_ids: Canvas's ``X-Request-Context-Id`` of refused or failed calls, at most 5.
        acknowledgement: The newest one.
        worsened_at: When it last got worse after it was opened.
        reopened_at: When it was last found again soon after it was over.
        reopen_count: How often that happened.
        clear_since: Since when no judge finds it; it is resolved when that has lasted.
        found_by: The judges that find it: exporters on several hosts see different files.
        version: Number of its changes, so that only one of several writers makes each.
    """

    id: int | None = None
    kind: str
    subject: str
    sync_type: str | None = None
    affects: tuple[str, ...] = ()
    severity: Severity
    since: datetime
    opened_at: datetime
    updated_at: datetime
    resolved_at: datetime | None = None
    summary: str
    cause: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    runs: tuple[str, ...] = ()
    run_count: int = 0
    user_count: int = 0
    request_ids: tuple[str, ...] = ()
    acknowledgement: Acknowledgement | None = None
    worsened_at: datetime | None = None
    reopened_at: datetime | None = None
    reopen_count: int = 0
    clear_since: datetime | None = None
    found_by: frozenset[str] = frozenset()
    version: int = 0

    @property
    def key(self) -> tuple[str, str]:
        """What identifies it among the open ones."""
        return self.kind, self.subject

    @property
    def state(self) -> IncidentState:
        """Whether it needs attention; an acknowledged one does so again once it gets worse."""
        if self.resolved_at is not None:
            return IncidentState.RESOLVED
        known = self.acknowledgement
        if known is None or (self.worsened_at is not None and self.worsened_at > known.time):
            return IncidentState.OPEN
        return IncidentState.ACKNOWLEDGED
