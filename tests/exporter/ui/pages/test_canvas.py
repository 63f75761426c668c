"""The page about the Canvas API, for calls that a real process recorded."""

from __future__ import annotations

import datetime as dt
import html
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
import requests
from playwright.sync_api import Browser, expect

from support.pages import Served, serving_pages, watched
from support.runs import snapshot, write

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


def test_the_card_of_calls_says_which_whole_quarters_of_an_hour_it_counts(tmp_path: Path) -> None:
    with serving_pages(tmp_path, with_history=False) as served:
        early = dt.datetime(2026, 3, 2, 5, 46, tzinfo=dt.UTC).timestamp()
        write(served.engine, snapshot("early", start_time=early, api_calls=512))
        url = f"{served.url}/canvas?from=2026-03-02T05:57&to=2026-03-02T05:58&tz=UTC"
        assert (
            requests.get(url, params={"format": "json"}, timeout=30).json()["data"]["summary"][
                "totals"
            ]["api_calls"]
            == 512
        )
        text = re.sub("<[^>]+>", "", requests.get(url, timeout=30).text)
    counted = "of runs that started from 2026-03-02 05:45 to 2026-03-02 06:00, in whole quarters"
    assert counted in text


def test_figures_of_a_route_are_a_card_with_their_names_on_a_phone(
    served: Served, browser: Browser
) -> None:
    with watched(browser, viewport={"width": 360, "height": 800}) as tab:
        tab.page.goto(f"{served.url}/canvas")
        first = tab.page.locator("#route_use tbody tr").first
        names = first.locator("td").evaluate_all(
            "all => all.map(each => getComputedStyle(each, '::before').content)"
        )
        assert [each.strip('" ') for each in names] == [
            *("Calls", "Failed", "Throttled", "Latency, p50", "p95")
        ]
        boxes = [each.bounding_box() for each in first.locator("th, td").all()]
        assert all(each and each["x"] + each["width"] <= 360 for each in boxes)


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


def test_each_route_has_its_latency_and_its_failures(served: Served, browser: Browser) -> None:
    with watched(browser) as tab:
        tab.page.goto(f"{served.url}/canvas")
        rows = tab.page.locator("#route_use tbody tr").all()
        assert [each.inner_text().split("\t") for each in rows] == [
            ["/api/v1/courses", "4", "0", "0", "20.0 ms", "20.0 ms"],
            ["/api/v1/courses/:course_id/users", "1", "1 (100.0 %)", "1", "20.0 ms", "20.0 ms"],
        ]


def test_expired_and_valid_tokens_are_distinguished_by_a_word(
    served: Served, browser: Browser
) -> None:
    with watched(browser) as tab:
        tab.page.goto(f"{served.url}/canvas")
        items = tab.page.locator("#expiries li").all_inner_texts()
        assert [" ".join(each.split()[:2]) for each in items] == [
            "expired nightly,",
            "valid weekly,",
        ]


def test_the_users_of_the_quota_in_a_time_range_are_named_with_the_lowest_that_was_left(
    tmp_path: Path,
) -> None:
    with serving_pages(tmp_path, with_history=False) as served:
        lines = [
            _call("2026-03-02T03:00:01.000000Z", "grades", 7, cost=30.0, rate_limit_remaining=70.5),
            _call("2026-03-02T03:00:02.000000Z", "grades", 7, cost=60.0, rate_limit_remaining=9.6),
            _call("2026-03-02T03:00:03.000000Z", "full", 42, throttled=True),
            _call("2026-03-02T03:00:04.000000Z", "full", 42, cost=10.0, rate_limit_remaining=5),
            _call("2026-03-02T04:00:00.000000Z", "later", 1, cost=999.0),
        ]
        log = served.config.app.log_dir / "api_calls.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text("".join(json.dumps(line) + "\n" for line in lines))
        url = f"{served.url}/canvas?from=2026-03-02T02:55&to=2026-03-02T03:05"
        use = requests.get(url, params={"format": "json"}, timeout=30).json()["data"]["use"]
        figures = ("sync_type", "user_id", "calls", "throttled", "share", "lowest_remaining")
        assert [[each[name] for name in figures] for each in use["users"]] == [
            ["grades", 7, 2, 0, 0.9, 9.6],
            ["full", 42, 2, 1, 0.1, 5],
        ]
        assert (use["calls"], use["searched_to"]) == (4, None)
        assert "Calls before these" not in requests.get(url, timeout=30).text


def test_a_range_with_more_calls_than_are_read_leads_to_those_before(tmp_path: Path) -> None:
    with serving_pages(tmp_path, with_history=False) as served:
        log = served.config.app.log_dir / "api_calls.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        early = json.dumps(_call("2026-03-02T02:00:01.000000Z", "early", 7, cost=1.0))
        late = json.dumps(_call("2026-03-02T03:00:01.000000Z", "late", 7, cost=1.0))
        log.write_text(f"{early}\n" + f"{late}\n" * 5001)
        page = requests.get(f"{served.url}/canvas?from=2026-03-02&to=2026-03-03", timeout=30)
        assert "since <time" in page.text
        (link,) = re.findall(r'href="([^"]*)">Calls before these<', page.text)
        text = requests.get(urljoin(page.url, html.unescape(link)), timeout=30).text
        assert "early<span" in text
        assert "late<span" not in text


def test_without_the_log_folder_everything_else_is_shown(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'runs.sqlite3'}"
    with serving_pages(tmp_path, with_history=False, CANVAS_SYNC_DATABASE_URL=database) as served:
        shutil.rmtree(served.config.app.log_dir, ignore_errors=True)
        answer = requests.get(f"{served.url}/canvas", timeout=30)
        assert answer.status_code == 200
        assert "Not everything could be read" in answer.text


def _call(timestamp: str, sync_type: str, user_id: int, **fields: Any) -> dict[str, Any]:
    return {
        "timestamp": timestamp,
        "level": "INFO",
        "log": "api_calls",
        "event": "api_call",
        "message": "GET /api/v1/courses",
        "sync_type": sync_type,
        "user_id": user_id,
        "token": "3f2a91c0",
        **fields,
    }
