"""What messages about incidents hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final
from urllib.parse import quote

from canvas_sync_core.incident import Incident
from canvas_sync_core.names import IncidentKind, MessageKind, Severity
from canvas_sync_core.wording import plural
from canvas_sync_exporter.config_file.links import LinkSettings
from canvas_sync_exporter.judge.lapses import lapse_of
from canvas_sync_exporter.schedules.pause import Pause

from .content import Content, Fact, Link, Section, Status, Table
from .failure_advice import failure_advice
from .formats import Formats
from .guidance import GUIDANCE, Guidance

__all__ = ["Event", "IncidentWriter", "Notice"]

_MOST_NAMES: Final = 10
_MOST_CAUSES: Final = 5
_MOST_ROWS: Final = 30
_STATUSES: Final = {Severity.CRITICAL: Status.CRITICAL, Severity.WARNING: Status.WARNING}
_NO_GUIDANCE: Final = Guidance("", "", "")


class Event(StrEnum):
    """What has happened to an incident."""

    OPENED = "opened"
    WORSE = "worse"
    BACK = "back"
    RESOLVED = "resolved"


_HEADINGS: Final = {
    Event.OPENED: "new",
    Event.WORSE: "worse",
    Event.BACK: "back",
    Event.RESOLVED: "recovered",
}
_PAUSED: Final = "paused"
_LAPSED: Final = "closed"
_CLOSED: Final = "This incident is closed, but nothing has recovered."


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that has happened to an incident and that people should know.

    Attributes:
        pause: The pause because of which it was resolved; None if it recovered, or is open.
    """

    incident: Incident
    event: Event
    pause: Pause | None = None


class IncidentWriter:
    """Writes messages about incidents.

    Args:
        formats: How figures and times are written.
        link_settings: Where links lead; None for no links.
    """

    def __init__(self, formats: Formats, link_settings: LinkSettings | None = None) -> None:
        self._link_settings = link_settings or LinkSettings()
        self._formats = formats

    def write(self, notice: Notice, now: datetime) -> Content:
        """Write a message about one incident."""
        content = self.describe(notice.incident, now, notice.pause)
        if notice.event is Event.WORSE:
            return replace(content, title=f"Worse: {content.title}")
        if notice.event is Event.BACK:
            return replace(content, title=f"Back again: {content.title}")
        return content

    def describe(self, incident: Incident, now: datetime, pause: Pause | None = None) -> Content:
        """Describe an incident as it is now; ``pause`` is the one that closed it, if any."""
        first_sentence, rest = _split(incident.summary)
        is_over = incident.resolved_at is not None
        sections = [Section(facts=tuple(self._facts(incident, now)))]
        if len(incident.counts) > 1:
            sections.append(Section(title="Causes", table=self._causes(incident)))
        guidance = _guidance(incident)
        advice = _advice(incident, guidance)
        if advice and not is_over:
            sections.append(Section(title="What to do", paragraphs=(advice,)))
        title, summary = first_sentence, _summary(rest, incident)
        status = _STATUSES[incident.severity]
        if incident.resolved_at is not None:
            lasted = self._formats.rough_length(incident.resolved_at - incident.since)
            has_recovered = lapse_of(incident) is None
            title = f"{'Recovered' if has_recovered else 'Closed'} after {lasted}: {first_sentence}"
            status = Status.GOOD if has_recovered else Status.NEUTRAL
        if pause is not None:
            title, status = f"Paused: {first_sentence}", Status.NEUTRAL
            summary = self._pause_summary(pause, incident.cause, now)
        return Content(
            kind=MessageKind.INCIDENT,
            title=title,
            summary=summary or incident.summary,
            status=status,
            sections=tuple(sections),
            links=tuple(self._links(incident, guidance)),
            footer=self._footer(now, "" if incident.id is None else f"Incident {incident.id}. "),
        )

    def digest(self, notices: Sequence[Notice], now: datetime) -> Content:
        """Write one message about several incidents, the worst first.

        A single one is written as usual.
        """
        if len(notices) == 1:
            return self.write(notices[0], now)
        shown = notices[:_MOST_ROWS]
        counts = Counter(map(_heading, notices))
        table = Table(
            headings=("Incident", "Change", "Since"),
            rows=tuple(self._row(each, now) for each in shown),
            statuses=tuple(map(_status, shown)),
        )
        hidden = len(notices) - len(shown)
        more = (f"And {self._formats.counted(hidden, 'more incident')}.",) if hidden else ()
        page = self._link_settings.page_url
        return Content(
            kind=MessageKind.INCIDENT,
            title=f"{self._formats.counted(len(notices), 'more incident')}: {_changes(counts)}",
            summary="Many incidents changed within a short time, so these share one message.",
            status=_worst(notices),
            sections=(Section(table=table, paragraphs=more),),
            links=() if page is None else (Link("All incidents", f"{page}/incidents"),),
            footer=self._footer(now, ""),
        )

    def _facts(self, incident: Incident, now: datetime) -> Iterator[Fact]:
        formats = self._formats
        since = formats.brief_time(incident.since, now)
        if incident.resolved_at is None:
            yield Fact("Severity", incident.severity.value)
            yield Fact("Since", f"{since} ({formats.rough_length(now - incident.since)})")
        else:
            yield Fact("Since", since)
            yield Fact("Until", formats.brief_time(incident.resolved_at, now))
        if incident.affects:
            name = plural(len(incident.affects), "Sync type")
            yield Fact(name, _listed(incident.affects, formats))
        if incident.run_count:
            yield Fact("Runs", formats.number(incident.run_count))
        if incident.user_count:
            yield Fact("Users", formats.number(incident.user_count))
        if incident.runs:
            yield Fact(_run_label(incident), incident.runs[0])
        if incident.request_ids:
            yield Fact("For Canvas support: X-Request-Context-Id", ", ".join(incident.request_ids))

    def _pause_summary(self, pause: Pause, cause: str, now: datetime) -> str:
        reason = f"{pause.author}: {pause.reason}" if pause.author else pause.reason
        closed = (
            f"No run is expected until {self._formats.brief_time(pause.end, now)} ({reason}), "
            "so this incident is closed. The sync has not recovered."
        )
        return f"{closed} Cause: {cause}" if cause else closed

    def _causes(self, incident: Incident) -> Table:
        shown = list(incident.counts.items())[:_MOST_CAUSES]
        rest = list(incident.counts.values())[_MOST_CAUSES:]
        if rest:
            shown.append((f"{len(rest)} other {plural(len(rest), 'cause')}", sum(rest)))
        rows = tuple((cause, self._formats.number(count)) for cause, count in shown)
        return Table(headings=("Cause", "Count"), rows=rows, numeric=frozenset({1}))

    def _links(self, incident: Incident, guidance: Guidance) -> Iterator[Link]:
        page = self._link_settings.page_url
        if page is not None:
            yield _incident_link(incident, page)
            if incident.runs:
                run = quote(incident.runs[0], safe="")
                yield Link(_run_label(incident), f"{page}/runs/task/{run}")
        runbook = self._link_settings.runbook(guidance.runbook)
        if runbook is not None and guidance.runbook:
            yield Link("Runbook", runbook)
        name = incident.sync_type
        variables = {} if name is None else {"var-sync_type": name}
        dashboard = self._link_settings.dashboard(guidance.dashboard, variables)
        if dashboard is not None and guidance.dashboard:
            yield Link("Dashboard", dashboard)

    def _row(self, notice: Notice, now: datetime) -> tuple[str, ...]:
        first_sentence, _ = _split(notice.incident.summary)
        since = self._formats.brief_time(notice.incident.since, now)
        return first_sentence, _heading(notice), since

    def _footer(self, now: datetime, subject: str) -> str:
        return f"{subject}Times are in {self._formats.zone_name(now)}."


