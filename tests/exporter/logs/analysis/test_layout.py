"""The text report on terminals of any width."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from canvas_sync_exporter.charts.data import Bar
from canvas_sync_exporter.logs.analysis.analyze import analyze
from canvas_sync_exporter.logs.analysis.figures import make_log_report
from canvas_sync_exporter.logs.analysis.layout import Fitted, fitted, leading
from canvas_sync_exporter.logs.analysis.log_report import LogReport
from canvas_sync_exporter.logs.analysis.records import Selection
from canvas_sync_exporter.logs.analysis.tables import Table, tables
from canvas_sync_exporter.logs.analysis.text import write_text
from support.sync_logs import generate, line_of_record


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> LogReport:
    folder = tmp_path_factory.mktemp("logs")
    for log, records in generate(60).items():
        (folder / f"{log.value}.log").write_bytes(b"".join(map(line_of_record, records)))
    return make_log_report(analyze(folder, folder, Selection()), Path("logs"), Selection(), 10)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(report: LogReport, width: int, monkeypatch: pytest.MonkeyPatch) -> str:
    """The report as a terminal of a width shows it, without its colours."""
    monkeypatch.setenv("COLUMNS", str(width))
    terminal = Terminal()
    write_text(report, terminal)
    return re.sub("\x1b\\[[0-9]*m", "", terminal.getvalue())


@pytest.mark.parametrize("width", [30, 40, 60, 80, 100, 120, 200])
def test_no_line_is_wider_than_the_terminal(
    report: LogReport, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = shown(report, width, monkeypatch)
    assert max(map(len, text.splitlines())) <= width


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_every_cell_is_complete_even_on_a_narrow_terminal(
    report: LogReport, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "".join(shown(report, width, monkeypatch).split())
    for table in tables(report):
        assert "".join(table.title.split()) in text
        for row in table.rows:
            for cell in row:
                assert "".join(cell.split()) in text


@pytest.mark.parametrize("width", [40, 60, 80])
def test_no_number_and_no_word_is_broken(
    report: LogReport, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = shown(report, width, monkeypatch).splitlines()
    for table in tables(report):
        for row in table.rows:
            for cell in row:
                for word in re.split(r"\s+|(?<=-)|(?=/)", cell):
                    assert any(word in line for line in lines), word


def table(*cells: str, headings: tuple[str, ...], bars: bool = False) -> Table:
    return Table("Section", "title", headings, [list(cells)], [Bar(1)] if bars else [])


def test_a_table_that_fits_stays_as_it_is() -> None:
    made = table("/a/b", "12", headings=("route", "count#"), bars=True)
    assert fitted(made, None) == Fitted([5, 5], 2, 20)
    assert fitted(made, 80) == Fitted([5, 5], 2, 20)
    assert fitted(made, 28) == Fitted([5, 5], 2, 10)
    assert fitted(made, 22) == Fitted([5, 5], 2, 0)


def test_a_long_message_at_the_end_has_more_lines_in_its_column() -> None:
    made = table("12", "m" * 60, headings=("count#", "message"))
    assert fitted(made, 50) == Fitted([5, 39], 2)


def test_a_route_is_never_cut_but_gets_lines_of_its_own() -> None:
    made = table("r" * 60, "12", headings=("route", "count#"))
    assert fitted(made, 50) == Fitted([46, 5], 2, 0, apart=[0])
    assert fitted(made, 30) == Fitted([26, 5], 2, 0, apart=[0])


def test_a_table_of_numbers_gets_less_space_between_its_columns() -> None:
    made = table("1" * 10, "2" * 10, "3" * 10, headings=("a#", "b#", "c#"))
    assert fitted(made, 36) == Fitted([10, 10, 10], 1)


def test_the_first_cells_of_a_row_get_a_line_of_their_own_when_the_numbers_fill_one() -> None:
    made = table("UPDATE", "courses", "3" * 20, headings=("operation", "table", "rows#"))
    assert fitted(made, 30) == Fitted([9, 7, 20], 2, 0, apart=range(2))


def test_cells_are_shown_one_by_one_when_the_numbers_have_no_room_side_by_side() -> None:
    made = table("UPDATE", "1" * 20, "2" * 20, headings=("operation", "rows#", "max#"))
    assert fitted(made, 40) == Fitted([])
    assert leading(made) == 1


def test_the_status_of_a_run_has_its_colour_on_any_width(
    report: LogReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for width in (40, 120):
        monkeypatch.setenv("COLUMNS", str(width))
        terminal = Terminal()
        write_text(report, terminal)
        assert re.search("\x1b\\[31m(status )?failed", terminal.getvalue())
        assert re.search("\x1b\\[32m(status )?success", terminal.getvalue())
