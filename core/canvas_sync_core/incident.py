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
    """The acknowledgement of an incident by a person.

    Attributes:
        author: The name of the access token, or of the user on the command line.
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
        id: The id of its row; None until it is written.
        kind: An ``IncidentKind``, unless a newer version of this program wrote it.
        subject: What it is about: a sync type, a token's short hash, a route, a log, ``exporter``.
        sync_type: The sync type, if the incident is about exactly one.
        affects: All sync types that it affects, sorted.
        severity: The highest severity since it was opened.
        since: When the problem began, as far as known.
        opened_at: When a judge first found it.
        updated_at: When a judge last changed it.
        resolved_at: When it was resolved; None while it is open.
        summary: One sentence that names the subject, without users' names or secrets.
        cause: The cause in one sentence; empty if unknown.
        counts: Cause -> number of runs (or calls), most frequent first.
        runs: Ids of affected runs, newest first, at most 20.
        run_count: Number of affected runs.
        user_count: Number of affected users.
        request_ids: Canvas's ``X-Request-Context-Id`` of refused or failed calls, at most 5.
        acknowledgement: The newest acknowledgement.
        worsened_at: When it last got worse after it was opened.
        reopened_at: When it was last reopened because the problem came back soon.
        reopen_count: How many times it was reopened.
        clear_since: Since when no judge has found it; it is resolved after a while without it.
        found_by: The judges that currently find it: exporters on several hosts see different files.
        version: Number of changes so far. Each writer checks it, so that of several concurrent
            changes only the first is made.
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
        """The kind and subject, which identify it among open incidents."""
        return self.kind, self.subject

    @property
    def state(self) -> IncidentState:
        """Its state; an acknowledged incident that gets worse is open again."""
        if self.resolved_at is not None:
            return IncidentState.RESOLVED
        known = self.acknowledgement
        if known is None or (self.worsened_at is not None and self.worsened_at > known.time):
            return IncidentState.OPEN
        return IncidentState.ACKNOWLEDGED
