"""What holds for every page of the table, in a real browser and over HTTP."""

from __future__ import annotations

import gzip
import os
import re
from collections.abc import Callable
from functools import cache
from html import unescape
from importlib import import_module
from typing import Any
from urllib.parse import urljoin

import pytest
import requests
from playwright.sync_api import Browser, ViewportSize, expect

from canvas_sync_exporter.ui.page import Page
from canvas_sync_exporter.ui.pages import PAGES
from canvas_sync_exporter.ui.responses import CONTENT_SECURITY_POLICY
from support.pages import Served, axe_violations, example_path, watched

pytestmark = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


WIDTHS = [320, 1280, 3840]


def test_a_page_is_accessible_and_quiet_in_light_and_dark_and_at_every_width(
    page: Page, site: Served, browser: Browser
) -> None:
    with watched(browser, color_scheme="light", viewport=_viewport(WIDTHS[0])) as tab:
        answer = tab.page.goto(f"{site.url}/{example_path(page)}")
        assert answer is not None
        assert answer.status == 200
        expect(tab.page.locator("main h1")).to_be_visible()
        loaded = [url for url in tab.requests if url.startswith(site.url)]  # before the first poll
        closed = tab.page.locator(
            "details:not(.line), li:nth-child(-n+10) > .line"
        )  # lines are alike
        closed.evaluate_all("all => all.forEach(each => { each.open = true })")
        for width in WIDTHS:
            tab.page.set_viewport_size(_viewport(width))
            assert tab.page.evaluate("document.documentElement.scrollWidth") <= width
            cards = tab.page.locator(".wide:has(> .cards)")
            assert cards.evaluate_all("all => all.every(e => e.scrollWidth <= e.clientWidth)")
        tab.page.evaluate(_LEAVE_TWO_OF_EACH_SHAPE)
        for width in WIDTHS:
            tab.page.set_viewport_size(_viewport(width))
            has_seen_all_text = width == WIDTHS[-1]
            assert (width, axe_violations(tab.page, colors=not has_seen_all_text)) == (width, [])
        tab.page.emulate_media(color_scheme="dark")  # which changes colors, of the same text
        for width in WIDTHS[:2]:
            tab.page.set_viewport_size(_viewport(width))
            assert ("dark", width, axe_violations(tab.page, structure=False)) == ("dark", width, [])
        assert tab.complaints == []
        assert [url for url in tab.requests if not url.startswith((site.url, "data:"))] == []
        assert len(loaded) <= 3, loaded


_LEAVE_TWO_OF_EACH_SHAPE = """() => {
    const shape = element => element.tagName + "." + element.getAttribute("class")
        + "(" + [...new Set([...element.children].map(shape))] + ")";
    for (const list of document.querySelectorAll("ul, ol, tbody, svg")) {
        const counts = {};
        for (const part of [...list.children]) {
            counts[shape(part)] = (counts[shape(part)] ?? 0) + 1;
            if (counts[shape(part)] > 2) part.remove();
        }
    }
}"""
"""Removes what is like two others in its list: axe-core would check alike rows for seconds."""


def _viewport(width: int) -> ViewportSize:
    return {"width": width, "height": 900}


def test_a_page_is_complete_without_javascript(page: Page, site: Served, browser: Browser) -> None:
    with watched(browser, java_script_enabled=False) as tab:
        tab.page.goto(f"{site.url}/{example_path(page)}")
        expect(tab.page.locator("main h1")).to_be_visible()
        assert tab.page.locator("button:visible:not(form button)").count() == 0
        assert tab.complaints == []


def test_the_main_content_can_be_reached_with_only_the_keyboard(
    page: Page, site: Served, browser: Browser
) -> None:
    with watched(browser) as tab:
        tab.page.goto(f"{site.url}/{example_path(page)}")
        tab.page.keyboard.press("Tab")
        expect(tab.page.locator(".skip")).to_be_focused()
        tab.page.keyboard.press("Enter")
        expect(tab.page.locator("#main")).to_be_focused()
        tab.page.keyboard.press("?")
        expect(tab.page.locator("#keys")).to_be_visible()
        tab.page.keyboard.press("Escape")
        expect(tab.page.locator("#keys")).to_be_hidden()


def test_a_page_has_the_policy_and_nothing_inline(page: Page, site: Served) -> None:
    answer = requests.get(f"{site.url}/{example_path(page)}", timeout=30)
    assert answer.status_code == 200
    assert answer.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?! type=\"module\" src=)", answer.text)
    assert "<script>alert" not in answer.text
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08\x0b-\x1f]", answer.text)


@pytest.mark.parametrize("since", ["24h", "365d"])
def test_a_page_is_small(page: Page, since: str, site: Served) -> None:
    url = f"{site.url}/{example_path(page)}?from={since}"
    content = requests.get(url, timeout=30).content
    assert len(content) <= 60_000
    assert len(gzip.compress(content, 6)) <= 20_000


def test_an_unchanged_page_is_not_sent_again(page: Page, site: Served) -> None:
    url = f"{site.url}/{example_path(page)}?from=2026-01-01&to=2026-01-02&tz=UTC"
    for _ in range(20):  # an age such as "3 s ago" may change in between
        first = requests.get(url, timeout=30)
        again = requests.get(url, timeout=30, headers={"If-None-Match": first.headers["ETag"]})
        if again.status_code == 304:
            break
    assert again.status_code == 304
    assert again.content == b""


