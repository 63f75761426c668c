"""The first page."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, expect

from canvas_sync_core.events import ErrorInfo
from canvas_sync_core.names import RunStatus
from canvas_sync_core.store.freshness import ItemFreshness
from canvas_sync_core.store.incidents.judges import JudgeRow, note_judging
from canvas_sync_core.store.incidents.writing import write_incidents
from canvas_sync_exporter.config_file.config_file import ConfigFile
from canvas_sync_exporter.config_file.syncs import SyncSettings
from canvas_sync_exporter.ui.sync_states import sync_freshness
from support.incidents import incident
from support.pages import Served, follow, serving_pages, watched
from support.runs import failed, running, snapshot, write

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Served]:
    """An exporter that no sync has written to."""
    with serving_pages(tmp_path, with_history=False) as served:
        yield served


def test_it_opens_on_what_needs_attention_bad_before_good(site: Served, browser: Browser) -> None:
    with watched(browser) as tab:
        tab.page.goto(site.url)
        section = tab.page.locator("#attention")
        expect(section.get_by_role("heading")).to_have_text("2 things need attention")
        expect(section.locator("li")).to_have_count(2)
        expect(section.locator("li").first).to_contain_text("critical")
        link = section.get_by_role("link", name="The last 3 runs of the sync full failed.")
        follow(link)
        expect(tab.page).to_have_url(re.compile(r"/incidents\?number=(\d+)#incident-\1$"))
        expect(tab.page.locator(":target")).to_contain_text("Canvas answers 502 Bad Gateway.")
        names = tab.page.locator("main").locator("h2")
        expect(names.first).to_have_text(re.compile(r"Incident \d+"))


def test_a_run_that_already_takes_longer_than_usual_is_not_compared_with_what_is_left(
    site: Served,
) -> None:
    text = requests.get(site.url, timeout=30).text
    (now,) = (each for each in text.split("<li>") if ">full-now<" in each and "heartbeat" in each)
    assert re.search(
        r"about \d+ min left · longer than its usual 12 s ·", re.sub(r"<[^>]*>", "", now)
    )


def test_each_bar_is_a_link_to_its_run_named_by_status_duration_and_time(
    site: Served, browser: Browser
) -> None:
    with watched(browser) as tab:
        tab.page.goto(site.url)
        row = tab.page.locator(".syncs > li", has_text="failing")
        bars = row.locator(".bars a")
        assert bars.count() > 40
        last = bars.nth(-2)
        title = last.locator("title").text_content() or ""
        assert re.fullmatch(r"\w+, .+, \d\d-\d\d \d\d:\d\d, run \d+", title)
        assert re.fullmatch(r"\./runs/\d+", last.get_attribute("href") or "")


def test_runs_in_progress_show_step_progress_and_what_is_left(site: Served) -> None:
    page = requests.get(site.url, timeout=30).text
    part = page[page.index('id="running"') : page.index('id="due"')]
    assert "assignments" in part
    assert 'value="37.5"' in part
    assert re.search(r"about \d+ min left of usually \d+ min", part)


def test_an_error_that_did_not_occur_before_is_new_and_leads_to_its_runs(empty: Served) -> None:
    now = time.time()
    known = ErrorInfo("http_502", "Canvas answered 502")
    write(
        empty.engine,
        failed("new-1", start_time=now - 3600),
        failed("new-2", start_time=now - 7200),
        snapshot("k1", status=RunStatus.FAILED, start_time=now - 3600, error=known),
        snapshot("k0", status=RunStatus.FAILED, start_time=now - 10 * 86_400, error=known),
    )
    page = requests.get(empty.url, timeout=30).text
    part = page[page.index('id="errors"') : page.index('id="outcomes"')]
    new, old = re.findall(r"<li>.*?</li>", part, re.DOTALL)
    assert "TimeoutError" in new
    assert 'class="count">2<' in new
    assert "new</span>" in new
    assert 'href="./runs?error_type=TimeoutError"' in new
    assert "Canvas did not answer" in new
    assert "http_502" in old
    assert "1 before" in old
    assert "new</span>" not in old
    assert "in whole quarters of an hour; “before” is the range of equal length before it." in part


def test_an_error_of_days_ago_is_no_longer_new(empty: Served) -> None:
    write(empty.engine, failed("old", start_time=time.time() - 2 * 86_400))
    page = requests.get(empty.url, timeout=30).text
    part = page[page.index('id="errors"') : page.index('id="outcomes"')]
    assert "new</span>" not in part
    assert "none before, " in part


def test_errors_are_shown_over_time_by_type(empty: Served) -> None:
    day = datetime(2026, 3, 2, tzinfo=UTC).timestamp()
    late = ErrorInfo("http_502", "Canvas answered 502")
    write(
        empty.engine,
        failed("a", start_time=day + 3600),
        failed("b", start_time=day + 7200),
        snapshot("c", status=RunStatus.FAILED, start_time=day + 90_000, error=late),
    )
    page = requests.get(f"{empty.url}/?from=2026-03-01&to=2026-03-04", timeout=30).text
    part = page[page.index('id="errors"') : page.index('id="outcomes"')]
    assert "Errors by" in part
    messages = re.findall(r'<p class="faint message">(.*?)<a href="(.*?)">(.*?)</a>', part)
    assert [(before, text) for before, _, text in messages] == [
        ("last: ", "Canvas did not answer"),  # the messages of the two runs may differ
        ("", "Canvas answered 502"),
    ]
    assert all("runs?" in link and "error_type=" in link for _, link, _ in messages)
    table = part[part.index('id="errors-figures"') :]
    assert re.findall(r'<th scope="col">(.*?)</th>', table) == ["Time", "TimeoutError", "http_502"]
    cells = re.findall(r"<td>(\d+)</td><td>(\d+)</td>", table)
    assert (sum(int(a) for a, _ in cells), sum(int(b) for _, b in cells)) == (2, 1)
    assert ("1", "1") not in cells


def test_an_empty_database_says_what_will_be_there(empty: Served) -> None:
    page = requests.get(empty.url, timeout=30).text
    for text in ("No sync is running.", "No sync has run yet.", "No exporter has ever judged"):
        assert text in page


def _judged(empty: Served) -> str:
    """The page after an exporter has judged, and found nothing."""
    now = datetime.now(UTC)
    note_judging(empty.engine, JudgeRow("exporter-1", now))
    text = requests.get(empty.url, timeout=30).text
    return text[text.index('id="attention"') : text.index('id="running"')]


def test_without_a_run_all_is_not_well(empty: Served) -> None:
    page = _judged(empty)
    assert "No sync has run yet" in page
    assert "All is well" not in page


def test_a_single_run_is_described_as_the_only_one(empty: Served) -> None:
    write(empty.engine, snapshot("first"))
    page = _judged(empty)
    assert "All is well" in page
    assert "Only one run is known so far" in page
    syncs = requests.get(f"{empty.url}/?format=json", timeout=30).json()["data"]["syncs"]
    assert [each["usual_seconds"] for each in syncs] == [None]
    write(empty.engine, snapshot("second"), snapshot("third"))
    assert "Only one run" not in _judged(empty)
    syncs = requests.get(f"{empty.url}/?format=json", timeout=30).json()["data"]["syncs"]
    assert [each["usual_seconds"] for each in syncs] == [12.5]


def test_with_many_sync_types_each_still_has_its_newest_runs(empty: Served) -> None:
    write(empty.engine, *(snapshot(f"good-{n}", sync_type=f"type-{n}") for n in range(20)))
    write(empty.engine, failed("bad", sync_type="zz-last", start_time=time.time() - 30))
    answer = requests.get(f"{empty.url}/?format=json", timeout=30).json()
    syncs = answer["data"]["syncs"]
    assert [each["status"]["sync_type"] for each in syncs][:2] == ["zz-last", "type-0"]
    assert (len(syncs), answer["data"]["sync_types"]) == (20, 21)
    assert all(len(each["runs"]) == 1 for each in syncs)


def test_items_that_are_older_than_promised_are_late() -> None:
    file = ConfigFile(
        syncs={"grades": SyncSettings(UTC, max_age={"grade": timedelta(hours=24)})},
    )
    old = ItemFreshness("grades", "grade", NOW - timedelta(hours=31), 31 * 3600.0)
    new = ItemFreshness("full", "course", NOW - timedelta(hours=2), 2 * 3600.0)
    grades, full = sync_freshness([old, new], file, NOW)  # late ones first
    assert [each.item for each in full.items if each.last_success] == ["course"]
    assert not any(each.is_late for each in full.items)
    assert [(each.item, each.max_age_seconds) for each in grades.items if each.is_late] == [
        ("grade", 86_400.0)
    ]


def test_items_that_never_came_although_promised_are_late() -> None:
    file = ConfigFile(
        syncs={"grades": SyncSettings(UTC, max_age={"grade": timedelta(hours=24)})},
    )
    (grades,) = sync_freshness([], file, NOW)
    assert [each.item for each in grades.items if each.is_late] == ["grade"]


def test_while_the_rollups_are_far_behind_the_rest_of_the_page_is_shown(
    empty: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(empty.engine, snapshot("good"))
    rollups = "canvas_sync_core.store.rollups"
    for module in ("slice_reader", "snapshot"):
        monkeypatch.setattr(f"{rollups}.{module}.usable_state", lambda *_: None)
    monkeypatch.setattr(f"{rollups}.periods._MOST_ROWS", 0)
    for path in ("", "performance", "canvas"):
        answer = requests.get(f"{empty.url}/{path}", timeout=30)
        assert answer.status_code == 200
        assert "not added up yet" in answer.text
    assert 'class="sync-runs"' in requests.get(empty.url, timeout=30).text


def test_a_database_that_is_away_is_reported_with_when_to_try_again(empty: Served) -> None:
    empty.engine.dispose()
    folder = empty.config.app.state_folder
    (folder / "canvas_sync.sqlite3").unlink()
    answer = requests.get(empty.url, timeout=30)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert "out of reach" in answer.text
    assert answer.text.count("<h1>") == 1


def test_many_syncs_and_incidents_with_long_names_fit_into_a_small_page(
    empty: Served, browser: Browser
) -> None:
    now = time.time()
    names = [f"type-{number:03d}-{'x' * 40}" for number in range(60)]
    write(empty.engine, *(snapshot(name, sync_type=name, start_time=now - 60) for name in names))
    write(empty.engine, running("now", start_time=now - 60, heartbeat=now - 3, step="s" * 200))
    moment = datetime.now(UTC)
    times: dict[str, Any] = {"since": moment, "opened_at": moment, "updated_at": moment}
    write_incidents(empty.engine, [incident(subject=name, **times) for name in names])
    content = requests.get(empty.url, timeout=30).content
    assert len(content) <= 60_000
    with watched(browser, viewport={"width": 320, "height": 900}) as tab:
        tab.page.goto(empty.url)
        section = tab.page.locator("#attention")
        expect(section.get_by_role("heading")).to_have_text("60 things need attention")
        expect(section.locator("li")).to_have_count(20)
        expect(section.get_by_role("link", name="All 60 incidents")).to_be_visible()
        expect(tab.page.get_by_role("link", name="All 61 syncs")).to_be_visible()
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= 320


def test_runs_that_did_not_succeed_are_reported_without_an_incident_and_are_one_click_away(
    empty: Served, browser: Browser
) -> None:
    now = time.time()
    reason = ErrorInfo("Partial", "No access to course 110")
    write(
        empty.engine,
        *(snapshot(f"good-{number}", start_time=now - 3600) for number in range(3)),
        failed("bad", start_time=now - 7200),
        snapshot("half", status=RunStatus.PARTIAL, start_time=now - 7200, error=reason),
        failed("long-ago", start_time=now - 3 * 86_400),
        running("now", start_time=now - 60),
    )
    assert "No incident is open" in _judged(empty)
    with watched(browser) as tab:
        tab.page.goto(f"{empty.url}/?from=7d")
        section = tab.page.locator("#attention.unknown")  # neither an alarm nor green
        expect(section).to_contain_text("did not succeed: 1 partial, 1 failed.")
        follow(section.get_by_role("link", name="2 of 5 runs of the last 24 hours"))
        rows = tab.page.locator("#list tbody tr")
        expect(rows).to_have_count(2)
        expect(rows.filter(has_text="half")).to_contain_text("No access to course 110")
        tab.page.goto(f"{empty.url}/?from=7d")
        follow(section.get_by_role("link", name="1 partial"))
        expect(rows).to_have_count(1)
        expect(rows).to_contain_text("half")


def test_the_page_says_when_all_runs_of_a_night_succeeded(empty: Served) -> None:
    write(empty.engine, *(snapshot(f"good-{number}") for number in range(3)))
    page = _judged(empty)
    assert "All is well" in page
    assert "All 3 runs of the last 24 hours succeeded." in page
