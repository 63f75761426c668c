"""The first page: what needs attention, how each sync is, what runs now, and how it went lately."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from sqlalchemy import Engine

from canvas_sync_core.incident import IncidentState
from canvas_sync_core.names import RunStatus
from canvas_sync_core.store.database import connect_to_read
from canvas_sync_core.store.freshness import ItemFreshness
from canvas_sync_core.store.query_results import DayPerformance
from canvas_sync_core.store.running import RunningRuns, running_now
from canvas_sync_exporter.judge.gathering.rows import newest_of_type
from canvas_sync_exporter.judge.incident_view import IncidentView
from canvas_sync_exporter.judge.pauses import active_pauses
from canvas_sync_exporter.judge.runs import EndedRun
from canvas_sync_exporter.judge.status import Level, SyncStatus, read_status
from canvas_sync_exporter.ui.page import Page
from canvas_sync_exporter.ui.view import View
from canvas_sync_exporter.web.context import WebContext

__all__ = ["PAGE", "Overview"]

_RUNS: Final = 60
_MOST_BARS: Final = 300
_USUAL: Final = 20
_MOST_RUNNING: Final = 12


@dataclass(frozen=True, slots=True)
class PastRun:
    """One of the newest runs of a sync type.

    Attributes:
        seconds: Its duration; None while it runs.
    """

    number: int
    task_id: str
    status: str
    start: dt.datetime
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Sync:
    """A sync type.

    Attributes:
        status: Its state, last run and next due time.
        last_success: When its newest successful run among ``runs`` ended; None without one.
        usual_seconds: Median duration of its last successful runs; None without one.
        runs: Its newest runs, oldest first.
    """

    status: SyncStatus
    last_success: dt.datetime | None
    usual_seconds: float | None
    runs: list[PastRun]


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything on the page.

    Attributes:
        status: The level of the worst open incident.
        problem: What is unknown, and why; empty when everything was judged.
        attention: Open incidents, worst and oldest first.
        acknowledged: Acknowledged incidents.
        freshness: By kind of item, stalest first.
        trend: Performance by day.
    """

    status: Level
    problem: str
    judged_at: dt.datetime | None
    attention: list[IncidentView]
    acknowledged: list[IncidentView]
    syncs: list[Sync]
    running: RunningRuns
    freshness: list[ItemFreshness]
    trend: list[DayPerformance]


def overview(context: WebContext, view: View) -> Overview:
    """Read everything on the page."""
    engine, now = context.engine, view.now
    pauses = [*context.configuration.file.pauses, *active_pauses(engine, now)]
    status = read_status(engine, pauses, now)
    syncs = _syncs(engine, status.syncs)
    is_known = [each.state is IncidentState.ACKNOWLEDGED for each in status.incidents]
    incidents = list(zip(status.incidents, is_known, strict=True))
    return Overview(
        status=status.status,
        problem=status.problem,
        judged_at=status.judged_at,
        attention=[each for each, known in incidents if not known],
        acknowledged=[each for each, known in incidents if known],
        syncs=syncs,
        running=running_now(engine, now, _MOST_RUNNING),
        freshness=context.rollups.freshness(view.period.since, now).items[::-1],
        trend=context.rollups.performance(view.period.since, view.zone).trend,
    )


def _syncs(engine: Engine, statuses: Sequence[SyncStatus]) -> list[Sync]:
    limit = min(_RUNS, _MOST_BARS // max(len(statuses), 1))
    with connect_to_read(engine) as connection:
        runs = {
            each.sync_type: newest_of_type(connection, each.sync_type, limit) for each in statuses
        }
    found = []
    for each in sorted(statuses, key=_badness):
        ended = [row.run for row in runs[each.sync_type] if isinstance(row.run, EndedRun)]
        good = [run for run in ended if run.status is RunStatus.SUCCESS]
        usual = median(run.duration for run in good[:_USUAL]) if good else None
        past = [
            PastRun(
                row.number,
                row.run.id,
                row.run.status.value if isinstance(row.run, EndedRun) else RunStatus.RUNNING.value,
                row.run.start,
                row.run.duration if isinstance(row.run, EndedRun) else None,
            )
            for row in reversed(runs[each.sync_type])
        ]
        found.append(Sync(each, max((run.end for run in good), default=None), usual, past))
    return found


def _badness(status: SyncStatus) -> tuple[int, str]:
    order = (Level.CRITICAL, Level.WARNING, Level.UNKNOWN, Level.WELL)
    return order.index(status.level), status.sync_type


PAGE: Final = Page("overview", "", "Overview", "ui/overview.html", overview)
