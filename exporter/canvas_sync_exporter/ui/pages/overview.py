"""The first page: what needs attention, how each sync is, what runs now, and how it went lately."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from canvas_sync_core.incident import IncidentState
from canvas_sync_core.store.rollups.errors import ErrorSeries, TopErrors, period_before
from canvas_sync_core.store.rollups.series import RunSeries
from canvas_sync_core.store.rollups.snapshot import open_snapshot
from canvas_sync_core.store.running import RunningRuns, running_now
from canvas_sync_exporter.dashboards import Dashboard
from canvas_sync_exporter.judge.incident_view import IncidentView
from canvas_sync_exporter.judge.pauses import active_pauses
from canvas_sync_exporter.judge.status import Level, SyncStatus, read_status
from canvas_sync_exporter.ui.dashboard_links import dashboard_of_period
from canvas_sync_exporter.ui.last_day import LastDay, read_last_day
from canvas_sync_exporter.ui.page import Page
from canvas_sync_exporter.ui.series import read_error_series, read_series, read_top_errors
from canvas_sync_exporter.ui.sync_states import (
    SyncFreshness,
    SyncState,
    read_syncs,
    sync_freshness,
)
from canvas_sync_exporter.ui.view import View
from canvas_sync_exporter.web.context import WebContext

__all__ = ["PAGE", "Overview"]

_MOST_RUNNING: Final = 12
_MOST_ERRORS: Final = 6
_MOST_INCIDENTS: Final = 20
_MOST_SYNCS: Final = 20
_FRESHNESS: Final = dt.timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything on the page.

    Attributes:
        status: The level of the worst open incident.
        problem: What is unknown, and why; empty when everything was judged.
        attention: The first 20 open incidents, worst and oldest first.
        open_incidents: Number of all of them.
        acknowledged: Acknowledged incidents.
        last_day: How the runs of the last 24 hours ended, whether or not that made an incident;
            None while the rollups are far behind.
        due: Sync types that are due or paused, the next one first.
        syncs: The first 20 sync types, worst first.
        sync_types: Number of all of them.
        known_runs: Number of the runs in ``syncs``.
        freshness: When items last arrived in the last 90 days, by sync type; the first 20, late
            ones first.
        series: Figures of the range of time; None while the rollups are far behind.
        errors: Its most frequent errors, compared with the range of equal length before.
        error_series: The same over time.
        dashboard_url: The dashboard with the same range of time; None without Grafana.
    """

    status: Level
    problem: str
    judged_at: dt.datetime | None
    attention: list[IncidentView]
    open_incidents: int
    acknowledged: list[IncidentView]
    last_day: LastDay | None
    running: RunningRuns
    due: list[SyncStatus]
    syncs: list[SyncState]
    sync_types: int
    known_runs: int
    freshness: list[SyncFreshness]
    series: RunSeries | None
    errors: TopErrors | None
    error_series: ErrorSeries | None
    dashboard_url: str | None


def overview(context: WebContext, view: View) -> Overview:
    """Read everything on the page."""
    engine, now, file = context.engine, view.now, context.configuration.file
    status = read_status(engine, [*file.pauses, *active_pauses(engine, now)], now)
    known = [each for each in status.incidents if each.state is IncidentState.ACKNOWLEDGED]
    syncs = read_syncs(engine, status.syncs, _MOST_SYNCS)
    unacknowledged = [each for each in status.incidents if each not in known]
    earliest = min(now - _FRESHNESS, period_before(view.period.since, view.period.until))
    with open_snapshot(engine, earliest) as snapshot:
        fresh = context.rollups.freshness(now - _FRESHNESS, now, snapshot=snapshot)
        last_day = read_last_day(context, now, snapshot)
        series = read_series(context, view, snapshot)
        errors = read_top_errors(context, view, _MOST_ERRORS, snapshot)
        error_series = read_error_series(context, view, _MOST_ERRORS, snapshot)
    return Overview(
        status=status.status,
        problem=status.problem,
        judged_at=status.judged_at,
        attention=unacknowledged[:_MOST_INCIDENTS],
        open_incidents=len(unacknowledged),
        acknowledged=known,
        last_day=last_day,
        running=running_now(engine, now, _MOST_RUNNING),
        due=_due(status.syncs),
        syncs=syncs,
        sync_types=len(status.syncs),
        known_runs=sum(len(each.runs) for each in syncs),
        freshness=sync_freshness(fresh.items, file, now)[:_MOST_SYNCS],
        series=series,
        errors=errors,
        error_series=error_series,
        dashboard_url=dashboard_of_period(file.links, Dashboard.OVERVIEW, view),
    )


def _due(syncs: Sequence[SyncStatus]) -> list[SyncStatus]:
    latest = dt.datetime.max.replace(tzinfo=dt.UTC)
    expected = [each for each in syncs if each.next_due or each.paused_until]
    return sorted(expected, key=lambda each: each.paused_until or each.next_due or latest)


PAGE: Final = Page("overview", "", "Overview", "ui/overview.html", overview)