def _guidance(incident: Incident) -> Guidance:
    try:
        return GUIDANCE[IncidentKind(incident.kind)]
    except ValueError:  # a newer version of this program wrote it
        return _NO_GUIDANCE


def _advice(incident: Incident, guidance: Guidance) -> str:
    is_failing = incident.kind == IncidentKind.FAILING
    return failure_advice(incident.cause) if is_failing else guidance.advice


def _run_label(incident: Incident) -> str:
    """Name the newest of the incident's runs; when it is over, newer runs have succeeded."""
    return "Newest run" if incident.resolved_at is None else "Last affected run"


def _incident_link(incident: Incident, page_url: str) -> Link:
    if incident.id is None:  # the database is unreachable: it has no number yet
        return Link("Incidents", f"{page_url}/incidents")
    number = incident.id
    return Link("Incident", f"{page_url}/incidents?number={number}#incident-{number}")


def _split(summary: str) -> tuple[str, str]:
    """Return the first sentence without its full stop, and the rest."""
    first, stop, rest = summary.partition(". ")
    return (first, rest) if stop else (summary.removesuffix("."), "")


def _summary(rest: str, incident: Incident) -> str:
    if incident.resolved_at is None:
        return " ".join(filter(None, (rest, incident.cause)))
    # A message with the word OK must not read as if the problem went on.
    over = "The problem is over." if lapse_of(incident) is None else _CLOSED
    return " ".join(filter(None, (over, rest, incident.cause and f"Cause: {incident.cause}")))


def _heading(notice: Notice) -> str:
    if notice.pause is not None:
        return _PAUSED
    return _HEADINGS[notice.event] if lapse_of(notice.incident) is None else _LAPSED


def _changes(counts: Counter[str]) -> str:
    """Write what has happened to how many incidents, such as ``2 new, 1 recovered``."""
    names = [name for name in (*_HEADINGS.values(), _PAUSED, _LAPSED) if counts[name]]
    if len(names) == 1:
        return names[0] if counts.total() == 1 else f"all {names[0]}"
    return ", ".join(f"{counts[name]} {name}" for name in names)


def _listed(names: Sequence[str], formats: Formats) -> str:
    shown = ", ".join(names[:_MOST_NAMES])
    hidden = len(names) - _MOST_NAMES
    return shown if hidden <= 0 else f"{shown} and {formats.number(hidden)} more"


def _status(notice: Notice) -> Status:
    if notice.pause is not None or lapse_of(notice.incident) is not None:
        return Status.NEUTRAL
    is_over = notice.event is Event.RESOLVED
    return Status.GOOD if is_over else _STATUSES[notice.incident.severity]


def _worst(notices: Sequence[Notice]) -> Status:
    order = (Status.NEUTRAL, Status.GOOD, Status.WARNING, Status.CRITICAL)
    return max(map(_status, notices), key=order.index)
