"""The page of the logs: search, volume, facets, permanent links and context."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, expect

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.cleanup import cleanup_canvas_sync_logs
from canvas_sync_exporter.web.auth import Scope
from support.log_moves import retention, rotate_log
from support.log_pages import SOON, fields, own, rows, write
from support.page_history import HOSTILE
from support.pages import Served, axe_violations, follow, serving_pages, watched

__all__ = ["own"]


def figures(site: Served, query: str = "") -> Any:
    answer = requests.get(f"{site.url}/logs?{query}", params={"format": "json"}, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def lines(site: Served, query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = figures(site, f"{query}&from=24h")["found"]["lines"]
    return found


@pytest.mark.parametrize(
    ("query", "is_wanted"),
    [
        ("text=enrollments", lambda line: "enrollments" in json.dumps(line)),
        ("text=/Status: [45]\\d\\d/", lambda line: re.search(r"Status: [45]", line["message"])),
        ("not_text=GET", lambda line: "GET" not in line["message"]),
        ("not_text=/Status: 2../", lambda line: "Status: 2" not in line["message"]),
        ("log=errors&log=progress", lambda line: line["log"] in ("errors", "progress")),
        ("level=ERROR,WARNING", lambda line: line["level"] in ("ERROR", "WARNING")),
        ("level=ERROR&level=WARNING", lambda line: line["level"] in ("ERROR", "WARNING")),
        ("not_level=INFO", lambda line: line["level"] != "INFO"),
        ("user_id=6", lambda line: fields(line)["user_id"] == "6"),
        (
            "not_user_id=6&not_user_id=42",
            lambda line: fields(line).get("user_id") not in ("6", "42"),
        ),
        ("course_id=102", lambda line: fields(line)["course_id"] == "102"),
        ("not_course_id=102,101", lambda line: fields(line).get("course_id") is None),
        ("task_id=full-1", lambda line: fields(line)["task_id"] == "full-1"),
        ("not_task_id=full-1", lambda line: fields(line)["task_id"] != "full-1"),
        ("status=502", lambda line: fields(line)["status_code"] == "502"),
        ("not_status=200", lambda line: fields(line).get("status_code") != "200"),
        ("route=/api/v1/courses", lambda line: fields(line)["route"] == "/api/v1/courses"),
        ("not_route=/api/v1/courses", lambda line: fields(line).get("route") != "/api/v1/courses"),
    ],
)
def test_a_search_finds_what_its_filter_says(site: Served, query: str, is_wanted: Any) -> None:
    found = lines(site, query)
    assert found
    assert all(map(is_wanted, found))


def test_a_trace_is_found_and_left_out(site: Served) -> None:
    trace = fields(lines(site, "log=api_calls")[0])["trace_id"]
    assert {fields(each)["trace_id"] for each in lines(site, f"trace_id={trace}")} == {trace}
    others = lines(site, f"log=api_calls&not_trace_id={trace}")
    assert others
    assert trace not in {fields(each)["trace_id"] for each in others}


def test_a_wrong_regular_expression_is_named(site: Served) -> None:
    answer = requests.get(f"{site.url}/logs", params={"text": "/(/"}, timeout=30)
    assert answer.status_code == 422
    assert "<b>text</b>" in answer.text


def test_a_time_range_bounds_the_search(site: Served) -> None:
    times = [line["time"] for line in figures(site, "from=24h")["found"]["lines"]]
    middle = times[len(times) // 2]
    older = figures(site, f"from=24h&to={middle}")["found"]["lines"]
    assert older[0]["time"] < middle
    newer = figures(site, f"from={middle}")["found"]["lines"]
    assert {line["time"] for line in newer} <= set(times)


def test_the_five_logs_are_one_list_newest_first_and_pages_have_each_line_once(
    site: Served,
) -> None:
    cursor, seen = "", []
    while True:
        found = figures(site, f"from=24h&cursor={cursor}")["found"]
        seen += found["lines"]
        cursor = found["next"]
        if not cursor:
            break
    assert len({each["position"] for each in seen}) == len(seen) > 100
    times = [each["time"] for each in seen]
    assert times == sorted(times, reverse=True)
    assert {each["log"] for each in seen} == set(Log)
    total = sum(len(file.read_bytes().splitlines()) for file in _files(site))
    assert len(seen) == total


def test_a_facet_narrows_the_search_and_a_chip_widens_it_again(
    site: Served, browser: Browser
) -> None:
    with watched(browser, java_script_enabled=False) as tab:
        tab.page.goto(f"{site.url}/logs?from=24h")
        follow(tab.page.get_by_role("button", name="Only level ERROR"))
        assert "level=ERROR" in tab.page.url
        follow(tab.page.get_by_role("button", name="Only level WARNING"))
        levels = set(rows(tab.page).locator("b").all_inner_texts())
        assert levels == {"ERROR", "WARNING"}
        follow(tab.page.get_by_role("button", name="Not status 502"))
        expect(tab.page.get_by_role("list", name="Filters in use")).to_contain_text(
            "Not status 502"
        )
        assert "Status: 502" not in " ".join(rows(tab.page).all_inner_texts())
        follow(tab.page.get_by_role("link", name="Level WARNING"))
        assert set(rows(tab.page).locator("b").all_inner_texts()) == {"ERROR"}
        assert "not_status=502" in tab.page.url


def test_a_bar_of_the_volume_leads_to_only_its_time(site: Served, browser: Browser) -> None:
    with watched(browser, java_script_enabled=False) as tab:
        tab.page.goto(f"{site.url}/logs?from=24h&log=api_calls&tz=UTC")
        bar = tab.page.locator(".volume a").first
        name = bar.text_content() or ""
        bar.click(force=True)
        count = re.search(r": (\d+) lines", name)
        assert count
        assert f"of all {count[1]} lines that match" in tab.page.locator("#facets h2").inner_text()
        assert "log=api_calls" in tab.page.url


def test_times_below_the_volume_stand_side_by_side_on_a_phone(
    site: Served, browser: Browser
) -> None:
    with watched(browser, viewport={"width": 390, "height": 900}) as tab:
        tab.page.goto(f"{site.url}/logs?from=3m")  # times with seconds, the longest
        labels = tab.page.locator(".volume li").all()
        shown = [each.bounding_box() for each in labels if each.is_visible()]
        boxes = [box for box in shown if box is not None]
        assert len(boxes) >= 3
        for left, right in pairwise(boxes):
            assert left["x"] + left["width"] < right["x"]


def test_dragging_over_the_volume_narrows_the_range(site: Served, browser: Browser) -> None:
    with watched(browser) as tab:
        tab.page.goto(f"{site.url}/logs?from=24h&level=INFO&tz=UTC")
        box = tab.page.locator(".volume svg").bounding_box()
        assert box
        tab.page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 20)
        tab.page.mouse.down()
        tab.page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 20, steps=5)
        tab.page.mouse.up()
        expect(tab.page).to_have_url(re.compile("from=.*T.*to=|to=.*T.*"), timeout=SOON)
        assert "level=INFO" in tab.page.url
        found = re.findall(r"(?:from|to)=([^&]+)", tab.page.url.replace("%3A", ":"))
        begin, end = (datetime.fromisoformat(each) for each in sorted(found))
        assert timedelta(hours=5) <= end - begin <= timedelta(hours=7)
        assert tab.complaints == []


def test_exports_have_exactly_the_lines_that_are_shown(site: Served, browser: Browser) -> None:
    with watched(browser, java_script_enabled=False) as tab:
        for query in ("from=24h&level=WARNING", "from=24h&not_text=alert"):
            tab.page.goto(f"{site.url}/logs?{query}")
            shown = rows(tab.page).locator("span:last-child").all_inner_texts()
            urls = {
                name: tab.page.get_by_role("link", name=name, exact=True).evaluate(
                    "each => each.href"
                )
                for name in ("CSV", "NDJSON")
            }
            table = requests.get(urls["CSV"], timeout=30)
            assert [each["message"] for each in csv.DictReader(io.StringIO(table.text))] == shown
            text = requests.get(urls["NDJSON"], timeout=30).text
            assert [json.loads(each)["message"] for each in text.splitlines()] == shown
            assert shown


def test_a_line_opens_to_all_its_fields_without_javascript(site: Served, browser: Browser) -> None:
    with watched(browser, java_script_enabled=False) as tab:
        tab.page.goto(f"{site.url}/logs?from=24h&task_id=full-1&log=operations")
        row = tab.page.locator("#lines .line").first
        row.locator("summary").click()
        expect(row.locator("dl")).to_contain_text("full-1")
        follow(row.get_by_role("link", name="Its run"))
        expect(tab.page.locator("h1")).to_have_text("Run full-1")
        follow(tab.page.locator("#lines a").first)
        expect(tab.page.locator("#line")).to_contain_text("full-1")


def test_an_open_line_offers_its_values_as_filters_and_its_link_to_copy(
    site: Served, browser: Browser
) -> None:
    with watched(browser) as tab:
        tab.page.goto(f"{site.url}/logs?from=24h&status=502")
        row = tab.page.locator("#lines .line").first
        row.locator("summary").click()
        expect(row.get_by_role("link", name="Copy link")).to_be_visible()
        expect(row.get_by_role("button", name="Copy line")).to_be_visible()
        follow(row.get_by_role("link", name="Not route"))
        expect(tab.page.get_by_role("list", name="Filters in use")).to_contain_text("Not route")
        assert "status=502" in tab.page.url
        assert tab.complaints == []


def test_keys_search_and_walk_through_the_lines(site: Served, browser: Browser) -> None:
    with watched(browser) as tab:
        tab.page.goto(f"{site.url}/logs?from=24h")
        tab.page.keyboard.press("/")
        tab.page.keyboard.type("grades")
        tab.page.keyboard.press("Enter")
        expect(tab.page).to_have_url(f"{site.url}/logs?from=24h&text=grades")
        tab.page.keyboard.press("j")
        tab.page.keyboard.press("j")
        tab.page.keyboard.press("k")
        expect(rows(tab.page).first).to_be_focused()
        tab.page.keyboard.press("Enter")
        expect(tab.page.locator("#lines dl").first).to_be_visible()
        assert tab.complaints == []


def test_older_lines_are_added_in_place(site: Served, browser: Browser) -> None:
    with watched(browser) as tab:
        tab.page.goto(f"{site.url}/logs?from=24h")
        before = rows(tab.page).count()
        tab.page.get_by_role("link", name="Older lines").click()
        expect(rows(tab.page).nth(before)).to_be_visible(timeout=SOON)
        assert "cursor" not in tab.page.url
        url = tab.page.get_by_role("link", name="NDJSON").evaluate("a => a.href")
        exported = requests.get(url, timeout=30).text.splitlines()
        assert len(exported) == rows(tab.page).count()
        assert tab.complaints == []


def _files(site: Served) -> list[Path]:
    return [site.config.app.log_dir / f"{log.value}.log" for log in Log]


def test_a_permanent_link_survives_rotation_and_archiving(own: Served, browser: Browser) -> None:
    folder = own.config.app.log_dir
    write(own, *(f"line {number}" for number in range(30)))
    with watched(browser) as tab:
        tab.page.goto(f"{own.url}/logs?text=line 12")
        tab.page.locator("#lines summary").click()
        follow(tab.page.get_by_role("link", name="In context"))
        expect(tab.page.locator("#line")).to_contain_text("line 12")
        rotate_log(folder, Log.ERRORS)
        write(own, "later")
        tab.page.reload()
        expect(tab.page.locator("#line")).to_contain_text("line 12")
        rotate_log(folder, Log.ERRORS)
        cleanup_canvas_sync_logs(retention(folder, 0))
        live = [file.read_bytes() for file in folder.glob("errors.log*")]
        assert not any(b"line 12" in content for content in live)
        tab.page.reload()
        expect(tab.page.locator("#line")).to_contain_text("line 12")
        around = tab.page.locator("#around summary span:last-child").all_inner_texts()
        assert around == [f"line {number}" for number in range(27, -1, -1)]
        for archive in (folder / "archive").iterdir():
            archive.unlink()
        answer = tab.page.reload()
        assert answer is not None
        assert answer.status == 410
        expect(tab.page.locator("main")).to_contain_text("This line has been deleted")


def test_the_context_has_all_logs_and_keeps_the_filters_for_the_way_back(
    own: Served, browser: Browser
) -> None:
    for number in range(40):
        write(own, f"line {number}", log=list(Log)[number % 5])
    with watched(browser, java_script_enabled=False) as tab:
        tab.page.goto(f"{own.url}/logs?text=line+20&from=1h")
        tab.page.locator("#lines summary").click()
        follow(tab.page.get_by_role("link", name="In context"))
        expect(tab.page.locator("#line")).to_contain_text("line 20")
        messages = tab.page.locator("#around summary span:last-child")
        assert messages.all_inner_texts() == [f"line {number}" for number in range(35, 4, -1)]
        follow(tab.page.get_by_role("link", name="15 more after it"))
        assert messages.first.inner_text() == "line 39"
        follow(tab.page.get_by_role("link", name="Only lines that match"))
        assert messages.all_inner_texts() == ["line 20"]
        follow(tab.page.get_by_role("link", name="Back to the search"))
        assert tab.page.url == f"{own.url}/logs?text=line+20&from=1h"


def test_hostile_lines_are_only_text(own: Served, browser: Browser) -> None:
    write(own, HOSTILE, error=HOSTILE, task_id=HOSTILE, level="<b>")
    write(own, "x" * 400_000 + "END", long="<i>" * 10_000)
    with (own.config.app.log_dir / "errors.log").open("ab") as file:
        file.write(b"y" * 1_200_000 + b"\n\x00\xff{not json\n")
    with watched(browser) as tab:
        tab.page.goto(f"{own.url}/logs")
        expect(rows(tab.page)).to_have_count(2)
        for row in rows(tab.page).all():
            row.click()
        text = tab.page.locator("#lines").inner_text()
        assert "<script>alert(1)</script> \\u202egnp.exe\\u202c \\x1b[31m\\x00" in text
        assert "END" not in text
        assert len(tab.page.content()) < 60_000
        follow(tab.page.get_by_role("link", name="Whole line").first)
        whole = json.loads(tab.page.locator("body").inner_text())
        assert whole["message"].endswith("xEND")
        assert tab.complaints == []


def test_what_was_not_searched_yet_is_shown_with_a_link_that_searches_it(
    own: Served, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("canvas_sync_exporter.ui.pages.logs._FIRST_SECONDS", 0.0)
    write(own, "needle")
    write(own, *("hay" for _ in range(30_000)))
    with watched(browser, java_script_enabled=False) as tab:
        tab.page.goto(f"{own.url}/logs?text=needle")
        expect(tab.page.locator("#lines")).to_contain_text("No line matches so far.")
        expect(tab.page.locator("#lines")).to_contain_text(re.compile(r"MB left to search"))
        follow(tab.page.get_by_role("link", name="Search further"))
        expect(rows(tab.page)).to_have_count(1)
    with watched(browser) as tab:  # with JavaScript it goes on by itself
        tab.page.goto(f"{own.url}/logs?text=needle")
        expect(rows(tab.page)).to_have_count(1, timeout=SOON)
        expect(tab.page.locator("#lines")).to_contain_text("Everything in this range")
        assert tab.complaints == []


def test_a_page_with_long_filters_is_still_small(site: Served) -> None:
    query = f"from=24h&not_text={'<x>' * 100}&not_route=/api/{'x' * 100}"
    answer = requests.get(f"{site.url}/logs?{query}", timeout=30)
    assert len(figures(site, query)["found"]["lines"]) > 2
    assert len(answer.content) <= 60_000


def test_the_feeds_are_only_for_those_who_have_signed_in(tmp_path: Path) -> None:
    with serving_pages(tmp_path, with_tokens=True, with_history=False) as served:
        for path in ("logs", "logs/tail", "logs/export.csv", "logs/line?position=x"):
            url = f"{served.url}/{path}"
            answer = requests.get(url, timeout=30, allow_redirects=False)
            assert (answer.status_code, "sign-in" in answer.headers["Location"]) == (303, True)
            headers = {"Authorization": f"Bearer {served.tokens[Scope.METRICS]}"}
            assert requests.get(url, headers=headers, timeout=30).status_code == 403


def test_the_lines_around_one_are_accessible(site: Served, browser: Browser) -> None:
    with watched(browser) as tab:
        line = figures(site, "from=24h")["found"]["lines"][0]
        tab.page.goto(f"{site.url}/{line['url']}")
        expect(tab.page.locator("#line .sign").first).to_be_visible()
        assert axe_violations(tab.page) == []
        assert tab.complaints == []
