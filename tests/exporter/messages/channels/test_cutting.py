"""Contents are bounded, cleaned, and marked where something was left out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_core.files.sanitizing import escape_controls
from canvas_sync_exporter.messages.channels.cutting import (
    Limits,
    content_of,
    cut,
    cut_line,
    cut_text,
    fit,
)
from canvas_sync_exporter.messages.content import Content, Fact, Link, Section, Status, Table
from support.message_contents import DAILY, INCIDENT, RESOLVED, contents, message, with_error

LIMITS = Limits(title=100, text=200, cell=20, rows=5, items=4, sections=3)
limits = st.builds(
    Limits,
    title=st.integers(1, 200),
    text=st.integers(1, 200),
    cell=st.integers(1, 50),
    rows=st.integers(1, 9),
    items=st.integers(1, 9),
    sections=st.integers(1, 9),
)


@pytest.mark.parametrize("content", [INCIDENT, DAILY, RESOLVED])
def test_what_fits_stays_as_it_is(content: Content) -> None:
    wide = Limits(title=100, text=500, cell=50, rows=50, items=20, sections=20)
    assert cut(content, wide) == content


@given(st.text(), st.integers(1, 200))
def test_a_line_is_one_line_of_bounded_length(text: str, limit: int) -> None:
    line = cut_line(text, limit)
    assert len(line) <= limit
    assert line.splitlines() in ([line], [])
    line.encode()


@given(st.text(), st.integers(1, 200))
def test_a_text_is_of_bounded_length_and_has_no_controls(text: str, limit: int) -> None:
    shown = cut_text(text, limit)
    assert len(shown) <= limit
    assert escape_controls(shown.replace("\n", "")) == shown.replace("\n", "")
    shown.encode()


@given(st.text(st.characters(categories=["L", "N", "P"]), max_size=100))
def test_an_ordinary_text_that_fits_is_not_changed(text: str) -> None:
    assert cut_text(text, 100) == text
    assert cut_line(text, 100) == text


@pytest.mark.parametrize("cutter", [cut_line, cut_text])
def test_a_long_text_says_how_long_it_was(cutter: Callable[[str, int], str]) -> None:
    assert cutter("x" * 3_000_000, 100) == "x" * 71 + "… (cut, 3,000,000 characters)"
    assert cutter("x" * 3_000_000, 10) == "x" * 9 + "…"


def test_a_text_that_escaping_makes_longer_is_cut_with_a_mark() -> None:
    assert cut_text("\u202e" * 100, 100).endswith("… (cut, 100 characters)")


def test_a_long_text_of_spaces_is_cut_with_a_mark() -> None:
    assert cut_line("a" + " " * 3_000_000 + "b", 100).endswith("… (cut, 3,000,002 characters)")


def test_3_mb_are_cut_quickly() -> None:
    content = with_error("\u202e\n" * 1_500_000, rows=1000)
    began = time.process_time()
    cut(content, LIMITS)
    assert time.process_time() - began < 1


@given(contents(), limits)
def test_every_content_is_cut_to_its_limits(content: Content, bounds: Limits) -> None:
    shown = cut(content, bounds)
    assert len(shown.title) <= bounds.title
    assert len(shown.summary) <= bounds.text
    assert len(shown.links) <= bounds.items
    assert len(shown.sections) <= bounds.sections + 1
    for section in shown.sections:
        assert len(section.facts) <= bounds.items
        assert len(section.paragraphs) <= bounds.items + 4
        table = section.table
        if table is not None:
            assert all(len(row) == len(table.headings) <= bounds.items for row in table.rows)
            assert len(table.rows) <= bounds.rows
            assert len(table.statuses) in (0, len(table.rows))
            assert len(table.shares) in (0, len(table.rows))
            assert all(0 <= share <= 1 for share in table.shares)


def test_what_is_left_out_is_counted() -> None:
    section = Section(
        paragraphs=("a",) * 6,
        facts=(Fact("a", "b"),) * 5,
        links=(Link("a", "https://example.edu/"),) * 7,
        table=Table(("a",), (("b",),) * 8),
    )
    shown = cut(replace(RESOLVED, sections=(section,) * 5), LIMITS)
    assert shown.sections[0].paragraphs[4:] == (
        "2 more paragraphs are not shown.",
        "1 more fact is not shown.",
        "3 more links are not shown.",
    )
    assert shown.sections[0].table is not None
    assert shown.sections[0].table.omitted == 3
    assert shown.sections[3].paragraphs == ("2 more sections are not shown.",)
    links = cut(replace(RESOLVED, links=section.links), LIMITS)
    assert len(links.links) == 4
    assert links.sections[0].paragraphs == ("3 more links are not shown.",)


def test_a_link_without_a_text_shows_where_it_leads_and_one_that_leads_nowhere_is_left_out() -> (
    None
):
    urls = ("https://example.edu/a", "https://[::1", "https://a:x/", "//example.edu", "ftp://a/")
    shown = cut(replace(RESOLVED, links=tuple(Link(" ", url) for url in urls)), LIMITS)
    assert shown.links == (Link("https://example.edu/a", "https://example.edu/a"),)


def test_rows_that_were_left_out_before_are_counted_too() -> None:
    table = Table(("a",), (("b",),) * 8, omitted=100)
    shown = cut(replace(RESOLVED, sections=(Section(table=table),)), LIMITS)
    assert shown.sections[0].table == Table(("a",), (("b",),) * 5, omitted=103)


def test_columns_that_are_left_out_are_counted() -> None:
    table = Table(tuple("abcdef"), (tuple("123456"),))
    shown = cut(replace(RESOLVED, sections=(Section(table=table),)), LIMITS)
    assert shown.sections[0].table == Table(tuple("abcd"), (tuple("1234"),))
    assert shown.sections[0].paragraphs == ("2 more columns are not shown.",)


def test_a_row_of_another_length_loses_no_cell_that_has_a_heading() -> None:
    table = Table(("a", "b"), (("1",), ("1", "2", "3")), statuses=(Status.GOOD,))
    shown = cut(replace(RESOLVED, sections=(Section(table=table),)), LIMITS)
    assert shown.sections[0].table == Table(("a", "b"), (("1", ""), ("1", "2")))


def test_fit_shows_as_much_as_is_accepted() -> None:
    text = fit(
        with_error("x" * 1000), LIMITS, lambda each: each.summary, lambda summary: len(summary) < 90
    )
    assert 50 < len(text) < 90


def test_fit_ends_even_if_nothing_is_accepted() -> None:
    assert fit(INCIDENT, LIMITS, lambda each: each.title, lambda _: False) == "…"


def test_a_remark_says_that_a_message_may_be_repeated() -> None:
    assert content_of(message()) is INCIDENT
    footer = content_of(replace(message(), may_be_repeated=True)).footer
    assert footer.startswith("You may have received this message before")
    assert footer.endswith(INCIDENT.footer)
