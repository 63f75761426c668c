"""The page of one run, for a run that a real process recorded."""

from __future__ import annotations

import html
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
import requests
from playwright.sync_api import Browser, expect
from sqlalchemy import update

from canvas_sync_core.events import ErrorInfo
from canvas_sync_core.names import Log, RunStatus
from canvas_sync_core.store.model import metrics_table
from support.page_logs import log_record, write_lines
from support.pages import Served, follow, serving_pages, watched
from support.runs import snapshot, write

SYNC = """
import sys, time
from canvas_sync_instrumentation import CanvasSyncMetricsTracker

def sync(task_id, fails):
    with CanvasSyncMetricsTracker(task_id, 42, metadata={"school": "<b>North</b>"}) as run:
        with run.step("courses"):
            queued = {"X-Canvas-Meta": "q=120;"}
            run.record_api_call("GET", "/api/v1/courses", 200, 0.02, headers=queued)
            run.record_course(3, created=True)
            run.record_db_operation("INSERT", "courses", 3, 0.01)
            if task_id == "row-by-row":
                for _ in range(1210):
                    run.record_db_operation("INSERT", "grades", 1, 0.0)
        if fails:
            headers = {"X-Request-Context-Id": "1f0c3a52-9a74-4a7e-8d30-5b6f0a3f2f10"}
            with run.step("grades"):
                run.record_api_call("GET", "/api/v1/courses/7/grades", 502, 0.05, headers=headers)
                raise RuntimeError("Canvas answered 502 <script>")

for number in range(4):
    sync(f"good-{number}", False)
try:
    sync("bad", True)
except RuntimeError:
    pass
sync("row-by-row", False)
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An exporter with the runs of one process: four good ones, a bad one, and one more."""
    with serving_pages(tmp_path_factory.mktemp("run"), with_history=False) as served:
        folder = served.config.app.log_dir
        environ = {**os.environ, "CANVAS_SYNC_LOG_DIR": str(folder)}
        subprocess.run([sys.executable, "-c", SYNC], env=environ, check=True, timeout=120)
        yield served


@pytest.fixture
def bad(served: Served) -> str:
    """The URL of the bad run."""
    answer = requests.get(f"{served.url}/runs/task/bad", timeout=30)
    assert answer.status_code == 200
    return answer.url


def figures(url: str) -> Any:
    return requests.get(url, params={"format": "json"}, timeout=30).json()["data"]


def test_why_it_failed_comes_first_with_the_request_id_to_copy(bad: str, browser: Browser) -> None:
    with watched(browser) as tab:
        tab.page.goto(bad)
        verdict = tab.page.locator("#verdict")
        expect(verdict.get_by_role("heading")).to_contain_text(
            "failed RuntimeError: Canvas answered 502"
        )
        expect(verdict.get_by_role("button", name="Copy 1f0c3a52")).to_be_visible()
        assert tab.complaints == []


def test_it_is_compared_with_the_last_good_run_one_click_away(bad: str, browser: Browser) -> None:
    data = figures(bad)
    assert data["history"]["usual"]["runs"] == 4
    assert data["history"]["last_success"]["sync_task_id"] == "good-3"
    with watched(browser) as tab:
        tab.page.goto(bad)
        calls = tab.page.locator("#comparison tr", has_text="API calls").locator("td")
        assert calls.all_inner_texts() == ["2\n(unusual)", "1", "1"]
        follow(tab.page.get_by_role("link", name="Last good run"))
        expect(tab.page.get_by_role("heading", level=1)).to_have_text("Run good-3")
        follow(tab.page.get_by_role("link", name="Next run, failed"))
        expect(tab.page.get_by_role("heading", level=1)).to_have_text("Run bad")


def test_calls_and_steps_are_on_the_time_axis_with_the_failed_one_marked(
    bad: str, browser: Browser
) -> None:
    with watched(browser) as tab:
        tab.page.goto(bad)
        calls = tab.page.locator("#calls tbody tr")
        assert calls.count() == 3
        expect(tab.page.locator("#calls-title")).to_have_text("Calls all 3 calls")
        failed = calls.filter(has_text="502")
        expect(failed.locator("rect.failed-call")).to_have_count(1)
        expect(failed.locator("th")).to_contain_text("GET /api/v1/courses/7/grades")
        steps = tab.page.locator("#steps tbody tr")
        assert steps.count() == 2
        expect(steps.nth(1)).to_contain_text("grades failed")


def test_operations_that_are_summed_up_are_a_row_that_says_how_many_they_are(
    served: Served,
) -> None:
    url = requests.get(f"{served.url}/runs/task/row-by-row", timeout=30).url
    data = figures(url)
    assert data["calls_read"] == 1212
    text = html.unescape(requests.get(url, timeout=30).text)
    assert "all 1,212 calls" in text
    summed = [each["call"] for each in data["calls"] if each["call"]["table"] == "grades"]
    many = max(summed, key=lambda call: int(call["operations"]))
    assert f"INSERT grades \N{MULTIPLICATION SIGN} {many['operations']:,}" in text


