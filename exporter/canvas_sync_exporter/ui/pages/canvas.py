"""The Canvas API: what is left of the quota, what uses it up, and which tokens expire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from canvas_sync_core.store.query_results import Performance, Summary
from canvas_sync_core.store.rollups.series import RunSeries
from canvas_sync_exporter.dashboards import Dashboard
from canvas_sync_exporter.logs.quota_use import QuotaUse, quota_use
from canvas_sync_exporter.logs.sources import LogFolderError
from canvas_sync_exporter.reasons import reason
from canvas_sync_exporter.ui.dashboard_links import dashboard_of_period
from canvas_sync_exporter.ui.page import Page
from canvas_sync_exporter.ui.series import read_series
from canvas_sync_exporter.ui.view import View
from canvas_sync_exporter.web.context import WebContext
from canvas_sync_exporter.web.quota_api import Quota, QuotaApi

__all__ = ["PAGE", "CanvasPage"]

_MOST_ROUTES: Final = 30
_USE_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True)
class CanvasPage:
    """Everything on the page.

    Attributes:
        quota: The quota now, by token, and its use by route, for the 30 most expensive.
        routes: Number of all routes.
        use: Who used the quota in the range of time, and how each route fared.
        summary: Counts of calls in the range of time.
        performance: Latency in the range of time.
        series: The same over time.
        dashboard_url: The dashboard with the same range of time; None without Grafana.
    """

    quota: Quota
    routes: int
    use: QuotaUse
    summary: Summary
    performance: Performance
    series: RunSeries | None
    dashboard_url: str | None


def canvas(context: WebContext, view: View) -> CanvasPage:
    """Read everything on the page."""
    since = view.period.since
    until = None if view.period.is_open else view.period.until
    quota = QuotaApi(context).quota()
    routes = len(quota.routes)
    del quota.routes[_MOST_ROUTES:]
    return CanvasPage(
        quota=quota,
        routes=routes,
        use=_use(context, view),
        summary=context.rollups.summary(since, until),
        performance=context.rollups.performance(since, view.zone, until),
        series=read_series(context, view),
        dashboard_url=dashboard_of_period(context.configuration.file.links, Dashboard.API, view),
    )


def _use(context: WebContext, view: View) -> QuotaUse:
    config, period = context.configuration, view.period
    folders = (config.app.log_dir, config.archive_folder)
    zone = config.app.timezone
    try:
        return quota_use(*folders, period.since, period.until, seconds=_USE_SECONDS, zone=zone)
    except (LogFolderError, OSError) as error:  # everything else on the page is from elsewhere
        return QuotaUse([], [], 0, None, [reason(error)])


PAGE: Final = Page(
    "canvas",
    "canvas",
    "Canvas",
    "ui/canvas.html",
    canvas,
    is_of_one_host=True,
    shows_logs=True,
)
