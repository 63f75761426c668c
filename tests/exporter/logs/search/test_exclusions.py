"""What a search leaves out: one match is enough."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from canvas_sync_exporter.logs.search.exclusions import NO_EXCLUSIONS, Exclusions
from canvas_sync_exporter.logs.search.filters import compile_pattern
from canvas_sync_exporter.logs.search.search_record import SearchRecord

NOW = datetime(2025, 12, 22, tzinfo=UTC)
RECORD = SearchRecord(
    NOW,
    level="ERROR",
    task_id="nightly-42",
    user_id=42,
    course_id=7,
    trace_id="a" * 32,
    route="/api/v1/courses",
    status_code=404,
    error_class="timeout",
)


def test_nothing_is_left_out_without_exclusions() -> None:
    assert not NO_EXCLUSIONS.match_line(b"anything")
    assert not NO_EXCLUSIONS.match_record(RECORD)


@pytest.mark.parametrize(
    ("exclusions", "is_excluded"),
    [
        ({"levels": ("ERROR",)}, True),
        ({"levels": ("error",)}, False),
        ({"user_ids": (1, 42)}, True),
        ({"course_ids": (8,)}, False),
        ({"course_ids": (7,)}, True),
        ({"task_ids": ("nightly-42",)}, True),
        ({"task_ids": ("nightly-42~2",)}, True),
        ({"task_ids": ("nightly-4",)}, False),
        ({"trace_ids": ("a" * 32,)}, True),
        ({"statuses": ("404",)}, True),
        ({"statuses": ("timeout",)}, True),
        ({"statuses": ("40",)}, False),
        ({"routes": ("/api/v1/courses",)}, True),
        ({"levels": ("INFO",), "statuses": ("404",)}, True),
    ],
)
def test_a_line_is_left_out_by_any_of_its_fields(
    exclusions: dict[str, Any], is_excluded: bool
) -> None:
    assert Exclusions(**exclusions).match_record(RECORD) is is_excluded


def test_a_line_without_the_field_is_kept() -> None:
    wanted = Exclusions(levels=("ERROR",), user_ids=(42,), statuses=("404",))
    assert not wanted.match_record(SearchRecord(NOW))


def test_a_text_is_found_plain_and_as_json_spells_it() -> None:
    wanted = Exclusions(texts=('said "no"',))
    assert wanted.match_line(b'ERROR said "no"')
    assert wanted.match_line(b'{"message":"said \\"no\\""}')
    assert not wanted.match_line(b"said no")


def test_a_pattern_leaves_out_the_lines_in_which_it_matches() -> None:
    wanted = Exclusions(patterns=(compile_pattern("5\\d\\d"),))
    assert wanted.match_line(b"Status: 503")
    assert not wanted.match_line(b"Status: 403")
