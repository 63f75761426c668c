"""Figures as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from canvas_sync_exporter.formatting import (
    format_code,
    format_number,
    format_percent,
    format_seconds,
    format_size,
    format_time,
)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0.0, "0.0 ms"),
        (-0.00001, "0.0 ms"),
        (0.1452, "145.2 ms"),
        (0.9994, "999.4 ms"),
        (0.9996, "1.0 s"),
        (8.44, "8.4 s"),
        (119.94, "119.9 s"),
        (119.96, "2 min 00 s"),
        (185.0, "3 min 05 s"),
        (3_599.6, "1 h 00 min"),
        (90_061.0, "25 h 01 min"),
    ],
)
def test_a_duration_has_the_unit_that_suits_it_and_never_reaches_sixty(
    seconds: float | None, text: str
) -> None:
    assert format_seconds(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.0 kB"),
        (1_234_567, "1.2 MB"),
        (82_200_000_000, "82.2 GB"),
    ],
)
def test_a_size_has_the_largest_unit_of_which_it_has_one(size: int, text: str) -> None:
    assert format_size(size) == text


def test_a_time_is_in_utc() -> None:
    in_the_east = timezone(timedelta(hours=2))
    assert format_time(datetime(2025, 12, 22, 1, 15, 30, 900, in_the_east)) == "2025-12-21 23:15:30"
    assert format_time(datetime(2025, 12, 22, tzinfo=UTC)) == "2025-12-22 00:00:00"
    assert format_time(None) == "-"


def test_counts_shares_and_codes_are_written_for_people() -> None:
    assert format_number(1_234_567) == "1,234,567"
    assert format_percent(0.0917) == "9.2 %"
    assert format_code("stale_items") == "stale items"
