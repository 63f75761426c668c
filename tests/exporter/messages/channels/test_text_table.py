"""Tables as monospaced text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_exporter.messages.channels.status_words import SHAPES, WORDS
from canvas_sync_exporter.messages.channels.text_table import display_width, table_lines
from canvas_sync_exporter.messages.content import Status, Table

RUNS = Table(
    ("Sync", "Runs", "Items"),
    (("full", "2", "12,804"), ("incremental", "24", "980")),
    numeric=frozenset({1, 2}),
    statuses=(Status.CRITICAL, Status.GOOD),
)


def test_columns_are_aligned() -> None:
    assert table_lines(RUNS, 40, SHAPES) == [
        "  Sync         Runs   Items",
        "✖ full            2  12,804",
        "✓ incremental    24     980",
    ]


def test_a_status_can_be_a_word() -> None:
    assert table_lines(RUNS, 40, WORDS)[1] == "Critical full            2  12,804"


def test_a_heading_breaks_between_words_where_the_table_is_too_wide() -> None:
    table = Table(("Day", "Runs", "Week before"), (("Mon 16 Nov", "12", "91.7 %"),))
    assert table_lines(table, 40, SHAPES)[0] == "Day         Runs  Week before"
    assert table_lines(table, 26, SHAPES) == [
        "                  Week",
        "Day         Runs  before",
        "Mon 16 Nov  12    91.7 %",
    ]


def test_a_neutral_status_is_not_shown() -> None:
    table = Table(("a",), (("x",), ("y",)), statuses=(Status.NEUTRAL, Status.WARNING))
    assert table_lines(table, 40, SHAPES) == ["  a", "  x", "▲ y"]
    neutral = Table(("a",), (("x",),), statuses=(Status.NEUTRAL,))
    assert table_lines(neutral, 40, SHAPES) == ["a", "x"]


def test_a_table_that_is_too_wide_has_one_cell_on_each_line() -> None:
    assert table_lines(RUNS, 20, SHAPES) == [
        "✖ full",
        "  Runs   2",
        "  Items  12,804",
        "✓ incremental",
        "  Runs   24",
        "  Items  980",
    ]


def test_a_cell_that_is_too_long_continues_on_the_next_line() -> None:
    table = Table(("Cause", "Text"), (("a", "one two three four five six"),))
    assert table_lines(table, 20, SHAPES) == [
        "a",
        "  Text",
        "    one two three",
        "    four five six",
    ]


def test_wide_characters_take_two_columns() -> None:
    table = Table(("名前", "n"), (("あ", "1"), ("abcd", "2"), ("e\u0301", "3")))
    assert table_lines(table, 40, SHAPES) == ["名前  n", "あ    1", "abcd  2", "e\u0301     3"]


def test_rows_that_were_left_out_are_counted() -> None:
    assert table_lines(Table(("a",), (), omitted=1), 40, SHAPES)[-1] == "… 1 more row"
    assert table_lines(Table(("a",), (), omitted=1234), 40, SHAPES)[-1] == "… 1,234 more rows"


@given(
    st.lists(st.lists(st.text(st.characters(categories=["L", "N"])), min_size=3, max_size=3)),
    st.integers(12, 80),
)
def test_no_line_is_wider_and_no_character_is_lost(rows: list[list[str]], width: int) -> None:
    table = Table(("A", "B", "C"), tuple(map(tuple, rows)))
    lines = table_lines(table, width, SHAPES)
    narrow = all(each.isascii() for row in rows for each in row)
    assert not narrow or all(display_width(line) <= width for line in lines)
    shown = sorted("".join(lines).replace(" ", ""))
    for row in rows:
        for each in set("".join(row)):
            assert each in shown
