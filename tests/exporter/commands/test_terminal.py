"""Tables and times on a terminal of any width."""

from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from canvas_sync_exporter.commands.output import Painter
from canvas_sync_exporter.commands.terminal import (
    RED,
    Cell,
    Column,
    LocalTimes,
    print_lines,
    table_lines,
    terminal_width,
    writable,
)

COLUMNS = (
    Column("started"),
    Column("type", rank=2),
    Column("items", is_number=True, rank=1),
    Column("task id", shortest=8),
)
ROWS = [["02:00", "full", "1,018", "nightly-42"], ["03:00", "incremental", "7", "hourly-1"]]


class Terminal(io.StringIO):
    """A text stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def lines(width: int, rows: Iterable[Iterable[str]] = ROWS) -> list[str]:
    cells = [[Cell(text) for text in row] for row in rows]
    return list(table_lines(COLUMNS, cells, width, Painter(io.StringIO())))


def test_numbers_are_aligned_on_the_right_and_texts_on_the_left() -> None:
    assert lines(80) == [
        "started  type         items  task id",
        "02:00    full         1,018  nightly-42",
        "03:00    incremental      7  hourly-1",
    ]


def test_the_last_column_is_cut_before_others_are_left_out() -> None:
    assert lines(37)[1:] == [
        "02:00    full         1,018  nightly…",
        "03:00    incremental      7  hourly-1",
    ]


def test_the_column_with_the_highest_rank_is_left_out_first() -> None:
    assert lines(36)[0] == "started  items  task id"
    assert lines(20)[0] == "started  task id"


def test_no_line_is_wider_than_the_terminal() -> None:
    for width in range(8, 60):
        assert max(map(len, lines(width))) <= width


def test_control_characters_of_a_cell_become_visible() -> None:
    assert lines(80, [["02:00", "a\x1b[2J\nb", "1", "t"]])[1] == "02:00    a\\x1b[2J\\nb      1  t"


def test_a_colour_does_not_change_the_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    row = [Cell("a", RED), Cell("b")]
    heading, line = table_lines([Column("one"), Column("two")], [row], 80, Painter(Terminal()))
    assert heading.endswith("two\x1b[0m")
    assert line == f"{RED}a\x1b[0m    b"


def test_a_pipe_has_no_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert terminal_width(Terminal()) == 40
    assert terminal_width(io.StringIO()) > 500


def test_what_an_encoding_lacks_becomes_a_question_mark(
    capsys: pytest.CaptureFixture[str],
) -> None:
    latin = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    assert writable("ü … 試", latin) == "ü ? ?"
    print_lines(["ü", "\udcff"])
    assert capsys.readouterr().out == "ü\n?\n"


def test_times_name_their_zone_once_and_get_offsets_only_if_clocks_change() -> None:
    berlin, winter, summer = (
        ZoneInfo("Europe/Berlin"),
        datetime(2026, 3, 2, 1, 30, 5, tzinfo=UTC),
        datetime(2026, 7, 2, 1, 30, 5, tzinfo=UTC),
    )
    same = LocalTimes(berlin, [winter])
    assert (same.name, same.format(winter)) == ("Europe/Berlin (UTC+01:00)", "2026-03-02 02:30:05")
    both = LocalTimes(berlin, [winter, summer], has_seconds=False)
    assert (both.name, both.format(summer)) == ("Europe/Berlin", "2026-07-02 03:30 +02:00")
    assert LocalTimes(UTC, [winter]).name == "UTC"
    assert (
        LocalTimes(timezone(timedelta(hours=2)), [winter]).format(winter) == "2026-03-02 03:30:05"
    )
