from __future__ import annotations

from datetime import UTC, date, datetime
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest
import requests

from canvas_sync_core.names import REPORT_KINDS, MessageKind
from canvas_sync_exporter.config_file.reports import ReportSettings
from canvas_sync_exporter.messages.reports.links import report_links
from canvas_sync_exporter.messages.reports.periods import report_about
from support.pages import Served, site

__all__ = ["site"]

REPORTS = ReportSettings(timezone=ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize("kind", REPORT_KINDS)
def test_every_link_leads_to_a_page_about_the_period(kind: MessageKind, site: Served) -> None:
    request = report_about(kind, REPORTS, date(2026, 3, 29))

    links = report_links(request, site.url, REPORTS.zone)

    answers = [
        requests.get(link.url, headers={"Accept": "application/json"}, timeout=30) for link in links
    ]
    assert [answer.status_code for answer in answers] == [200, 200]
    query = parse_qs(urlsplit(links[0].url).query)
    bounds = [datetime.fromisoformat(query[name][0]) for name in ("from", "to")]
    assert bounds == [request.begin.astimezone(UTC), request.end.astimezone(UTC)]
    assert query["tz"] == ["Europe/Berlin"]


def test_failed_runs_are_selected_by_status() -> None:
    request = report_about(MessageKind.FAILURES, REPORTS, date(2026, 3, 29))

    (runs, _) = report_links(request, "https://sync.example.edu", REPORTS.zone)

    assert runs.url.startswith("https://sync.example.edu/runs?")
    assert parse_qs(urlsplit(runs.url).query)["status"] == ["failed", "partial", "interrupted"]


def test_there_are_no_links_without_the_address_of_the_pages() -> None:
    request = report_about(MessageKind.DAILY, REPORTS, date(2026, 3, 29))

    assert report_links(request, None, REPORTS.zone) == ()