def test_a_call_that_hardly_waited_is_drawn_as_time_of_canvas(bad: str) -> None:
    text = requests.get(bad, timeout=30).text
    (row,) = (
        each for each in text.split("<tr>") if ">GET /<wbr>api/<wbr>v1/<wbr>courses</th" in each
    )
    assert re.findall(r'<rect class="(\w+)"', row) == ["queue", "canvas"]  # the last one is on top


def test_a_partial_run_says_first_which_calls_failed_and_what_canvas_answered(
    tmp_path: Path,
) -> None:
    error = ErrorInfo("Partial", "No access to course 7")
    run = snapshot("half", status=RunStatus.PARTIAL, error=error)
    fields = {"method": "GET", "path": "/api/v1/courses/7/users", "status_code": 403}
    fields |= {"route": "/api/v1/courses/:course_id/users", "duration_seconds": 0.1}
    lines = [
        log_record(run, Log.API_CALLS, "api_call", second, "GET", **fields, error="no <right>")
        for second in (1, 2)
    ]
    with serving_pages(tmp_path, with_history=False) as served:
        write(served.engine, run)
        with served.engine.begin() as connection:
            reason = "few_items: 3 items where 90 are usual"
            values = {"suspect": True, "suspect_reason": reason}
            connection.execute(update(metrics_table).values(values))
        write_lines(served.config.app.log_dir, [], *lines)
        text = requests.get(f"{served.url}/runs/task/half", timeout=30).text
    verdict = text[text.index('id="verdict"') :].partition("</section>")[0].replace("<wbr>", "")
    reasons = re.findall("<li>(.*?)</li>", verdict)
    assert "Suspect: few items: 3 items where 90 are usual" in verdict
    assert reasons == ["GET /api/v1/courses/7/users 403: no &lt;right&gt;"]


def test_a_line_has_its_time_once(served: Served, bad: str) -> None:
    year = f"{datetime.now(UTC):%Y-}"
    for url in (bad, f"{served.url}/logs"):
        text = requests.get(url, timeout=30).text
        lines = re.findall(r'<li id="line-.*|<summary data-row.*?</summary>', text)
        assert lines
        assert [each for each in lines if f"[{year}" in each] == []


def test_its_newest_line_is_first(bad: str, browser: Browser) -> None:
    lines = figures(bad)["lines"]
    times = [line["timestamp"] for line in lines]
    assert times == sorted(times, reverse=True)
    with watched(browser) as tab:
        tab.page.goto(bad)
        expect(tab.page.locator("#lines li").first).to_contain_text("failed")
        assert tab.page.locator("#lines li").count() == len(lines)


def test_the_lines_of_an_old_run_and_of_its_last_minute_are_one_click_away(tmp_path: Path) -> None:
    old = time.time() - 40 * 86_400
    run = snapshot("old", start_time=old, end_time=old + 600, duration=600.0)
    texts = [(number, f"request {number:03}") for number in range(0, 600, 10)]
    lines = [log_record(run, Log.PROGRESS, "progress", *text, percent=1) for text in texts]
    with serving_pages(tmp_path, with_history=False) as served:
        write(served.engine, run)
        write_lines(served.config.app.log_dir, [], *lines)
        page = requests.get(f"{served.url}/runs/task/old", timeout=30)
        found = {}
        for name in ("All its lines", "Log of its last minute"):
            (link,) = re.findall(f'href="([^"]*)">{name}<', page.text)
            text = requests.get(urljoin(page.url, html.unescape(link)), timeout=30).text
            found[name] = set(map(int, re.findall(r"request (\d+)", text)))
    assert 590 in found["All its lines"]
    assert min(found["All its lines"]) < 540
    assert found["Log of its last minute"] == set(range(540, 600, 10))


def test_metadata_is_shown_as_text(bad: str, browser: Browser) -> None:
    with watched(browser) as tab:
        tab.page.goto(bad)
        tab.page.get_by_text("Metadata").click()
        expect(tab.page.locator("#metadata pre")).to_contain_text('"school": "<b>North</b>"')


def test_without_logs_the_rest_of_the_page_stays(served: Served, bad: str) -> None:
    logs = list(served.config.app.log_dir.glob("*.log"))
    assert logs
    for log in logs:
        log.rename(log.with_suffix(".hidden"))
    try:
        answer = requests.get(bad, timeout=30)
    finally:
        for log in logs:
            log.with_suffix(".hidden").rename(log)
    assert answer.status_code == 200
    assert "Canvas answered 502" in answer.text
    assert "The logs have no line of this run." in answer.text


def test_a_run_that_does_not_exist_is_a_page_that_says_so(served: Served) -> None:
    answer = requests.get(f"{served.url}/runs/999999", timeout=30)
    assert answer.status_code == 404
    assert "There is no run 999999." in answer.text


def test_a_long_id_leaves_its_copy_button_room(served: Served, browser: Browser) -> None:
    write(served.engine, snapshot("a" * 200))
    with watched(browser, viewport={"width": 390, "height": 900}) as tab:
        tab.page.goto(f"{served.url}/runs/task/{'a' * 200}")
        box = tab.page.locator("#details").get_by_role("button", name="Copy aaa").bounding_box()
        assert box is not None
        assert box["width"] > box["height"]
