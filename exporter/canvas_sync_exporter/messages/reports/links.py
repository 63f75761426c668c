"""Links from a report to the web pages about its period. Pure functions."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Final
from urllib.parse import urlencode

from canvas_sync_core.names import MessageKind
from canvas_sync_exporter.messages.content import Link

from .figures import FAILURES
from .periods import ReportRequest

__all__ = ["report_links"]

_FAILED_RUNS: Final = [("status", status.value) for status in FAILURES]
_PAGES: Final = {
    MessageKind.PERFORMANCE: ("Performance of these days", "/performance", []),
    MessageKind.FAILURES: ("Failed runs of these days", "/runs", _FAILED_RUNS),
}
_OVERVIEW: Final = ("Overview of these days", "/", list[tuple[str, str]]())


def report_links(request: ReportRequest, page_url: str | None, zone: tzinfo) -> tuple[Link, ...]:
    """Return the links of a report.

    Args:
        request: The report.
        page_url: Where people reach the exporter; None for no links.
        zone: The time zone that the pages use.
    """
    if page_url is None:
        return ()
    name, path, parameters = _PAGES.get(request.kind, _OVERVIEW)
    period = [("from", _utc(request.begin)), ("to", _utc(request.end)), ("tz", str(zone))]
    query = urlencode([*parameters, *period])
    return Link(name, f"{page_url}{path}?{query}"), Link("Incidents", f"{page_url}/incidents")


def _utc(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
