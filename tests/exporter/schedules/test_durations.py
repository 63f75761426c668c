"""Lengths of time as people write them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_exporter.schedules.durations import (
    describe_duration,
    format_duration,
    parse_duration,
)


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("45m", timedelta(minutes=45)),
        ("3h", timedelta(hours=3)),
        ("1h30m", timedelta(minutes=90)),
        ("1h 30m", timedelta(minutes=90)),
        ("2w", timedelta(weeks=2)),
        ("26h", timedelta(hours=26)),
    ],
)
def test_a_duration_is_read(text: str, duration: timedelta) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize(
    "text", ["", " ", "45", "m", "3 hours", "30m1h", "-5m", "1.5h", "\u0663h", "0m", "99999w"]
)
def test_text_that_is_not_a_duration_is_rejected_with_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match="write a duration"):
        parse_duration(text)


@given(st.integers(1, 3660 * 86400))
def test_what_is_written_is_read_again(seconds: int) -> None:
    duration = timedelta(seconds=seconds)

    assert parse_duration(format_duration(duration)) == duration


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (timedelta(minutes=15), "15 minutes"),
        (timedelta(hours=1), "hour"),
        (timedelta(minutes=90), "90 minutes"),
        (timedelta(days=1, seconds=1), "86401 seconds"),
    ],
)
def test_a_duration_is_described_in_words(duration: timedelta, words: str) -> None:
    assert describe_duration(duration) == words
