"""Parts that several reports have. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import Final

from canvas_sync_core.incident import SEVERITY_ORDER, Incident, IncidentState
from canvas_sync_core.logs import escape_controls
from canvas_sync_core.names import MessageKind, Severity
from canvas_sync_exporter.messages.content import Content, Fact, Section, Status, Table
from canvas_sync_exporter.messages.formats import UNKNOWN, Formats

from .causes import Cause
from .periods import ReportRequest

__all__ = [
    "MOST_SYNC_TYPES",
    "causes_section",
    "ended_section",
    "footer",
    "incident_status",
    "nothing_to_report",
    "open_section",
    "worst",
    "worst_first",
]

MOST_SYNC_TYPES: Final = 30
"""How many sync types a table has; the others, which are better, are left out."""
_MOST_ROWS: Final = 10
_ORDER: Final = (Status.NEUTRAL, Status.GOOD, Status.WARNING, Status.CRITICAL)
_STATUSES: Final = {Severity.CRITICAL: Status.CRITICAL, Severity.WARNING: Status.WARNING}


def worst(statuses: Iterable[Status]) -> Status:
    """Return the worst of some statuses; neutral without any."""
    return max(statuses, key=_ORDER.index, default=Status.NEUTRAL)


def incident_status(incident: Incident) -> Status:
    """Return how bad an open incident is; an acknowledged one is known and so neutral."""
    return Status.NEUTRAL if _is_known(incident) else _STATUSES[incident.severity]


def worst_first(incidents: Iterable[Incident]) -> list[Incident]:
    """Sort incidents: those that need attention first, then the worst, then the oldest."""
    return sorted(incidents, key=_rank)


def nothing_to_report(
    request: ReportRequest, title: str, summary: str, formats: Formats
) -> Content:
    """Return a report in one line, for a period in which nothing happened."""
    return Content(
        kind=request.kind,
        title=f"{title}: nothing to report",
        summary=summary,
        status=Status.NEUTRAL,
        footer=footer(request, formats),
    )


def footer(request: ReportRequest, formats: Formats) -> str:
    """Say what the message is, and in which time zone its times are."""
    names = {
        MessageKind.DAILY: "daily summary",
        MessageKind.WEEKLY: "weekly summary",
        MessageKind.MONTHLY: "monthly summary",
        MessageKind.PERFORMANCE: "weekly performance report",
        MessageKind.FAILURES: "weekly failure analysis",
    }
    zone = formats.zone_name(request.begin, request.due)
    return f"This is the {names[request.kind]} of canvas-sync-monitor. Times are in {zone}."


def open_section(incidents: Sequence[Incident], now: datetime, formats: Formats) -> list[Section]:
    """Return the section about open incidents, worst first; none if there are none."""
    if not incidents:
        return []
    ordered = worst_first(incidents)
    shown = ordered[:_MOST_ROWS]
    rows = tuple(
        (
            _named(each),
            f"{formats.brief_time(each.since, now)} ({formats.rough_length(now - each.since)})",
            formats.number(each.run_count) if each.run_count else UNKNOWN,
            formats.number(each.user_count) if each.user_count else UNKNOWN,
        )
        for each in shown
    )
    table = Table(
        ("Incident", "Since", "Runs", "Users"),
        rows,
        numeric=frozenset({2, 3}),
        statuses=tuple(map(incident_status, shown)),
        omitted=_omitted(ordered),
    )
    return [Section(title="Open incidents", table=table)]


def ended_section(
    incidents: Sequence[Incident], now: datetime, formats: Formats, title: str
) -> list[Section]:
    """Return the section about incidents with the time to repair, worst first; none without any.

    Args:
        incidents: The incidents, open or resolved.
        now: When open ones count as still open.
        formats: Formats figures.
        title: The title of the section.
    """
    if not incidents:
        return []
    ordered = sorted(incidents, key=lambda each: (*_rank(each)[:2], -_length(each, now)))
    shown = ordered[:_MOST_ROWS]
    rows = tuple(
        (escape_controls(each.summary), formats.moment(each.since), _repair(each, now, formats))
        for each in shown
    )
    statuses = tuple(_STATUSES[each.severity] for each in shown)
    headings = ("Incident", "Since", "Time to repair")
    table = Table(headings, rows, statuses=statuses, omitted=_omitted(ordered))
    return [Section(title=title, facts=_repair_facts(ordered, now, formats), table=table)]


def causes_section(
    causes: Sequence[Cause], is_cut: bool, now: datetime, formats: Formats, title: str
) -> list[Section]:
    """Return the section about the causes of failures, most frequent first; none without any."""
    if not causes:
        return []
    shown = causes[:_MOST_ROWS]
    most = shown[0].runs
    rows = tuple(
        (
            each.name,
            formats.number(each.runs),
            formats.number(each.users) if each.users else UNKNOWN,
            formats.brief_time(each.first, now),
            formats.brief_time(each.last, now),
        )
        for each in shown
    )
    table = Table(
        ("Cause", "Runs", "Users", "First", "Last"),
        rows,
        numeric=frozenset({1, 2}),
        shares=tuple(each.runs / most for each in shown),
        omitted=_omitted(causes),
    )
    paragraphs: tuple[str, ...] = ()
    if is_cut:
        counted = formats.number(sum(each.runs for each in causes))
        paragraphs = (f"Only the newest {counted} failed runs were examined for causes.",)
    return [Section(title=title, paragraphs=paragraphs, table=table)]


def _omitted(everything: Sequence[object]) -> int:
    return max(0, len(everything) - _MOST_ROWS)


def _named(incident: Incident) -> str:
    summary = escape_controls(incident.summary)
    return f"{summary} (acknowledged)" if _is_known(incident) else summary


def _is_known(incident: Incident) -> bool:
    return incident.state is IncidentState.ACKNOWLEDGED


def _rank(incident: Incident) -> tuple[bool, int, datetime]:
    return _is_known(incident), -SEVERITY_ORDER.index(incident.severity), incident.since


def _length(incident: Incident, now: datetime) -> float:
    return ((incident.resolved_at or now) - incident.since).total_seconds()


def _repair(incident: Incident, now: datetime, formats: Formats) -> str:
    is_open = incident.resolved_at is None or incident.resolved_at > now
    length = formats.rough_length(min(incident.resolved_at or now, now) - incident.since)
    return f"open for {length}" if is_open else length


def _repair_facts(
    incidents: Sequence[Incident], now: datetime, formats: Formats
) -> tuple[Fact, ...]:
    resolved = [
        each.resolved_at - each.since
        for each in incidents
        if each.resolved_at is not None and each.resolved_at <= now
    ]
    facts = [Fact("Incidents", formats.number(len(incidents)))]
    if len(incidents) > len(resolved):
        facts.append(Fact("Still open", formats.number(len(incidents) - len(resolved))))
    if resolved:
        middle = timedelta(seconds=median(each.total_seconds() for each in resolved))
        facts.append(Fact("Median time to repair", formats.rough_length(middle)))
        facts.append(Fact("Longest time to repair", formats.rough_length(max(resolved))))
    return tuple(facts)
