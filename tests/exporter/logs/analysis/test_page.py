"""The page: its parts, their order, what comes from logs, and its charts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_exporter.logs.analysis.analyze import analyze
from canvas_sync_exporter.logs.analysis.charts import columns_chart, lines_chart, ranges_chart
from canvas_sync_exporter.logs.analysis.figures import make_report
from canvas_sync_exporter.logs.analysis.page import html_page
from canvas_sync_exporter.logs.analysis.page_tables import badge, table_html
from canvas_sync_exporter.logs.analysis.records import Selection
from canvas_sync_exporter.logs.analysis.tables import Bar, Series, Table
from canvas_sync_instrumentation.names import ENDINGS
from support.sync_logs import generate, line_of_record

_EMPTY = {"meta", "wbr", "rect", "line", "circle"}


class _Nesting(HTMLParser):
    """Whether each element is closed where it should be."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        if tag not in _EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _EMPTY:
            assert self.open.pop() == tag


def page_of(folder: Path) -> str:
    analysis = analyze(folder, folder / "archive", Selection())
    return html_page(make_report(analysis, folder, Selection(), 10))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("logs")
    for log, records in generate(200).items():
        (folder / f"{log.value}.log").write_bytes(b"".join(map(line_of_record, records)))
    return page_of(folder)


def trend(sizes: Sequence[float], days: Sequence[str], **more: Any) -> Table:
    rows = [[day, str(size)] for day, size in zip(days, sizes, strict=True)]
    bars = [Bar(size, size / 2) for size in sizes]
    return Table(
        "API calls", "by day", ["day", "calls#"], rows, bars, "calls", kind="trend", **more
    )


def test_every_element_is_closed(page: str) -> None:
    nesting = _Nesting()
    nesting.feed(page)
    nesting.close()
    assert nesting.open == []


def test_the_page_allows_itself_to_load_nothing(page: str) -> None:
    assert "default-src 'none'" in page


def test_what_needs_attention_comes_first_and_charts_come_below_their_title(page: str) -> None:
    assert page.index("things need attention") < page.index('<section id="runs">')
    assert page.index("<h3>by route</h3>") < page.index(
        "Duration of calls (p50, p95, p99) by route"
    )
    assert page.index("<h3>by day</h3>") < page.index("Columns: calls by day")


def test_headings_go_down_by_one_level_at_a_time(page: str) -> None:
    levels = [int(level) for level in re.findall("<h([1-6])", page)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_each_chart_has_words_and_each_table_a_caption_and_scopes(page: str) -> None:
    assert page.count('role="img"') == page.count('role="img" ') >= 4
    assert len(re.findall('role="img"[^>]*aria-label="[^"]{10,}"', page)) == page.count(
        'role="img"'
    )
    assert page.count("<table") == page.count("<caption>")
    assert page.count("<th ") == page.count("<th scope=")


def test_all_is_well_is_said_too(tmp_path: Path) -> None:
    record = {
        "timestamp": "2025-12-22T10:15:30.000000Z",
        "event": "run_ended",
        "task_id": "t",
        "status": "success",
    }
    (tmp_path / "operations.log").write_bytes(line_of_record(record))
    assert "Nothing needs attention." in page_of(tmp_path)


def test_each_status_of_a_run_has_a_colour_and_no_other_word_has() -> None:
    for status in ENDINGS:
        assert f'class="badge {status}"' in badge(status)
    assert badge('"><b>') == "&quot;&gt;&lt;b&gt;"


@given(st.text(max_size=40))
def test_no_text_of_a_log_becomes_markup(text: str) -> None:
    made = Table(
        "Errors", text, ["route", "error"], [[text, text]], [Bar(1)], "errors", [], "trend"
    )
    shown = "".join(table_html(made)) + columns_chart(made)
    nesting = _Nesting()
    nesting.feed(shown)
    nesting.close()
    assert nesting.open == []
    plain = Table("Errors", "t", ["route", "error"], [["x", "x"]], [Bar(1)], "errors", [], "trend")
    expected = "".join(table_html(plain)) + columns_chart(plain)
    assert re.findall("<[a-z]+", shown.replace("<wbr>", "")) == re.findall("<[a-z]+", expected)


def test_columns_are_as_high_as_their_values_and_failures_are_at_their_foot() -> None:
    chart = columns_chart(trend([100, 50], ["2025-11-28", "2025-11-29"]))
    good = re.findall(
        r'class="good" x="[\d.]+%" width="[\d.]+%" y="([\d.]+)" height="([\d.]+)"', chart
    )
    bad = re.findall(
        r'class="bad" x="[\d.]+%" width="[\d.]+%" y="([\d.]+)" height="([\d.]+)"', chart
    )
    heights = [float(height) for _, height in good]
    assert heights[0] == pytest.approx(2 * heights[1])
    assert [float(height) for _, height in bad] == pytest.approx([each / 2 for each in heights])
    assert {float(y) + float(height) for y, height in good + bad} == {170.0}
    assert "<title>day 2025-11-28, calls 100</title>" in chart


def test_few_days_are_no_fat_columns_and_a_missing_day_is_a_gap() -> None:
    chart = columns_chart(trend([1, 1], ["2025-11-28", "2025-11-30"]))
    assert "max-width:280px" in chart
    assert re.findall(r'class="good" x="([\d.]+)%"', chart) == ["4.667", "71.333"]


def test_a_line_is_interrupted_where_there_is_no_duration() -> None:
    days = [f"2025-11-{day}" for day in range(10, 15)]
    series = [Series("average", [0.1, 0.2, None, 0.3, 0.4])]
    chart = lines_chart(trend([1] * 5, days, series=series))
    assert len(re.findall("<line x1", chart)) == 2
    assert chart.count("<circle") == 4
    assert "at most 400.0 ms" in chart


def test_routes_are_drawn_from_fast_to_slow_on_one_axis() -> None:
    rows = [["/a"], ["/b"], ["/none"]]
    series = [Series("p50", [0.01, 0.1, None]), Series("p99", [0.1, 1.0, None])]
    chart = ranges_chart(Table("API calls", "by route", ["route"], rows, series=series))
    found = [float(x) for x in re.findall('cx="([0-9.]+)%"', chart)]
    assert found == [6.0, 50.0, 50.0, 94.0]
    assert [label in chart for label in (">10 ms<", ">100 ms<", ">1 s<")] == [True] * 3
