"""The problems that conditions report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from canvas_sync_core.incident import Incident
from canvas_sync_core.names import IncidentKind, Severity

from .lapses import Lapse

__all__ = ["MOST_LISTED_RUNS", "Finding", "Verdict"]

MOST_LISTED_RUNS: Final = 20
"""Affected runs whose ids a finding lists."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem that a condition detects now for one subject.

    Kind and subject identify it: as long as it keeps being detected, it is the same incident.

    Attributes:
        subject: What it is about: a sync type, a token's short hash, a route, a log, ``exporter``.
        sync_type: The sync type that it affects, if it is exactly one.
        since: When it began, as far as is known, in UTC.
        summary: One sentence that names the subject; no user's name, no secret.
        cause: The cause in one sentence; empty when unknown.
        counts: Number of runs (or calls) by cause, most frequent first.
        runs: Ids of affected runs, newest first, at most :data:`MOST_LISTED_RUNS`.
        run_count: How many runs are affected.
        user_count: How many users are affected.
        request_ids: Canvas's ``X-Request-Context-Id`` of refused or failed calls, at most 5.
        affects: All sync types that it affects, so that one cause is one incident.
    """

    kind: IncidentKind
    subject: str
    severity: Severity
    since: datetime
    summary: str
    cause: str = ""
    sync_type: str | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    runs: tuple[str, ...] = ()
    run_count: int = 0
    user_count: int = 0
    request_ids: tuple[str, ...] = ()
    affects: frozenset[str] = frozenset()

    def on(self, host: str) -> Finding:
        """Return it as a problem of one of several hosts; unchanged if the name is empty."""
        if not host:
            return self
        return replace(self, subject=f"{self.subject} on {host}", summary=f"{host}: {self.summary}")


def _recovers(_: Incident) -> None:
    """Say that each incident has recovered."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """All findings at one time.

    Attributes:
        judged: The kinds that could be judged. Open incidents of other kinds stay as they are:
            while the database is down, no one knows whether last night's failure is resolved.
        find_lapse: Returns why an incident that is no longer found has not recovered, if so.
    """

    time: datetime
    findings: tuple[Finding, ...]
    judged: frozenset[IncidentKind]
    find_lapse: Callable[[Incident], Lapse | None] = field(default=_recovers, compare=False)
