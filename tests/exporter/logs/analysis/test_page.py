"""The page: its parts, their order, what comes from logs, and its charts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_core.names import FINAL_STATUSES
from canvas_sync_exporter.charts.columns import columns_chart
from canvas_sync_exporter.charts.data import Bar, Trend
from canvas_sync_exporter.logs.analysis.analyze import analyze
from canvas_sync_exporter.logs.analysis.figures import make_log_report
from canvas_sync_exporter.logs.analysis.page import html_page
from canvas_sync_exporter.logs.analysis.records import Selection
from canvas_sync_exporter.logs.analysis.table_view import make_table_view
from canvas_sync_exporter.logs.analysis.tables import Table
from canvas_sync_exporter.rendering import render
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
    return html_page(make_log_report(analysis, folder, Selection(), 10))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("logs")
    for log, records in generate(200).items():
        (folder / f"{log.value}.log").write_bytes(b"".join(map(line_of_record, records)))
    return page_of(folder)


def test_every_element_is_closed(page: str) -> None:
    nesting = _Nesting()
    nesting.feed(page)
    nesting.close()
    assert nesting.open == []


def test_the_page_allows_itself_to_load_nothing(page: str) -> None:
    assert "default-src 'none'" in page


def test_what_needs_attention_comes_first_and_charts_come_below_their_title(page: str) -> None:
    assert page.index('<h2 id="summary">') < page.index('<h2 id="period">')
    assert page.index('<h2 id="period">') < page.index('<section id="runs">')
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


def test_the_page_says_so_when_all_is_well(tmp_path: Path) -> None:
    record = {
        "timestamp": "2025-12-22T10:15:30.000000Z",
        "event": "run_ended",
        "task_id": "t",
        "status": "success",
    }
    (tmp_path / "operations.log").write_bytes(line_of_record(record))
    assert "Nothing needs attention" in page_of(tmp_path)


def test_each_status_of_a_run_has_a_colour_and_no_other_word_has() -> None:
    words = [*FINAL_STATUSES, '"><b>']
    table = Table("Runs", "by status", ["status"], [[word] for word in words])
    kinds = [row.cells[0].kind for row in make_table_view(table).rows]
    assert kinds == ["badge"] * len(FINAL_STATUSES) + ["text"]
    shown = _shown(table)
    for status in FINAL_STATUSES:
        assert f'<span class="badge {status}">{status}</span>' in shown
    assert '">&#34;&gt;&lt;b&gt;</th>' in shown


def _shown(table: Table) -> str:
    """A table as on the page, with a chart where it has bars."""
    shown: str = render("log_report/table.html", view=make_table_view(table))
    if table.bars:
        names = [row[0] for row in table.rows]
        shown += columns_chart(Trend(table.title, names, names), table.bars, table.counted)
    return shown


@given(st.text(max_size=40))
def test_no_text_of_a_log_becomes_markup(text: str) -> None:
    made = Table(
        "Errors", text, ["route", "error"], [[text, text]], [Bar(1)], "errors", [], "trend"
    )
    shown = _shown(made)
    nesting = _Nesting()
    nesting.feed(shown)
    nesting.close()
    assert nesting.open == []
    plain = Table("Errors", "t", ["route", "error"], [["x", "x"]], [Bar(1)], "errors", [], "trend")
    expected = _shown(plain)
    assert re.findall("<[a-z]+", shown.replace("<wbr>", "")) == re.findall("<[a-z]+", expected)


def test_how_runs_ended_is_one_bar_in_the_colours_of_the_statuses(page: str) -> None:
    counts = re.search(r'aria-label="How runs ended: success (\d+), failed (\d+)"', page)
    assert counts is not None
    assert sum(map(int, counts.groups())) == 180
    for status, count in zip(("success", "failed"), counts.groups(), strict=True):
        assert f'<i class="{status}" style="flex-grow:{count}"></i>' in page
