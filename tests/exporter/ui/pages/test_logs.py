"""The page of the logs: search, volume, facets, permanent links, context, and the live tail."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Locator, Page, expect

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.retention import cleanup_canvas_sync_logs
from canvas_sync_exporter.web.auth import Scope
from support.log_folders import json_line
from support.log_moves import retention, rotate_log
from support.page_history import HOSTILE
from support.pages import Served, axe_violations, follow, serving_pages, watched

SOON = 60_000  # ms


def figures(site: Served, query: str = "") -> Any:
    answer = requests.get(f"{site.url}/logs?{query}", params={"format": "json"}, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def lines(site: Served, query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = figures(site, f"{query}&from=24h")["found"]["lines"]
    return found


def fields(line: dict[str, Any]) -> dict[str, str]:
    return dict(line["fields"])


def rows(page: Page) -> Locator:
    return page.locator("#lines .line > summary")


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


def test_a_bar_of_the_volume_shows_its_time_alone(site: Served, browser: Browser) -> None:
    with watched(browser, java_script_enabled=False) as tab:
        tab.page.goto(f"{site.url}/logs?from=24h&log=api_calls&tz=UTC")
        bar = tab.page.locator(".volume a").first
        name = bar.text_content() or ""
        bar.click(force=True)
        count = re.search(r": (\d+) lines", name)
        assert count
        assert f"of all {count[1]} lines that match" in tab.page.locator("#facets h2").inner_text()
        assert "log=api_calls" in tab.page.url


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


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Served]:
    """An exporter with empty logs, to which a test writes."""
    with serving_pages(tmp_path, with_history=False) as served:
        served.config.app.log_dir.mkdir(exist_ok=True)
        yield served


def write(own: Served, *messages: str, log: Log = Log.ERRORS, **fields: Any) -> None:
    stamp = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
    with (own.config.app.log_dir / f"{log.value}.log").open("ab") as file:
        for message in messages:
            line = {"timestamp": stamp, "level": "INFO", "log": log.value, "message": message}
            file.write(json_line({**line, **fields}))


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


def test_what_was_not_searched_yet_is_said_and_searched_by_a_link(
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


def test_a_stream_tells_a_wrong_cursor(own: Served) -> None:
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
        kept = served.tokens_file.read_text(encoding="utf-8").splitlines()
        others = [line for line in kept if " read " not in f" {line.replace(':', ' ')} "]
        assert len(others) == len(kept) - 1
        served.tokens_file.write_text("\n".join(others) + "\n", encoding="utf-8")
        answer = requests.get(url, headers=headers, timeout=30, allow_redirects=False)
        assert answer.status_code != 200
