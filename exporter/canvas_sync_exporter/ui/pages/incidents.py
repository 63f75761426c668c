"""Current and past incidents, acknowledgements, and pauses."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from canvas_sync_core.incident import SEVERITY_ORDER, Acknowledgement, Incident, IncidentState
from canvas_sync_core.names import IncidentKind
from canvas_sync_core.store.database import connect_to_read
from canvas_sync_core.store.incidents.reading import (
    IncidentFilter,
    incident_by_id,
    incident_page,
    open_incidents,
)
from canvas_sync_core.store.incidents.writing import acknowledge_incident
from canvas_sync_core.store.sync_types import sync_types_in_table
from canvas_sync_exporter.judge.incident_view import IncidentView
from canvas_sync_exporter.judge.pauses import active_pauses, add_pause, end_pause, new_pause
from canvas_sync_exporter.schedules.durations import parse_duration
from canvas_sync_exporter.schedules.pause import clean_reason
from canvas_sync_exporter.ui.page import Action, Page, Sent
from canvas_sync_exporter.ui.view import View
from canvas_sync_exporter.web.context import WebContext
from canvas_sync_exporter.web.cursors import cursor_problems
from canvas_sync_exporter.web.expectation_api import PauseView
from canvas_sync_exporter.web.parameters import choice, text, whole_number
from canvas_sync_exporter.web.problems import FieldError, ProblemError

__all__ = ["PAGE", "Incidents"]

_LIMIT: Final = 25
_MOST_CURRENT: Final = 10
"""Long ones, with forms, so that the page stays small."""
_NUMBER: Final = whole_number("number", "Show this incident first.", 1, 2**63 - 1, in_path=False)
_OF_CANVAS: Final = frozenset(
    {
        IncidentKind.TOKEN_REFUSED,
        IncidentKind.QUOTA_LOW,
        IncidentKind.THROTTLED,
        IncidentKind.API_FAILING,
        IncidentKind.API_SLOW,
    }
)
_LED_TO_IT: Final = dt.timedelta(minutes=15)
"""The calls that used up a quota were made before it was low."""
_TIMES: Final = "write a time such as 2025-12-22 18:00, or a length of time such as 2h"


@dataclass(frozen=True, slots=True)
class Incidents:
    """Everything on the page.

    Attributes:
        chosen: The incident with the number in the address, whatever its state.
        current: A part of the open incidents, worst and oldest first, then acknowledged ones.
        before: Number of incidents before that part.
        open: Number of all open incidents.
        acknowledged: Number of all acknowledged incidents.
        past: A page of the resolved ones, newest first.
        next: Cursor of the next page; None on the last one.
        pauses: Active and upcoming pauses, ordered by start.
        sync_types: All sync types that have runs.
    """

    chosen: IncidentView | None
    current: list[IncidentView]
    before: int
    open: int
    acknowledged: int
    past: list[IncidentView]
    next: str | None
    pauses: list[PauseView]
    sync_types: list[str]

    @property
    def after(self) -> int:
        """Number of current incidents up to the end of the part."""
        return self.before + len(self.current)

    def calls_url(self, incident: IncidentView, view: View) -> str | None:
        """Return the URL of the calls to Canvas at the time of an incident about Canvas."""
        if incident.kind not in _OF_CANVAS:
            return None
        return view.url("canvas", since=incident.since - _LED_TO_IT, to=incident.resolved_at)

    @property
    def worse(self) -> int | None:
        """Where the part before begins; None if this is the first."""
        return max(0, self.before - _MOST_CURRENT) if self.before else None


def incidents(context: WebContext, view: View) -> Incidents:
    """Read everything on the page."""
    engine = context.engine
    wanted = IncidentFilter(IncidentState.RESOLVED, view.values["kind"], view.values["sync_type"])
    with cursor_problems():
        page = incident_page(engine, wanted, _LIMIT, view.values["cursor"])
    wanted_ones = [each for each in open_incidents(engine) if _is_wanted(each, view)]
    current = sorted(map(IncidentView.of, wanted_ones), key=_rank)
    known = sum(each.state is IncidentState.ACKNOWLEDGED for each in current)
    before = view.values["skip"]
    planned = [each for each in context.configuration.file.pauses if each.end > view.now]
    pauses = [*planned, *active_pauses(engine, view.now)]
    with connect_to_read(engine) as connection:
        sync_types = sync_types_in_table(connection)
    return Incidents(
        chosen=_chosen(context, view),
        current=current[before : before + _MOST_CURRENT],
        before=before,
        open=len(current) - known,
        acknowledged=known,
        past=[IncidentView.of(each) for each in page.items],
        next=page.next,
        pauses=sorted((PauseView.of(each, view.now) for each in pauses), key=lambda it: it.start),
        sync_types=sorted(sync_types),
    )


def _chosen(context: WebContext, view: View) -> IncidentView | None:
    """Return the incident that the address or the form that was sent is about."""
    number = view.values["number"]
    with suppress(ValueError):
        number = number or _NUMBER.parse(view.form.get("incident", ""))
    incident = None if number is None else incident_by_id(context.engine, number)
    return None if incident is None else IncidentView.of(incident)


def acknowledge(context: WebContext, view: View, sent: Sent) -> None:
    """Acknowledge an incident in the visitor's name."""
    number = sent.path["number"]
    try:
        reason = clean_reason(sent.form.get("reason", ""))
    except ValueError as error:
        raise _wrong("reason", str(error)) from error
    known = Acknowledgement(view.now, view.visitor.name, reason, run_count=0)
    incident = acknowledge_incident(context.engine, number, known)
    if incident is None:
        raise ProblemError(404, f"There is no incident {number}.")
    if incident.resolved_at is not None:
        raise ProblemError(409, f"Incident {number} has been resolved meanwhile.")


