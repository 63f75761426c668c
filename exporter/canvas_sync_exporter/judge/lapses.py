"""Why an incident may end although nothing has recovered.

A problem of runs is over once a later run is well. It is also no longer found when no run follows
for so long that none is expected any more, or when so many runs were unusual that they are what is
usual now. The incident then keeps a sentence about that, so that nobody is told of a recovery.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import Final

from canvas_sync_core.incident import Incident
from canvas_sync_core.names import IncidentKind, RunStatus
from canvas_sync_core.store.comparison import Measures, anomalies

from .facts import Facts, SyncFacts
from .runs import EndedRun, RunningRun

__all__ = ["Lapse", "find_lapse", "lapse_of", "lapsed"]

_COMPARED_WITH_HISTORY: Final = frozenset({IncidentKind.SUSPECT, IncidentKind.SLOW})


class Lapse(StrEnum):
    """How an incident ended without a recovery, as the last sentence of its summary."""

    NO_RUN = "No run has followed."
    USUAL = "This is usual by now."


def find_lapse(facts: Facts, incident: Incident) -> Lapse | None:
    """Return why an incident that is no longer found has not recovered; None if it has."""
    syncs = [facts.syncs[name] for name in incident.affects if name in facts.syncs]
    is_about_runs = bool(incident.runs) or incident.kind == IncidentKind.MISSED
    if (
        incident.affects
        and is_about_runs
        and not any(_is_followed(incident, each) for each in syncs)
    ):
        return Lapse.NO_RUN
    if incident.kind in _COMPARED_WITH_HISTORY and any(map(_has_changed_for_good, syncs)):
        return Lapse.USUAL
    return None


def lapsed(incident: Incident, lapse: Lapse) -> Incident:
    """Return an incident whose summary says how it ended."""
    return replace(incident, summary=f"{incident.summary} {lapse}")


def lapse_of(incident: Incident) -> Lapse | None:
    """Return how a resolved incident ended without a recovery; None if it recovered, or is open."""
    if incident.resolved_at is None:
        return None
    return next((each for each in Lapse if incident.summary.endswith(each)), None)


def _is_followed(incident: Incident, sync: SyncFacts) -> bool:
    """Return whether the incident is not about the newest run of a sync type."""
    runs: list[EndedRun | RunningRun] = [*sync.runs[:1], *sync.running]
    newest = max(runs, key=lambda run: run.start, default=None)
    return newest is not None and newest.start >= incident.since and newest.id not in incident.runs


def _has_changed_for_good(sync: SyncFacts) -> bool:
    """Return whether the newest run is no longer suspect only because so many before it were."""
    well = [run for run in sync.runs if run.status is RunStatus.SUCCESS]
    if not well or well[0].suspect_reason:
        return False
    usual = [_measures(run) for run in well if not run.suspect_reason and _is_same(run, well[0])]
    return bool(anomalies(usual[0], usual[1:]))


def _is_same(run: EndedRun, other: EndedRun) -> bool:
    return (run.user_id, run.course_id) == (other.user_id, other.course_id)


def _measures(run: EndedRun) -> Measures:
    return Measures(
        items=run.items,
        duration=run.duration,
        api_calls=run.api_calls,
        api_items=run.api_items,
        api_bytes=run.api_bytes,
        start=run.start,
    )
