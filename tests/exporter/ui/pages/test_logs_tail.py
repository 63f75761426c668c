"""The live tail on the page of the logs: it follows, pauses, skips and resumes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, expect

from canvas_sync_core.names import Log
from canvas_sync_exporter.web.auth import Scope
from support.log_moves import rotate_log
from support.log_pages import SOON, own, rows, write
from support.page_history import HOSTILE
from support.pages import Served, follow, serving_pages, watched

__all__ = ["own"]


def test_new_lines_appear_on_top_through_a_rotation(own: Served, browser: Browser) -> None:
    write(own, "before")
    with watched(browser) as tab:
        tab.page.goto(f"{own.url}/logs?not_text=other")
        write(own, "between")
        tab.page.keyboard.press("f")
        expect(rows(tab.page).first).to_contain_text("between", timeout=SOON)
        rotate_log(own.config.app.log_dir, Log.ERRORS)
        write(own, "other", "after", HOSTILE)
        expect(rows(tab.page).first).to_contain_text("<script>alert(1)", timeout=SOON)
        rotate_log(own.config.app.log_dir, Log.ERRORS)
        write(own, "last", task_id="nightly-1", error="x" * 5000)
        expect(rows(tab.page).first).to_contain_text("last", timeout=SOON)
        texts = rows(tab.page).locator("span:last-child").all_inner_texts()
        assert [texts[0], *texts[2:]] == ["last", "after", "between", "before"]
        url = tab.page.get_by_role("link", name="NDJSON").evaluate("a => a.href")
        exported = [json.loads(each) for each in requests.get(url, timeout=30).text.splitlines()]
        assert len(exported) == 5
        assert exported[0]["message"] == "last"
        rows(tab.page).first.click()
        expect(tab.page.locator("#lines dl").first).to_contain_text("nightly-1")
        expect(tab.page.get_by_role("link", name="Whole line")).to_have_count(1)
        follow(tab.page.get_by_role("link", name="In context").first)
        expect(tab.page.locator("#line")).to_contain_text("last")
        assert tab.complaints == []


def test_a_paused_tail_counts_what_it_skips_and_loads_it(own: Served, browser: Browser) -> None:
    write(own, "first")
    with watched(browser) as tab:
        tab.page.goto(f"{own.url}/logs")
        tab.page.get_by_role("button", name="Follow").click()
        write(own, "seen")
        expect(rows(tab.page).first).to_contain_text("seen", timeout=SOON)
        tab.page.get_by_role("button", name="Pause", exact=True).click()
        write(own, *(f"skipped {number}" for number in range(127)))
        more = tab.page.get_by_role("button", name="127 lines skipped while paused, load them")
        expect(more).to_be_visible(timeout=SOON)
        expect(rows(tab.page)).to_have_count(2)
        tab.page.get_by_role("button", name="Resume", exact=True).click()
        write(own, "resumed")
        expect(rows(tab.page).first).to_contain_text("resumed", timeout=SOON)
        expect(rows(tab.page)).to_have_count(3)
        more.click()
        expect(rows(tab.page)).to_have_count(130)
        texts = rows(tab.page).locator("span:last-child").all_inner_texts()
        skipped = [f"skipped {number}" for number in range(126, -1, -1)]
        assert texts == ["resumed", *skipped, "seen", "first"]
        assert tab.complaints == []


def test_at_most_2000_lines_stay_in_the_page(own: Served, browser: Browser) -> None:
    write(own, "first")
    with watched(browser) as tab:
        tab.page.goto(f"{own.url}/logs")
        tab.page.get_by_role("button", name="Follow").click()
        for part in range(4):
            write(own, *(f"line {part * 501 + number}" for number in range(501)))
            expect(rows(tab.page).first).to_contain_text(f"line {part * 501 + 500}", timeout=SOON)
        assert rows(tab.page).count() == 2000


def test_only_one_window_of_a_browser_has_a_stream(own: Served, browser: Browser) -> None:
    write(own, "first")
    with watched(browser) as tab:
        streams: list[str] = []
        other = tab.page.context.new_page()
        for page in (tab.page, other):
            page.on("request", lambda request: streams.append(request.url))
            page.goto(f"{own.url}/logs")
            page.get_by_role("button", name="Follow").click()
            expect(page.locator("[data-connection]")).to_have_text("Live", timeout=SOON)
        expect(tab.page.locator("[data-connection]")).to_have_text("Live in another window")
        write(own, "for both")
        for page in (tab.page, other):
            expect(rows(page).first).to_contain_text("for both", timeout=SOON)
        assert sum("/logs/tail" in url for url in streams) == 2
        other.close()
        expect(tab.page.locator("[data-connection]")).to_have_text("Live", timeout=SOON)
        write(own, "for one")
        expect(rows(tab.page).first).to_contain_text("for one", timeout=SOON)
        assert rows(tab.page).count() == 3
        assert tab.complaints == []


def test_a_stream_rejects_a_wrong_cursor(own: Served) -> None:
    answer = requests.get(f"{own.url}/logs/tail?cursor=wrong", timeout=30)
    assert answer.status_code == 422


def test_a_hidden_window_has_no_stream_and_misses_nothing(own: Served, browser: Browser) -> None:
    write(own, "first")
    with watched(browser) as tab:
        ended: list[str] = []
        tab.page.on("requestfailed", lambda request: ended.append(request.url))
        tab.page.goto(f"{own.url}/logs")
        tab.page.get_by_role("button", name="Follow").click()
        expect(tab.page.locator("[data-connection]")).to_have_text("Live", timeout=SOON)
        turn = """hidden => {
            Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
        }"""
        tab.page.evaluate(turn, True)
        write(own, "while hidden")
        tab.page.wait_for_timeout(500)
        assert len(ended) == 1
        assert rows(tab.page).count() == 1
        tab.page.evaluate(turn, False)
        expect(rows(tab.page).first).to_contain_text("while hidden", timeout=SOON)
        assert rows(tab.page).count() == 2


def test_a_new_filter_starts_at_the_newest_line_again(site: Served, browser: Browser) -> None:
    with watched(browser, java_script_enabled=False) as tab:
        tab.page.goto(f"{site.url}/logs?from=24h")
        follow(tab.page.get_by_role("link", name="Older lines"))
        assert "cursor=" in tab.page.url
        follow(tab.page.get_by_role("button", name="Only log progress"))
        expect(tab.page.get_by_role("list", name="Filters in use")).to_contain_text("progress")
        assert "cursor=" not in tab.page.url


def test_lines_that_the_server_skips_are_counted_and_found_by_a_link(
    own: Served, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("canvas_sync_exporter.ui.pages.logs._TAIL_LINES", 10)
    write(own, "first")
    with watched(browser) as tab:
        tab.page.goto(f"{own.url}/logs")
        tab.page.get_by_role("button", name="Follow").click()
        expect(tab.page.locator("[data-connection]")).to_have_text("Live", timeout=SOON)
        write(own, *(f"line {number}" for number in range(30)))  # at once
        expect(tab.page.locator(".gap")).to_contain_text("20 lines skipped", timeout=SOON)
        expect(rows(tab.page)).to_have_count(11)
        follow(tab.page.get_by_role("link", name="Search them"))
        expect(rows(tab.page).first).to_contain_text("line 0")
        expect(rows(tab.page)).to_have_count(30)
        assert tab.complaints == []


def test_a_stream_that_the_server_ends_goes_on_without_losing_a_line(
    own: Served, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("canvas_sync_exporter.ui.pages.logs._STREAM_SECONDS", 0.3)
    write(own, "first")
    with watched(browser) as tab:
        tab.page.goto(f"{own.url}/logs")
        tab.page.get_by_role("button", name="Follow").click()
        for number in range(3):
            write(own, f"line {number}")
            expect(rows(tab.page).first).to_contain_text(f"line {number}", timeout=SOON)
        expect(rows(tab.page)).to_have_count(4)
        assert sum("/logs/tail" in url for url in tab.requests) > 1
        expect(tab.page.locator("[data-connection]")).to_have_text("Live")


def test_a_stream_ends_so_that_a_revoked_token_is_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("canvas_sync_exporter.ui.pages.logs._STREAM_SECONDS", 0.3)
    with serving_pages(tmp_path, with_tokens=True, with_history=False) as served:
        served.config.app.log_dir.mkdir(exist_ok=True)
        headers = {"Authorization": f"Bearer {served.tokens[Scope.READ]}"}
        url = f"{served.url}/logs/tail"
        assert requests.get(url, headers=headers, timeout=30).status_code == 200  # and it ended
        assert served.tokens_file is not None
        tokens = served.tokens_file.read_text(encoding="utf-8").splitlines()
        others = [line for line in tokens if " read " not in f" {line.replace(':', ' ')} "]
        assert len(others) == len(tokens) - 1
        served.tokens_file.write_text("\n".join(others) + "\n", encoding="utf-8")
        answer = requests.get(url, headers=headers, timeout=30, allow_redirects=False)
        assert answer.status_code != 200
