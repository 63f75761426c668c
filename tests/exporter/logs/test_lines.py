"""Lines of the JSON format, and what stands between them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.read_lines import json_line, read


def statuses(content: bytes) -> list[int | None]:
    return [record.status_code for record in read(content)[0]]


@given(
    st.lists(
        st.sampled_from(["json", "text", "blank", "torn", "garbage", "nul", "not utf-8", "array"]),
        max_size=60,
    )
)
def test_good_lines_are_read_whatever_stands_between_them(kinds: list[str]) -> None:
    made = {
        "json": json_line(200),
        "text": b"[2025-12-22 10:15:32] GET /api/v1/courses - Status: 200 - 145.2ms\n",
        "blank": b"\n",
        "torn": b'{"timestamp":"2025-12-22T10:15:30.000000Z","ev' + json_line(200),
        "garbage": b'{"timestamp":"2025-12-22T10:15:30.000000Z","event":\n',
        "nul": b"\0\0\0\n",
        "not utf-8": b"[2025-12-22 10:15:32] GET /\xff - Status: 200 - 145.2ms\n",
        "array": b"[" * 5_000 + b"\n",
    }
    records, unreadable = read(b"".join(made[kind] for kind in kinds))
    assert len(records) == sum(kind in {"json", "text", "torn"} for kind in kinds)
    assert {record.status_code for record in records} <= {200}
    bad = {"torn", "garbage", "nul", "not utf-8", "array"}
    assert unreadable == [number for number, kind in enumerate(kinds, 1) if kind in bad]


@pytest.mark.parametrize("prefix", [b'{"timestamp":"2025', b"\0" * 99, b"[2025-12-22 10:15:32] GE"])
def test_a_torn_prefix_does_not_hide_the_next_record(prefix: bytes) -> None:
    assert statuses(prefix + json_line(404)) == [404]
    text = b"[2025-12-22 10:15:32] GET /api/v1/courses - Status: 404 - 145.2ms\n"
    if not prefix.startswith(b"{"):
        assert statuses(prefix + text) == [404]


@pytest.mark.parametrize(
    "line",
    [json_line(404), b"[2025-12-22 10:15:32] GET /api/v1/courses - Status: 404 - 145.2ms\n"],
    ids=["json", "text"],
)
def test_a_byte_order_mark_before_the_first_line_is_passed_over(line: bytes) -> None:
    records, unreadable = read(b"\xef\xbb\xbf" + line + json_line(200))
    assert [record.status_code for record in records] == [404, 200]
    assert unreadable == []


def test_a_last_line_without_newline_is_read() -> None:
    assert statuses(json_line(1) + json_line(2).rstrip()) == [1, 2]


def test_fields_of_a_newer_version_are_passed_over() -> None:
    newer = b'{"timestamp":"2025-12-22T10:15:30.5Z","event":"batch","answer":{"to":[1]}}\n'
    (record,) = read(newer)[0]
    assert record.event == "batch"
    assert record.timestamp.microsecond == 500_000


@pytest.mark.parametrize(
    "line",
    [
        b'{"timestamp":"yesterday","event":"api_call"}',
        b'{"timestamp":"2025-12-22T10:15:30","event":"api_call"}',
        b'{"event":"api_call"}',
        b'{"timestamp":"2025-12-22T10:15:30Z","status_code":"many"}',
        b"[2025-12-99 10:15:32] GET /api/v1/courses - Status: 200 - 145.2ms",
        b"[2025-12-22 10:15:32] Something else",
        b"null",
        b"{" * 100_000,
    ],
)
def test_a_line_that_says_nothing_sensible_is_unreadable(line: bytes) -> None:
    assert read(json_line(1) + line + b"\n" + json_line(2))[1] == [2]