def test_a_new_line_of_a_log_renders_only_pages_that_read_logs(
    page: Page, site: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = _calls(monkeypatch, "canvas_sync_exporter.logs.sources", "regular_names")
    sized = _calls(monkeypatch, "canvas_sync_exporter.logs.on_disk", "regular_names")
    rendered = _calls(monkeypatch, "canvas_sync_exporter.ui.site", "render")
    monkeypatch.setattr("canvas_sync_exporter.ui.recent_tags._SECONDS", 0.0)
    tag = ""

    def poll() -> int:
        nonlocal tag
        before = len(rendered)
        url = f"{site.url}/{example_path(page)}"
        tag = requests.get(url, timeout=30, headers={"If-None-Match": tag}).headers["ETag"]
        return len(rendered) - before

    assert poll() == 1
    assert bool(listed or sized) == page.shows_logs
    if page.is_live:
        poll()  # the first one whose state before is known
        assert poll() == 0
        os.utime(site.config.app.log_dir / "api_calls.log")
        assert poll() == page.shows_logs


def _calls(monkeypatch: pytest.MonkeyPatch, module: str, name: str) -> list[Any]:
    """Return a list that grows with each call of a function."""
    calls: list[Any] = []
    original = getattr(import_module(module), name)

    def counted(*arguments: Any, **options: Any) -> Any:
        calls.append(arguments)
        return original(*arguments, **options)

    monkeypatch.setattr(f"{module}.{name}", counted)
    return calls


def test_a_page_is_available_as_json(page: Page, site: Served) -> None:
    url = f"{site.url}/{example_path(page)}"
    by_query = requests.get(url, params={"format": "json"}, timeout=30)
    by_header = requests.get(url, headers={"Accept": "application/json"}, timeout=30)
    for answer in (by_query, by_header):
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.json()["page"] == page.name
        assert answer.json()["data"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=yesterday", "from"),
        ("tz=Nowhere", "tz"),
        ("unknown=1", "unknown"),
        ("to=400d", "to"),
        ("format=xml", "format"),
    ],
)
def test_a_wrong_parameter_is_named(page: Page, query: str, field: str, site: Served) -> None:
    answer = requests.get(f"{site.url}/{example_path(page)}?{query}", timeout=30)
    assert answer.status_code == 422
    assert f"<b>{field}</b>" in answer.text


def test_a_page_works_on_days_on_which_clocks_change(page: Page, site: Served) -> None:
    for day in ("2025-03-30", "2025-10-26"):
        query = f"from={day}&to={day}T23:59&tz=Europe/Berlin"
        answer = requests.get(f"{site.url}/{example_path(page)}?{query}", timeout=30)
        assert answer.status_code == 200


@pytest.fixture(scope="module")
def status_of() -> Callable[[str], int]:
    """Asks for a URL of the site once, though most pages link to it."""
    return cache(lambda url: requests.get(url, timeout=30).status_code)


def test_every_link_of_a_page_leads_somewhere(
    page: Page, site: Served, status_of: Callable[[str], int]
) -> None:
    here = f"{site.url}/{example_path(page)}"
    text = requests.get(here, timeout=30).text
    links = {urljoin(here, unescape(each)) for each in re.findall(r'href="([^"#]+)', text)}
    own = {each for each in links if each.startswith(site.url)}
    by_shape = {re.sub(r"\d+", "1", each): each for each in own}  # one of many runs is enough
    broken = {
        each: status
        for each in by_shape.values()
        if (status := status_of(each)) != 200
        and "/runs/task/" not in each  # a log has lines of runs that have no row
    }
    assert broken == {}


def test_links_with_the_same_name_lead_to_the_same_place(page: Page, site: Served) -> None:
    text = requests.get(f"{site.url}/{example_path(page)}", timeout=30).text
    text = re.sub(r'<details class="line".*?</details>', "", text, flags=re.DOTALL)  # closed
    targets: dict[str, set[str]] = {}
    for attributes, content in re.findall(r"<a ([^>]*)>(.*?)</a>", text, re.DOTALL):
        label = re.search(r'aria-label="([^"]*)"', attributes)
        name = label[1] if label else " ".join(re.sub(r"<[^>]*>", "", content).split())
        urls = re.findall(r'href="([^"]*)"', attributes)
        # Lines of a run are named by their time, and several may be of the same second.
        targets.setdefault(name, set()).update(each for each in urls if "position=" not in each)
    assert {name: urls for name, urls in targets.items() if len(urls) > 1} == {}


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Tokyo"])
@pytest.mark.parametrize(
    "period",
    [
        "from=0001-01-01",
        "from=0001-01-01T00:00:00&to=9999-12-31T23:59:59.999999",
        "from=9999-12-31&to=9999-12-31T23:59",
    ],
)
def test_a_time_range_beyond_the_last_year_is_not_a_failure(
    page: Page, period: str, zone: str, site: Served
) -> None:
    url = f"{site.url}/{example_path(page)}?{period}&tz={zone}"
    assert requests.get(url, timeout=30).status_code in (200, 422)
