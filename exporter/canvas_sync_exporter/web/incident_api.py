"""The endpoints about incidents: current and past problems, and acknowledgements."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated

import msgspec
from flask import request

from canvas_sync_core.incident import Acknowledgement, Incident, IncidentState
from canvas_sync_core.names import IncidentKind
from canvas_sync_core.store.incidents.reading import IncidentFilter, incident_by_id, incident_page
from canvas_sync_core.store.incidents.writing import acknowledge_incident
from canvas_sync_exporter.judge.incident_view import IncidentView
from canvas_sync_exporter.schedules.pause import MAX_REASON, clean_reason

from .auth import Scope
from .context import WebContext
from .cursors import CURSOR, cursor_problems
from .endpoint import Endpoint
from .formats import FORMAT
from .parameters import choice, list_limit, text, whole_number
from .period import FROM, TO, TZ, GivenTime, read_period
from .problems import DATABASE_AWAY, FieldError, ProblemError

__all__ = ["AcknowledgeRequest", "IncidentApi", "IncidentList"]

_INCIDENT_ID = whole_number("incident_id", "Number of the incident.", 1, 2**63 - 1)
_STATE = choice("state", "Only incidents in this state.", IncidentState)
_KIND = choice("kind", "Only incidents of this kind.", IncidentKind)
_SYNC_TYPE = text("sync_type", "Only incidents that affect this sync type.", 200)
_LIMIT = list_limit("incidents")
_UNKNOWN = "There is no such incident."


@dataclass(frozen=True, slots=True)
class IncidentList:
    """A page of a list, newest incidents first.

    Attributes:
        next: Cursor of the next page; null on the last one.
    """

    items: list[IncidentView]
    next: str | None


class AcknowledgeRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why the incident may be muted until it gets worse."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_REASON)]


class IncidentApi:
    """Answers from the table of incidents.

    Args:
        context: Where it is, and who may ask.
    """

    def __init__(self, context: WebContext) -> None:
        self._engine = context.engine
        self._access = context.access

    def endpoints(self) -> tuple[Endpoint, ...]:
        """The endpoints, in the order in which the documentation shows them."""
        return (
            Endpoint(
                "GET",
                "incidents",
                self.incidents,
                "Current and past incidents, newest first",
                IncidentList,
                tag="incidents",
                parameters=(_STATE, _KIND, _SYNC_TYPE, FROM, TO, TZ, _LIMIT, CURSOR, FORMAT),
                problems=DATABASE_AWAY,
            ),
            Endpoint(
                "GET",
                "incidents/<incident_id>",
                self.incident,
                "One incident",
                IncidentView,
                tag="incidents",
                parameters=(_INCIDENT_ID,),
                problems={404: _UNKNOWN, **DATABASE_AWAY},
            ),
            Endpoint(
                "POST",
                "incidents/<incident_id>/acknowledge",
                self.acknowledge,
                "Acknowledge an incident, which mutes it until it gets worse",
                IncidentView,
                tag="incidents",
                parameters=(_INCIDENT_ID,),
                scope=Scope.ADMIN,
                problems={
                    404: _UNKNOWN,
                    409: "The incident is resolved.",
                    413: "The body is too long.",
                    415: "The content type is not JSON.",
                    **DATABASE_AWAY,
                },
                body=AcknowledgeRequest,
            ),
        )

    def incidents(
        self,
        *,
        state: IncidentState | None,
        kind: IncidentKind | None,
        sync_type: str | None,
        since: GivenTime | None,
        until: GivenTime | None,
        tz: dt.tzinfo,
        limit: int,
        cursor: str | None,
    ) -> IncidentList:
        """List incidents."""
        period = read_period(since, until, tz)
        wanted = IncidentFilter(state, kind, sync_type, period.since, period.until)
        with cursor_problems():
            page = incident_page(self._engine, wanted, limit, cursor)
        return IncidentList([IncidentView.of(each) for each in page.items], page.next)

    def incident(self, incident_id: int) -> IncidentView:
        """Find an incident by its number."""
        return IncidentView.of(_require(incident_by_id(self._engine, incident_id), incident_id))

    def acknowledge(self, incident_id: int, body: AcknowledgeRequest) -> IncidentView:
        """Acknowledge an incident in the caller's name."""
        try:
            reason = clean_reason(body.reason)
        except ValueError as error:
            wrong = FieldError("reason", str(error))
            raise ProblemError(
                422, f"The body is wrong: {wrong.detail}.", errors=[wrong]
            ) from error
        author = self._access.caller_name(request)
        known = Acknowledgement(dt.datetime.now(dt.UTC), author, reason, run_count=0)
        incident = _require(acknowledge_incident(self._engine, incident_id, known), incident_id)
        if incident.resolved_at is not None:
            raise ProblemError(
                409, f"Incident {incident_id} was resolved at {incident.resolved_at}."
            )
        return IncidentView.of(incident)


def _require(incident: Incident | None, number: int) -> Incident:
    if incident is None:
        raise ProblemError(404, f"There is no incident {number}.")
    return incident
