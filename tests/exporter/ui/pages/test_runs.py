"""The list of runs: filters, counts, pages and exports."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests
from playwright.sync_api import Browser, expect

from canvas_sync_core.events import ErrorInfo
from canvas_sync_core.names import RunStatus
from support.page_history import HOSTILE
from support.pages import Served, follow, serving_pages, watched
from support.runs import snapshot, write


def figures(site: Served, query: str) -> Any:
    answer = requests.get(f"{site.url}/runs?{query}", params={"format": "json"}, timeout=30)
    assert answer.status_code == 200
    return answer.json()["data"]


def test_a_facet_adds_its_filter_and_removes_it_again(site: Served, browser: Browser) -> None:
    with watched(browser) as tab:
        tab.page.goto(f"{site.url}/runs?from=30d")
        chip = tab.page.get_by_role("list", name="Status").get_by_role("link", name="failed")
        follow(chip)
        expect(tab.page).to_have_url(f"{site.url}/runs?from=30d&status=failed")
        states = tab.page.locator("#list tbody .status")
        assert set(states.all_inner_texts()) == {"failed"}
        follow(chip)
        expect(tab.page).to_have_url(f"{site.url}/runs?from=30d")


def test_the_form_keeps_the_filters_that_were_chosen(site: Served, browser: Browser) -> None:
    with watched(browser, java_script_enabled=False) as tab:
        tab.page.goto(f"{site.url}/runs?from=30d&sync_type=full")
        tab.page.get_by_text("More filters").click()
        tab.page.get_by_label("User").fill("3")
        follow(tab.page.get_by_role("button", name="Show"))
        for part in ("from=30d", "sync_type=full", "user_id=3"):
            assert part in tab.page.url
        users = tab.page.locator("#list tbody tr td:nth-child(6)").all_inner_texts()
        assert set(users) == {"3"}


def test_pages_of_the_list_have_every_run_once(site: Served, browser: Browser) -> None:
    total = figures(site, "from=30d")["facets"]["runs"]
    seen: list[str] = []
    with watched(browser) as tab:
        tab.page.goto(f"{site.url}/runs?from=30d")
        while True:
            seen += [link.get_attribute("href") or "" for link in tab.page.locator("th a").all()]
            older = tab.page.get_by_role("link", name="Older runs")
            if not older.count():
                break
            follow(older)
    runs = [each.partition("?")[0] for each in seen]
    assert len(runs) == len(set(runs)) == total


def test_the_list_says_why_a_run_was_partial_and_cuts_a_long_reason(tmp_path: Path) -> None:
    with serving_pages(tmp_path, with_history=False) as served:
        reasons = ("No access to course 110", f"No access to courses {'110, ' * 40}110")
        for number, reason in enumerate(reasons):
            error = ErrorInfo("Partial", reason)
            run = snapshot(f"partial-{number}", status=RunStatus.PARTIAL, error=error)
            write(served.engine, run)
        text = requests.get(f"{served.url}/runs?error_type=Partial", timeout=30).text
    cells = re.findall(r'<td class="error"[^>]*>(.*?)</td>', text)
    shown = sorted(re.sub("<[^>]+>", " ", each).split(maxsplit=1)[1].strip() for each in cells)
    assert shown == [reasons[0], f"{reasons[1][:120]}…"]


def test_exports_have_exactly_the_runs_that_are_shown(site: Served) -> None:
    query = "from=30d&status=failed&sync_type=full"
    shown = [run["id"] for run in figures(site, query)["runs"]["items"]]
    table = requests.get(f"{site.url}/runs/export.csv?{query}", timeout=30)
    lines = requests.get(f"{site.url}/runs/export.ndjson?{query}", timeout=30)
    assert table.headers["Content-Type"].startswith("text/csv")
    assert [int(row["id"]) for row in csv.DictReader(io.StringIO(table.text))] == shown
    assert [json.loads(line)["id"] for line in lines.text.splitlines()] == shown
    assert shown


def test_a_task_id_leads_to_its_run(site: Served) -> None:
    hostile = f"night {HOSTILE}".replace("\x00", "")
    for task_id in ("full-2", hostile):
        answer = requests.get(f"{site.url}/runs/task/{quote(task_id, safe='')}", timeout=30)
        assert answer.status_code == 200
        assert "/runs/" in answer.url
        assert "/task/" not in answer.url


def test_an_unknown_task_id_is_a_page_that_says_so(site: Served) -> None:
    answer = requests.get(f"{site.url}/runs/task/unknown", timeout=30)
    assert answer.status_code == 404
    assert "There is no run with this task id" in answer.text


def test_a_run_is_found_by_its_number_and_by_its_task_id(site: Served, browser: Browser) -> None:
    with watched(browser, java_script_enabled=False) as tab:
        tab.page.goto(f"{site.url}/runs/task/full-2")
        number = tab.page.url.rpartition("/")[2]
        expect(tab.page.locator("#verdict")).to_contain_text(re.compile(rf"Number\s*{number}"))
        for typed in (number, " full-2 "):
            follow(tab.page.get_by_role("link", name="Runs", exact=True))
            tab.page.get_by_label("Run", exact=True).fill(typed)
            follow(tab.page.get_by_role("button", name="Open"))
            expect(tab.page).to_have_url(f"{site.url}/runs/{number}")


def test_a_text_that_names_no_run_is_reported(site: Served) -> None:
    for typed in ("999999", "9" * 300, "<b>"):
        answer = requests.get(f"{site.url}/runs/find", params={"run": typed}, timeout=30)
        assert answer.status_code == 404
        assert f"There is no run with the number or task id {html.escape(typed)}." in answer.text
    assert requests.get(f"{site.url}/runs/find", timeout=30).status_code == 404


def test_durations_that_exclude_each_other_are_named(site: Served) -> None:
    answer = requests.get(f"{site.url}/runs?min_duration=2h&max_duration=1h", timeout=30)
    assert answer.status_code == 422
    assert "<b>max_duration</b>" in answer.text
