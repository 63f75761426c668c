"""Links from the pages to Grafana and to traces, if the configuration file names them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from playwright.sync_api import Browser, expect

from canvas_sync_exporter.dashboards import Dashboard
from support.grafana import DASHBOARDS
from support.pages import Served, axe_violations, serving_pages, watched
from support.runs import snapshot, write

TRACE = "0af7651916cd43dd8448eb211c80319c"
START = 1_764_000_000.0
HEADER = {"Accept": "application/json"}


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An exporter that knows where Grafana and the traces are, with one run."""
    folder = tmp_path_factory.mktemp("linked")
    file = folder / "config.toml"
    file.write_text(
        '[links]\ngrafana_url = "https://grafana.example.edu"\n'
        'trace_url = """https://jaeger.example.edu/?q="><b>&id={trace_id}"""\n'
    )
    with serving_pages(folder, with_history=False, CANVAS_SYNC_CONFIG=str(file)) as served:
        _write_run(served)
        yield served


def _write_run(served: Served) -> None:
    run = snapshot("night", start_time=START, end_time=START + 60, trace_id=TRACE)
    write(served.engine, run)


def test_each_dashboard_that_a_link_can_lead_to_is_delivered() -> None:
    assert set(Dashboard) == set(DASHBOARDS)


@pytest.mark.parametrize(
    ("path", "dashboard"), [("", Dashboard.OVERVIEW), ("canvas", Dashboard.API)]
)
def test_a_page_leads_to_the_dashboard_with_its_range_of_time(
    linked: Served, browser: Browser, path: str, dashboard: Dashboard
) -> None:
    with watched(browser, viewport={"width": 320, "height": 800}) as tab:
        tab.page.goto(f"{linked.url}/{path}?from=2025-12-22&to=2025-12-23&tz=UTC")
        link = tab.page.get_by_role("navigation", name="Elsewhere").get_by_role("link")
        expect(link).to_have_attribute(
            "href",
            f"https://grafana.example.edu/d/{dashboard}?from=1766361600000&to=1766448000000",
        )
        assert axe_violations(tab.page) == []
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= 320


def test_a_range_of_time_that_ends_now_does_so_in_grafana_too(linked: Served) -> None:
    data = requests.get(f"{linked.url}/?from=24h", headers=HEADER, timeout=30).json()["data"]
    assert parse_qs(urlsplit(data["dashboard_url"]).query)["to"] == ["now"]


def test_a_run_leads_to_its_trace_and_to_its_dashboard(linked: Served, browser: Browser) -> None:
    with watched(browser) as tab:
        tab.page.goto(f"{linked.url}/runs/1")
        links = tab.page.get_by_role("navigation", name="Elsewhere").get_by_role("link")
        expect(links).to_have_text(["Trace", "Grafana"])
        hrefs = [link.get_attribute("href") for link in links.all()]
        assert hrefs == [
            f'https://jaeger.example.edu/?q="><b>&id={TRACE}',
            f"https://grafana.example.edu/d/{Dashboard.RUNS}"
            f"?from={START - 60:.0f}000&to={START + 120:.0f}000&var-run={TRACE}",
        ]
        expect(tab.page.locator("b", has_text="&id")).to_have_count(0)


def test_without_such_settings_nothing_is_shown(tmp_path: Path) -> None:
    with serving_pages(tmp_path, with_history=False) as served:
        _write_run(served)
        for path in ("", "canvas", "runs/1"):
            answer = requests.get(f"{served.url}/{path}", timeout=30)
            assert (answer.status_code, "Elsewhere" in answer.text) == (200, False), path
