"""The text report on terminals of any width."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from canvas_sync_exporter.logs.analysis.analyze import analyze
from canvas_sync_exporter.logs.analysis.figures import make_report
from canvas_sync_exporter.logs.analysis.fitting import Fitted, fitted, shortened
from canvas_sync_exporter.logs.analysis.records import Selection
from canvas_sync_exporter.logs.analysis.report import Report
from canvas_sync_exporter.logs.analysis.tables import Bar, Table, tables
from canvas_sync_exporter.logs.analysis.text import write_text
from support.sync_logs import generate, line_of_record


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    folder = tmp_path_factory.mktemp("logs")
    for log, records in generate(60).items():
        (folder / f"{log.value}.log").write_bytes(b"".join(map(line_of_record, records)))
    return make_report(analyze(folder, folder, Selection()), Path("logs"), Selection(), 10)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(report: Report, width: int, monkeypatch: pytest.MonkeyPatch) -> str:
    """The report as a terminal of a width shows it, without its colours."""
    monkeypatch.setenv("COLUMNS", str(width))
    terminal = Terminal()
    write_text(report, terminal)
    return re.sub("\x1b\\[[0-9]*m", "", terminal.getvalue())


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_no_line_is_wider_than_the_terminal(
    report: Report, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = shown(report, width, monkeypatch)
    assert max(map(len, text.splitlines())) <= width


@pytest.mark.parametrize("width", [80, 120])
def test_every_figure_is_there_on_a_narrow_terminal_too(
    report: Report, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = shown(report, width, monkeypatch)
    for table in tables(report):
        for row in table.rows:
            for cell, heading in zip(row, table.headings, strict=True):
                assert not heading.endswith("#") or cell in text


def table(*cells: str, headings: tuple[str, ...], bars: bool = False) -> Table:
    return Table("Section", "title", headings, [list(cells)], [Bar(1)] if bars else [])


def test_a_table_that_fits_stays_as_it_is() -> None:
    made = table("/a/b", "12", headings=("route", "count#"), bars=True)
    assert fitted(made, None) == Fitted([5, 5], 2, 20)
    assert fitted(made, 80) == Fitted([5, 5], 2, 20)
    assert fitted(made, 28) == Fitted([5, 5], 2, 10)
    assert fitted(made, 22) == Fitted([5, 5], 2, 0)


def test_the_longest_text_gets_less_room_and_then_its_own_line() -> None:
    made = table("r" * 60, "12", headings=("route", "count#"))
    assert fitted(made, 50) == Fitted([39, 5], 2)
    assert fitted(made, 30) == Fitted([26, 5], 2, 0, apart=[0])


def test_a_table_of_numbers_gets_less_air() -> None:
    made = table("1" * 10, "2" * 10, "3" * 10, headings=("a#", "b#", "c#"))
    assert fitted(made, 36) == Fitted([10, 10, 10], 1)


def test_what_a_row_begins_with_gets_a_line_when_the_numbers_fill_one() -> None:
    made = table("UPDATE", "courses", "3" * 20, headings=("operation", "table", "rows#"))
    assert fitted(made, 30) == Fitted([9, 7, 20], 2, 0, apart=[0, 1])


def test_of_a_route_the_end_is_kept_and_of_an_error_the_beginning() -> None:
    assert shortened("/api/v1/courses", 8, "route") == "…courses"
    assert shortened("Connection timeout", 11, "error") == "Connection…"
    assert shortened("short", 5, "error") == "short"
