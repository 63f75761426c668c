"""Turns findings into incidents that open, get worse and resolve."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from canvas_sync_core.files.sanitizing import escape_controls
from canvas_sync_core.incident import SEVERITY_ORDER, Acknowledgement, Incident, IncidentState
from canvas_sync_core.names import IncidentKind

from .finding import Finding, Verdict
from .lapses import Lapse, lapsed

__all__ = [
    "REOPEN_WITHIN",
    "RUN_KINDS",
    "Acknowledgement",
    "Changes",
    "Incident",
    "IncidentState",
    "reconcile",
]

REOPEN_WITHIN: Final = timedelta(hours=2)
"""An incident that is detected again this soon after it resolved is the same one."""

RUN_KINDS: Final = frozenset(
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
"""Kinds that resolve as soon as a run is fine."""
_RECOVERY: Final = timedelta(minutes=2)
"""How long the other kinds, whose figures fluctuate, must stay undetected to resolve."""
_RECOVERY_AFTER_REOPENING: Final = timedelta(minutes=30)
"""Added to the recovery time for each time the incident has reopened."""
_LONGEST_RECOVERY: Final = timedelta(hours=2)
_REWORDING_INTERVAL: Final = timedelta(minutes=1)
"""A text may contain a growing duration, which would otherwise cause a write every time."""
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
    """The changes from a verdict; each changed incident is in one group, in its new state.

    Attributes:
        opened: Detected for the first time.
        reopened: Detected again soon after they resolved; they send no new message right away.
        worsened: More severe, or affecting many more runs than when they were acknowledged.
        resolved: No longer detected.
        updated: Changed in other ways, which need no message.
    """

    opened: tuple[Incident, ...] = ()
    reopened: tuple[Incident, ...] = ()
    worsened: tuple[Incident, ...] = ()
    resolved: tuple[Incident, ...] = ()
    updated: tuple[Incident, ...] = ()

    @property
    def all(self) -> tuple[Incident, ...]:
        """Return all new and changed incidents."""
        return (*self.opened, *self.reopened, *self.worsened, *self.resolved, *self.updated)


def reconcile(
    incidents: Iterable[Incident],
    verdict: Verdict,
    *,
    judge: str = "exporter",
    live_judges: Set[str] = frozenset(),
) -> Changes:
    """Compare the known incidents with the findings of a verdict.

    Args:
        incidents: All that are open, and those that resolved within :data:`REOPEN_WITHIN`.
        verdict: The findings. Incidents of kinds that were not judged stay as they are.
        judge: Name of the exporter that judged.
        live_judges: Names of all active judges. An incident that another one detects stays open
            even if this one does not: the other may see another host's disk and metric files.
    """
    context = _Context(verdict.time, judge, frozenset(live_judges) - {judge})
    findings = _most_severe(verdict.findings)
    groups: dict[str, list[Incident]] = {each.name: [] for each in fields(Changes)}
    for incident in _one_of_each(incidents, verdict.time):
        finding = findings.pop(incident.key, None)
        if finding is not None:
            group, changed = _detected(incident, finding, context)
        elif incident.kind in verdict.judged and incident.resolved_at is None:
            group, changed = _not_detected(incident, context, verdict.find_lapse)
        else:
            continue
        if changed != incident:
            groups[group].append(replace(changed, updated_at=verdict.time))
    groups["opened"] = [_opened(finding, context) for finding in findings.values()]
    return Changes(**{group: tuple(members) for group, members in groups.items()})


@dataclass(frozen=True, slots=True)
class _Context:
    """Who judges, when, and which other judges are active."""

    now: datetime
    judge: str
    others: frozenset[str]


def _detected(incident: Incident, finding: Finding, context: _Context) -> tuple[str, Incident]:
    """Return the group and the new state of an incident that is detected."""
    changed = replace(
        incident,
        **_changed_fields(incident, finding, context.now),
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


def _not_detected(
    incident: Incident, context: _Context, find_lapse: Callable[[Incident], Lapse | None]
) -> tuple[str, Incident]:
    """Return the group and the new state of an open incident that is not detected."""
    found_by = incident.found_by & context.others
    clear_since = None if found_by else incident.clear_since or context.now
    changed = replace(incident, found_by=found_by, clear_since=clear_since)
    if clear_since is not None and context.now - clear_since >= _recovery(incident):
        lapse = find_lapse(incident)
        ended = changed if lapse is None else lapsed(changed, lapse)
        return "resolved", replace(ended, resolved_at=clear_since)
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


def _changed_fields(incident: Incident, finding: Finding, now: datetime) -> dict[str, Any]:
    """Return the fields that the newest finding changes.

    Some causes are only known for a while. What is known about the same runs stays known.
    """
    if finding.runs and finding.runs == incident.runs and not finding.cause:
        finding = replace(finding, cause=incident.cause)
    names = (*_WORDS, *_EVIDENCE)
    changed = {
        name: _value(finding, name)
        for name in names
        if _value(finding, name) != getattr(incident, name)
    }
    is_reworded_only = changed.keys() <= set(_WORDS) and incident.resolved_at is None
    if is_reworded_only and now - incident.updated_at < _REWORDING_INTERVAL:
        return {}
    return changed


def _value(finding: Finding, name: str) -> Any:
    """Return the value that a finding gives a field of its incident."""
    if name != "affects":
        return getattr(finding, name)
    own = () if finding.sync_type is None else (finding.sync_type,)
    return tuple(sorted(finding.affects)) or own


def _is_worse(changed: Incident, before: Incident) -> bool:
    """Return whether an incident needs attention again."""
    if changed.severity != before.severity:
        return True
    if before.state is not IncidentState.ACKNOWLEDGED or before.acknowledgement is None:
        return False
    known = before.acknowledgement.run_count
    return changed.run_count >= max(known * _MANY_MORE_FACTOR, known + _MANY_MORE_LEAST)


def _recovery(incident: Incident) -> timedelta:
    """Return how long an incident must stay undetected to resolve."""
    base = timedelta() if incident.kind in RUN_KINDS else _RECOVERY
    longer = base + incident.reopen_count * _RECOVERY_AFTER_REOPENING
    return min(longer, _LONGEST_RECOVERY)


def _most_severe(findings: Iterable[Finding]) -> dict[tuple[str, str], Finding]:
    """Return the most severe finding of each kind and subject."""
    chosen: dict[tuple[str, str], Finding] = {}
    for finding in sorted(
        map(_storable, findings), key=lambda each: SEVERITY_ORDER.index(each.severity)
    ):
        chosen[finding.kind, finding.subject] = finding
    return chosen


def _storable(finding: Finding) -> Finding:
    """Return a finding with bounded texts and without characters that PostgreSQL rejects.

    Names of sync types and errors come from the app and may contain anything.
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
    """Return the open incident of each kind and subject, or else the last one to resolve."""
    chosen: dict[tuple[str, str], Incident] = {}
    for incident in sorted(incidents, key=lambda each: each.resolved_at or _NEVER):
        if incident.resolved_at is None or now - incident.resolved_at <= REOPEN_WITHIN:
            chosen[incident.key] = incident
    return chosen.values()
