"""What a search asks of a line is what lines have."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from canvas_sync_core.names import Log
from canvas_sync_core.schema.log_records import fields_of
from canvas_sync_exporter.logs.search.filters import LineFilter, SearchRecord, compile_pattern
from support.log_schema import all_records, reader_faults


def test_each_field_that_is_asked_for_is_written_and_of_its_type() -> None:
    """What is not asked for is found by its text, and given with the line."""
    not_asked = {name for log in Log for name in fields_of(log)} - {*SearchRecord.__struct_fields__}
    assert reader_faults(SearchRecord, all_records(), not_asked) == []


def test_a_field_that_no_line_has_is_noticed() -> None:
    class Wider(SearchRecord, gc=False):
        team: str | None = None

    not_asked = {name for log in Log for name in fields_of(log)} - {*Wider.__struct_fields__}
    assert reader_faults(Wider, all_records(), not_asked) == ["team is not written"]


ATOMS = ["a", "b", ".", "^", "$", "\\A", "\\z", "\\b", "\\B", "\\s", "[^a]", "\\Qa.\\E", "\\C"]
ATOMS += [
    "(?-m)",
    "(?m)",
    "(?i)",
    "(?s)",
    "(?-s:.)",
    "(?m-i:^)",
    "|",
    "a*",
    "(b|$)",
    "\\n",
    "\\\\A",
]


@settings(max_examples=1000)
@given(
    pattern=st.lists(st.sampled_from(ATOMS), max_size=5).map("".join),
    lines=st.lists(
        st.sampled_from([b"", b"a", b"ab", b"B a", b"\xff", b"\xc3", "é".encode(), b"a\r"]),
        min_size=1,
    ),
)
@example(pattern="^b$", lines=[b"a", b"b", b"a"])
@example(pattern="\\Ab\\z", lines=[b"a", b"b", b"a"])
def test_lines_pass_together_if_the_pattern_matches_in_one_of_them(
    pattern: str, lines: list[bytes]
) -> None:
    wanted = LineFilter(pattern=compile_pattern(pattern))
    if any(wanted.may_be(line) for line in lines):
        assert wanted.may_be_in(b"\n".join([*lines, b""]))


@pytest.mark.parametrize("pattern", ["^c", "c$", "a.*b", "(?i)C|d"])
def test_lines_do_not_pass_together_without_a_match(pattern: str) -> None:
    wanted = LineFilter(pattern=compile_pattern(pattern))
    assert not wanted.may_be_in(b"xa\nxb\n")
