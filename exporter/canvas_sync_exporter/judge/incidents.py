"""Turns what is found wrong now into incidents that open, get worse and resolve."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from canvas_sync_core.files.sanitizing import escape_controls
from canvas_sync_core.incident import SEVERITY_ORDER, Acknowledgement, Incident, IncidentState
from canvas_sync_core.names import IncidentKind

from .finding import Finding, Verdict

__all__ = [
    "REOPEN_WITHIN",
    "Acknowledgement",
    "Changes",
    "Incident",
    "IncidentState",
    "reconcile",
]

REOPEN_WITHIN: Final = timedelta(hours=2)
"""An incident that is found again so soon after it was over is the same one."""

_RUN_KINDS: Final = frozenset(
    {
        IncidentKind.MISSED,
        IncidentKind.OVERDUE,
        IncidentKind.FAILING,
        IncidentKind.PARTIAL,
        IncidentKind.INTERRUPTED,
        IncidentKind.STUCK,
        IncidentKind.OVERLAPPING,
        IncidentKind.SLOW,
        IncidentKind.SUSPECT,
    }
)
"""Kinds that are over for certain as soon as a run was well."""
_RECOVERY: Final = timedelta(minutes=2)
"""How long nothing must be found of the other kinds, whose figures go up and down."""
_RECOVERY_AFTER_REOPENING: Final = timedelta(minutes=30)
"""How much longer, for each time that the incident was reopened."""
_LONGEST_RECOVERY: Final = timedelta(hours=2)
_REWORDING_INTERVAL: Final = timedelta(minutes=1)
"""A text may contain a duration, which would otherwise be written at each judging."""
_MANY_MORE_FACTOR: Final = 2
_MANY_MORE_LEAST: Final = 10
_LONGEST_NAME: Final = 200
_LONGEST_SENTENCE: Final = 1000
_NEVER: Final = datetime.max.replace(tzinfo=UTC)
_EVIDENCE: Final = (
    "sync_type",
    "affects",
    "counts",
    "runs",
    "run_count",
    "user_count",
    "request_ids",
)
_WORDS: Final = ("summary", "cause")


@dataclass(frozen=True, slots=True)
class Changes:
    """What a verdict changes; each incident is in one of the groups, in its new state.

    Attributes:
        opened: Were not found before.
        reopened: Are found again soon after they were over: no new message at once.
        worsened: Are more severe, or affect many more runs than when they were acknowledged.
        resolved: Are over.
        updated: Have changed otherwise, which nobody has to be told.
    """

    opened: tuple[Incident, ...] = ()
    reopened: tuple[Incident, ...] = ()
    worsened: tuple[Incident, ...] = ()
    resolved: tuple[Incident, ...] = ()
    updated: tuple[Incident, ...] = ()

    @property
    def all(self) -> tuple[Incident, ...]:
        """Return every incident that is new or has changed."""
        return (*self.opened, *self.reopened, *self.worsened, *self.resolved, *self.updated)


def reconcile(
    incidents: Iterable[Incident],
    verdict: Verdict,
    *,
    judge: str = "exporter",
    live_judges: Set[str] = frozenset(),
) -> Changes:
    """Compare the known incidents with what was found.

    Args:
        incidents: All that are open, and those that were resolved within :data:`REOPEN_WITHIN`.
        verdict: What was found. Incidents of kinds that were not judged stay as they are.
        judge: Who judged.
        live_judges: All who judge now. What another one finds stays open, whatever this one finds:
            its metric files and its disk may be those of another host.
    """
    context = _Context(verdict.time, judge, frozenset(live_judges) - {judge})
    findings = _most_severe(verdict.findings)
    groups: dict[str, list[Incident]] = {each.name: [] for each in fields(Changes)}
    for incident in _one_of_each(incidents, verdict.time):
        finding = findings.pop(incident.key, None)
        if finding is not None:
            group, changed = _found(incident, finding, context)
        elif incident.kind in verdict.judged and incident.resolved_at is None:
            group, changed = _not_found(incident, context)
        else:
            continue
        if changed != incident:
            groups[group].append(replace(changed, updated_at=verdict.time))
    groups["opened"] = [_opened(finding, context) for finding in findings.values()]
    return Changes(**{group: tuple(members) for group, members in groups.items()})


@dataclass(frozen=True, slots=True)
class _Context:
    """Who judges, when, and beside whom."""

    now: datetime
    judge: str
    others: frozenset[str]


def _found(incident: Incident, finding: Finding, context: _Context) -> tuple[str, Incident]:
    """Return how an incident changes that is found, and what becomes of it."""
    changed = replace(
        incident,
        **_news(incident, finding, context.now),
        since=min(incident.since, finding.since),
        severity=max(incident.severity, finding.severity, key=SEVERITY_ORDER.index),
        found_by=(incident.found_by & context.others) | {context.judge},
        clear_since=None,
        resolved_at=None,
    )
    if incident.resolved_at is not None:
        count = incident.reopen_count + 1
        changed = replace(changed, reopened_at=context.now, reopen_count=count)
    if _is_worse(changed, replace(incident, resolved_at=None)):
        return "worsened", replace(changed, worsened_at=context.now)
    return "updated" if incident.resolved_at is None else "reopened", changed


def _not_found(incident: Incident, context: _Context) -> tuple[str, Incident]:
    """Return how an open incident changes that is not found, and what becomes of it."""
    found_by = incident.found_by & context.others
    clear_since = None if found_by else incident.clear_since or context.now
    changed = replace(incident, found_by=found_by, clear_since=clear_since)
    if clear_since is not None and context.now - clear_since >= _recovery(incident):
        return "resolved", replace(changed, resolved_at=clear_since)
    return "updated", changed


def _opened(finding: Finding, context: _Context) -> Incident:
    return Incident(
        kind=finding.kind,
        subject=finding.subject,
        severity=finding.severity,
        since=finding.since,
        opened_at=context.now,
        updated_at=context.now,
        found_by=frozenset({context.judge}),
        **{name: _value(finding, name) for name in (*_WORDS, *_EVIDENCE)},
    )


def _news(incident: Incident, finding: Finding, now: datetime) -> dict[str, Any]:
    """Return the fields that follow the newest finding."""
    names = (*_WORDS, *_EVIDENCE)
    changed = {
        name: _value(finding, name)
        for name in names
        if _value(finding, name) != getattr(incident, name)
    }
    is_reworded_only = changed.keys() <= set(_WORDS)
    if is_reworded_only and now - incident.updated_at < _REWORDING_INTERVAL:
        return {}
    return changed


def _value(finding: Finding, name: str) -> Any:
    """Return the value of a field of an incident."""
    if name != "affects":
        return getattr(finding, name)
    alone = () if finding.sync_type is None else (finding.sync_type,)
    return tuple(sorted(finding.affects)) or alone


def _is_worse(changed: Incident, before: Incident) -> bool:
    """Return whether an incident needs attention again."""
    if changed.severity != before.severity:
        return True
    if before.state is not IncidentState.ACKNOWLEDGED or before.acknowledgement is None:
        return False
    known = before.acknowledgement.run_count
    return changed.run_count >= max(known * _MANY_MORE_FACTOR, known + _MANY_MORE_LEAST)


def _recovery(incident: Incident) -> timedelta:
    """Return how long an incident must not be found until it is over."""
    base = timedelta() if incident.kind in _RUN_KINDS else _RECOVERY
    longer = base + incident.reopen_count * _RECOVERY_AFTER_REOPENING
    return min(longer, _LONGEST_RECOVERY)


def _most_severe(findings: Iterable[Finding]) -> dict[tuple[str, str], Finding]:
    """Return the findings by kind and subject, of several the most severe one."""
    chosen: dict[tuple[str, str], Finding] = {}
    for finding in sorted(
        map(_storable, findings), key=lambda each: SEVERITY_ORDER.index(each.severity)
    ):
        chosen[finding.kind, finding.subject] = finding
    return chosen


def _storable(finding: Finding) -> Finding:
    """Return a finding with texts of bounded length, and without what PostgreSQL refuses.

    An app chooses the names of its sync types and of its errors.
    """
    return replace(
        finding,
        subject=_short(finding.subject, _LONGEST_NAME),
        sync_type=None if finding.sync_type is None else _short(finding.sync_type, _LONGEST_NAME),
        affects=frozenset(_short(name, _LONGEST_NAME) for name in finding.affects),
        summary=_short(finding.summary, _LONGEST_SENTENCE),
        cause=_short(finding.cause, _LONGEST_SENTENCE),
        counts={_short(name, _LONGEST_SENTENCE): count for name, count in finding.counts.items()},
        runs=tuple(map(escape_controls, finding.runs)),
        request_ids=tuple(map(escape_controls, finding.request_ids)),
    )


def _short(text: str, length: int) -> str:
    safe = escape_controls(text)
    return safe if len(safe) <= length else f"{safe[: length - 1]}…"


def _one_of_each(incidents: Iterable[Incident], now: datetime) -> Iterable[Incident]:
    """Choose for each kind and subject the open incident, or else the one that ended last."""
    chosen: dict[tuple[str, str], Incident] = {}
    for incident in sorted(incidents, key=lambda each: each.resolved_at or _NEVER):
        if incident.resolved_at is None or now - incident.resolved_at <= REOPEN_WITHIN:
            chosen[incident.key] = incident
    return chosen.values()
