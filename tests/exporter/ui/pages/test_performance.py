"""The page that compares a range of time with the one before it."""

from __future__ import annotations

import datetime as dt
import re
import time
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, expect

from support.pages import Served, follow, serving_pages, watched
from support.runs import failed, snapshot, write


def changes(site: Served, query: str) -> dict[str, Any]:
    answer = requests.get(f"{site.url}/performance?{query}&format=json", timeout=30)
    assert answer.status_code == 200
    return {each["name"]: each for each in answer.json()["data"]["changes"]}


def runs(site: Served, query: str) -> int:
    answer = requests.get(f"{site.url}/runs?{query}&format=json", timeout=30)
    return int(answer.json()["data"]["facets"]["runs"])


def test_counts_are_those_of_the_two_ranges_of_time(site: Served) -> None:
    found = changes(site, "from=2d&to=1d")["Runs"]
    assert int(found["now"]) == pytest.approx(runs(site, "from=2d&to=1d"), abs=1)
    assert int(found["before"]) == pytest.approx(runs(site, "from=3d&to=2d"), abs=1)


def test_a_change_has_a_verdict_only_if_more_is_better_or_worse(site: Served) -> None:
    found = changes(site, "from=7d")
    assert found["Runs"]["verdict"] == found["API calls"]["verdict"] == ""
    for each in found.values():
        if each["verdict"] in ("better", "worse"):
            is_higher = not each["change"].startswith("-")
            is_good_when_high = each["name"] == "Success rate"
            assert each["verdict"] == ("better" if is_higher == is_good_when_high else "worse")
    assert {each["verdict"] for each in found.values()} > {""}


def test_rates_are_compared_in_points_and_huge_changes_are_multiples(tmp_path: Path) -> None:
    now = time.time()
    with serving_pages(tmp_path, with_history=False) as served:
        write(
            served.engine,
            *(snapshot(f"old-{n}", start_time=now - 40 * 86_400, duration=0.1) for n in range(201)),
            *(snapshot(f"new-{n}", start_time=now - 3600, duration=21.8) for n in range(190)),
            *(failed(f"bad-{n}", start_time=now - 3600, duration=21.8) for n in range(10)),
        )
        found = changes(served, "from=30d")
    assert (found["Runs"]["change"], found["Runs"]["verdict"]) == ("+0 %", ""), "one less of 201"
    rate = found["Success rate"]
    assert (rate["before"], rate["now"]) == ("100.0 %", "95.0 %")
    assert (rate["change"], rate["verdict"]) == ("-5.0 points", "worse")
    assert re.fullmatch(r"2\d\d times", found["Duration of a run, p50"]["change"])
    assert found["Duration of a run, p50"]["verdict"] == "worse"


def test_a_run_is_never_in_both_ranges_of_time_however_short_they_are(tmp_path: Path) -> None:
    with serving_pages(tmp_path, with_history=False) as served:
        start = dt.datetime(2026, 3, 2, 5, 50, tzinfo=dt.UTC).timestamp()
        write(served.engine, snapshot("only", start_time=start))
        query = "from=2026-03-02T05:57&to=2026-03-02T05:58&tz=UTC"
        found = changes(served, query)["Runs"]
        text = requests.get(f"{served.url}/performance?{query}", timeout=30).text
    assert (found["before"], found["now"]) == ("0", "1")
    counted = "of runs that started from 2026-03-02 05:45 to 2026-03-02 06:00, in whole quarters"
    assert counted in re.sub("<[^>]+>", "", text)


def test_without_runs_before_there_is_no_verdict(site: Served) -> None:
    found = changes(site, "from=365d")
    assert {each["verdict"] for each in found.values()} == {""}
    assert {each["before"] for each in found.values()} == {"0", "-"}


def test_a_sync_type_leads_to_its_runs(site: Served, browser: Browser) -> None:
    with watched(browser) as tab:
        tab.page.goto(f"{site.url}/performance")  # whose range is longer than that of the runs
        follow(tab.page.locator("#types").get_by_role("link", name="grades"))
        expect(tab.page).to_have_url(f"{site.url}/runs?from=30d&sync_type=grades")


@pytest.mark.parametrize(("path", "card"), [("?from=1h", "latency"), ("canvas?from=1h", "calls")])
def test_the_latency_of_canvas_leads_to_a_comparison_with_the_month_before(
    path: str, card: str, site: Served
) -> None:
    page = requests.get(f"{site.url}/{path}", timeout=30).text
    latency = page[page.index(f'id="{card}"') :].partition("</section>")[0]
    assert 'href="./performance?from=30d">Compare with the month before' in latency
