"""What a search asks of a line is what lines have."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from canvas_sync_core.names import Log
from canvas_sync_core.schema.log_records import fields_of
from canvas_sync_exporter.logs.search.exclusions import Exclusions
from canvas_sync_exporter.logs.search.filters import LineFilter, compile_pattern
from canvas_sync_exporter.logs.search.matching import Matcher, Place, SearchNotes
from canvas_sync_exporter.logs.search.search_record import SearchRecord
from support.log_folders import json_line, record
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


@settings(max_examples=400)
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


@settings(max_examples=500)
@given(text=st.text(max_size=8), lines=st.lists(st.text(max_size=12), min_size=1))
@example(text="\x00", lines=["a\x00b"])
@example(text="é", lines=["é"])
@example(text="a.b", lines=["axb"])
def test_lines_pass_together_if_the_text_is_in_one_of_them(text: str, lines: list[str]) -> None:
    wanted = LineFilter(text=text)
    raw = [line.encode("utf-8", "backslashreplace").replace(b"\n", b" ") for line in lines]
    expected = any(wanted.may_be(line) for line in raw)
    if "\n" not in text:
        assert wanted.may_be_in(b"\n".join([*raw, b""])) == expected


STATUSES = ["404", "40", "failed", "timeout", 'said "no"', "é", "graphql", "a.b", ""]
WORDS = st.sampled_from(["ERROR", "nightly", "nightly~2", *STATUSES])
NUMBERS = st.sampled_from([4, 40, 404, -4])
RECORDS = st.fixed_dictionaries(
    {"level": WORDS},
    optional={
        **dict.fromkeys(
            ("task_id", "trace_id", "route", "error_class", "status", "outcome"), WORDS
        ),
        **dict.fromkeys(("user_id", "course_id", "status_code", "graphql_errors"), NUMBERS),
    },
)
FIELD_FILTERS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("task_id", "trace_id", "route", "status"), WORDS),
        **dict.fromkeys(("user_id", "course_id"), NUMBERS),
        "levels": st.lists(WORDS, min_size=1, max_size=3).map(tuple),
        "exclusions": st.builds(
            Exclusions,
            **dict.fromkeys(
                ("levels", "task_ids", "trace_ids", "routes", "statuses"),
                st.lists(WORDS.filter(bool), max_size=2).map(tuple),
            ),
            **dict.fromkeys(("user_ids", "course_ids"), st.lists(NUMBERS, max_size=2).map(tuple)),
        ),
    },
)
STAMP = "2026-01-31T10:15:30.000000Z"


@st.composite
def written_lines(draw: st.DrawFn) -> bytes:
    """A line by our own writer, by another one, as text, torn, or garbage; or a blank one."""
    fields = draw(RECORDS)
    own = msgspec.json.encode({"timestamp": STAMP, **fields})
    other = json.dumps({**fields, "timestamp": STAMP}).encode()
    text = b"[2026-01-31 10:15:30] GET /api/v1/courses - Status: 404"
    torn = own[: draw(st.integers(0, 60))]
    return draw(st.sampled_from([own, own, own, other, text, torn, torn + own, b"\xff{", b""]))


@settings(max_examples=400)
@given(
    lines=st.lists(written_lines(), max_size=4),
    filters=FIELD_FILTERS,
    has_last_newline=st.booleans(),
)
def test_the_quick_checks_change_nothing_that_is_found(
    lines: list[bytes], filters: dict[str, Any], has_last_newline: bool
) -> None:
    data = b"\n".join([*lines, *[b""] * has_last_newline])
    matcher = Matcher(Log.API_CALLS, LineFilter(**filters), SearchNotes())
    found = list(matcher.matches(data, 0, Place("log")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LineFilter, "may_be_in", lambda _self, _lines: True)
        by_line = SearchNotes()
        slower = Matcher(Log.API_CALLS, LineFilter(**filters), by_line)
        assert found == list(slower.matches(data, 0, Place("log")))
        assert matcher.notes == by_line  # the same lines are unreadable
        patch.setattr(LineFilter, "may_be", lambda _self, _line: True)
        assert found == list(slower.matches(data, 0, Place("log")))


@pytest.mark.parametrize(
    "filters",
    [
        {"levels": ("WARNING",)},
        {"levels": ("WARNING", "ERROR")},
        {"user_id": 43},
        {"course_id": 8},
        {"task_id": "nightly-43"},
        {"task_id": "nightly-43~2"},
        {"trace_id": "5" * 32},
        {"route": "/api/v1/users/:id"},
        {"status": "404"},
        {"status": "failed"},
        {"status": "graphql"},
        {"text": "nowhere"},
        {"pattern": compile_pattern("now+here")},
    ],
    ids=lambda filters: " ".join(
        f"{key}={getattr(it, 'pattern', it)}" for key, it in filters.items()
    ),
)
def test_each_filter_skips_blocks_of_json_lines_without_its_value(filters: dict[str, Any]) -> None:
    lines = b"".join(json_line(record(Log.API_CALLS, second)) for second in range(100))
    assert not LineFilter(**filters).may_be_in(lines)
    assert LineFilter().may_be_in(lines)