def pause(context: WebContext, view: View, sent: Sent) -> None:
    """Set a pause in the visitor's name."""
    until = _time("until", sent.form.get("until", ""), view)
    start = _time("from", sent.form["from"], view) if sent.form.get("from") else view.now
    sync_types = [name for name in sent.form.get("sync_types", "").split(",") if name.strip()]
    try:
        made = new_pause(
            sync_types, start, until, sent.form.get("reason", ""), view.visitor.name, now=view.now
        )
    except ValueError as error:
        field, _, detail = str(error).partition(": ")
        raise _wrong(field, detail) from error
    add_pause(context.engine, made, now=view.now)


def stop_pause(context: WebContext, view: View, sent: Sent) -> None:
    """End a pause in the visitor's name."""
    number = sent.path["number"]
    if end_pause(context.engine, number, view.visitor.name, now=view.now) is None:
        raise ProblemError(404, f"There is no active or upcoming pause {number}.")


def _time(name: str, raw: str, view: View) -> dt.datetime:
    """Read a length from now, such as ``2h``, or a time in the zone of the page."""
    try:
        return view.now + parse_duration(raw.strip())
    except (ValueError, OverflowError):
        pass
    try:
        moment = dt.datetime.fromisoformat(raw.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=view.zone)).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise _wrong(
            name, "write a time such as 2025-12-22 18:00, or a length such as 2h"
        ) from None


def _wrong(field: str, detail: str) -> ProblemError:
    return ProblemError(422, "Nothing was changed.", errors=[FieldError(field, detail)])


def _is_wanted(incident: Incident, view: View) -> bool:
    kind, sync_type = view.values["kind"], view.values["sync_type"]
    return kind in (None, incident.kind) and (sync_type is None or sync_type in incident.affects)


def _rank(incident: IncidentView) -> tuple[bool, int, dt.datetime]:
    is_known = incident.state is IncidentState.ACKNOWLEDGED
    return is_known, -SEVERITY_ORDER.index(incident.severity), incident.opened_at


PAGE: Final = Page(
    "incidents",
    "incidents",
    "Incidents",
    "ui/incidents.html",
    incidents,
    parameters=(
        choice("kind", "Only incidents of this kind.", IncidentKind),
        text("sync_type", "Only incidents that affect this sync type.", 200),
        _NUMBER,
        whole_number("skip", "Number of current incidents to skip.", 0, 1_000_000, default=0),
        text("cursor", "`next` of the previous page.", 500),
    ),
    period=None,
    actions=(
        Action(
            "acknowledge",
            "incidents/<int:number>/acknowledge",
            acknowledge,
            "The incident is acknowledged: it stays quiet until it gets worse.",
        ),
        Action("pause", "pauses", pause, "The pause is set."),
        Action("end_pause", "pauses/<int:number>/end", stop_pause, "The pause has ended."),
    ),
)
