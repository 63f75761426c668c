"""Links from the pages to the dashboards of Grafana."""

from __future__ import annotations

import datetime as dt

from canvas_sync_exporter.config_file.links import LinkSettings
from canvas_sync_exporter.dashboards import Dashboard

from .view import View

__all__ = ["dashboard_of_period", "dashboard_of_run"]

_MARGIN = dt.timedelta(minutes=1)


def dashboard_of_period(links: LinkSettings, dashboard: Dashboard, view: View) -> str | None:
    """Return the URL of a dashboard for the range of time of a page; None without Grafana."""
    period = view.period
    until = "now" if period.is_open else _milliseconds(period.until)
    return links.dashboard(dashboard, {"from": _milliseconds(period.since), "to": until})


def dashboard_of_run(
    links: LinkSettings, trace_id: str | None, start: dt.datetime, end: dt.datetime | None
) -> str | None:
    """Return the URL of the dashboard that shows a run; None without Grafana."""
    query: dict[str, object] = {
        "from": _milliseconds(start - _MARGIN),
        "to": "now" if end is None else _milliseconds(end + _MARGIN),
    }
    if trace_id:
        query["var-run"] = trace_id
    return links.dashboard(Dashboard.RUNS, query)


def _milliseconds(moment: dt.datetime) -> int:
    return int(moment.timestamp() * 1000)
