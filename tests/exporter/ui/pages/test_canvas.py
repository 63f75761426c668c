"""The page about the Canvas API, for calls that a real process recorded."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from support.pages import Served, serving_pages, watched

SYNC = """
from canvas_sync_instrumentation import CanvasSyncMetricsTracker

with CanvasSyncMetricsTracker("quota", 42) as run:
    for number in range(4):
        headers = {"X-Rate-Limit-Remaining": "120.5", "X-Request-Cost": "0.75"}
        run.record_api_call("GET", "/api/v1/courses", 200, 0.02, headers=headers)
    run.record_api_call("GET", "/api/v1/courses/7/users", 403, 0.02, body="403 Rate Limit Exceeded")
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An exporter whose only run made five calls."""
    folder = tmp_path_factory.mktemp("canvas")
    expires = "nightly=2020-01-01,weekly=2100-01-01"
    with serving_pages(folder, with_history=False, CANVAS_SYNC_TOKEN_EXPIRES=expires) as served:
        environ = {**os.environ, "CANVAS_SYNC_LOG_DIR": str(served.config.app.log_dir)}
        subprocess.run([sys.executable, "-c", SYNC], env=environ, check=True, timeout=120)
        yield served


def test_calls_are_counted_with_their_shares(served: Served, browser: Browser) -> None:
    with watched(browser) as tab:
        tab.page.goto(f"{served.url}/canvas")
        calls = tab.page.locator("#calls")
        for text in ("Calls\n5", "Failed\n1 (20.0 %)", "Throttled\n1 (20.0 %)"):
            assert text in calls.inner_text()


def test_the_most_expensive_route_is_first_and_leads_to_its_lines(
    served: Served, browser: Browser
) -> None:
    with watched(browser) as tab:
        tab.page.goto(f"{served.url}/canvas")
        first = tab.page.locator("#routes tbody tr").first
        expect(first).to_contain_text("/api/v1/courses")
        expect(first.locator("td").nth(1)).to_have_text("3.0")
        href = first.get_by_role("link").get_attribute("href") or ""
        assert "route=%2Fapi%2Fv1%2Fcourses" in href


def test_expired_and_valid_tokens_are_told_apart_by_word(served: Served, browser: Browser) -> None:
    with watched(browser) as tab:
        tab.page.goto(f"{served.url}/canvas")
        items = tab.page.locator("#expiries li").all_inner_texts()
        assert [" ".join(each.split()[:2]) for each in items] == [
            "expired nightly,",
            "valid weekly,",
        ]
