"""Times as people write them."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from canvas_sync_exporter.logs.time_parsing import parse_moment

NOW = dt.datetime(2026, 3, 2, 4, 30, tzinfo=dt.UTC)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("raw", "zone", "expected"),
    [
        ("03:00", dt.UTC, "2026-03-02T03:00:00+00:00"),
        ("05:00", dt.UTC, "2026-03-01T05:00:00+00:00"),
        ("05:00", BERLIN, "2026-03-02T04:00:00+00:00"),
        ("23:59:30", dt.UTC, "2026-03-01T23:59:30+00:00"),
        ("04:30", dt.UTC, "2026-03-02T04:30:00+00:00"),
        ("2026-03-01", BERLIN, "2026-02-28T23:00:00+00:00"),
        ("90m", dt.UTC, "2026-03-02T03:00:00+00:00"),
    ],
)
def test_a_time_of_day_is_the_last_one_that_has_passed(
    raw: str, zone: dt.tzinfo, expected: str
) -> None:
    assert parse_moment(raw, NOW, zone).isoformat() == expected


@pytest.mark.parametrize("raw", ["25:00", "3:00", "03:60", "03:00Z", "", "yesterday", "9999999d"])
def test_anything_else_says_what_to_write(raw: str) -> None:
    with pytest.raises(ValueError, match="use a time such as 2025-12-22"):
        parse_moment(raw, NOW)


@pytest.mark.parametrize("zone", [ZoneInfo("Pacific/Kiritimati"), ZoneInfo("Pacific/Niue")])
def test_a_time_of_day_before_the_first_year_says_what_to_write(zone: dt.tzinfo) -> None:
    with pytest.raises(ValueError, match="use a time such as"):
        parse_moment("03:00", dt.datetime.min.replace(tzinfo=dt.UTC), zone)
