"""Hours of the week."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canvas_sync_exporter.schedules.hours import DAY_NAMES, parse_hours

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2026, 6, 1, tzinfo=UTC)


def _windows(text: str, count: int, start: datetime = MONDAY) -> list[str]:
    windows = islice(parse_hours(text).from_time(start, BERLIN), count)
    return [
        f"{opening.astimezone(BERLIN):%a %H:%M} - {closing.astimezone(BERLIN):%a %H:%M}"
        for opening, closing in windows
    ]


@pytest.mark.parametrize(
    ("text", "windows"),
    [
        ("Mon-Fri 07:00-19:00", ["Mon 07:00 - Mon 19:00", "Tue 07:00 - Tue 19:00"]),
        ("Sat-Mon 9:00-12:00", ["Mon 09:00 - Mon 12:00", "Sat 09:00 - Sat 12:00"]),
        (
            "Mon, Wed 07:00-09:00, Tue 08:00-10:00",
            ["Mon 07:00 - Mon 09:00", "Tue 08:00 - Tue 10:00"],
        ),
        ("mon 22:00-02:00; Fri 01:00-03:00", ["Mon 22:00 - Tue 02:00", "Fri 01:00 - Fri 03:00"]),
        ("Mon-Tue 00:00-24:00", ["Mon 00:00 - Wed 00:00", "Mon 00:00 - Wed 00:00"]),
        ("07:00-19:00", ["Mon 07:00 - Mon 19:00", "Tue 07:00 - Tue 19:00"]),
        ("Monday-friday 07:00 - 08:00", ["Mon 07:00 - Mon 08:00", "Tue 07:00 - Tue 08:00"]),
    ],
)
def test_days_and_times_become_windows_on_the_clock_of_the_zone(
    text: str, windows: list[str]
) -> None:
    assert _windows(text, 2) == windows


def test_the_window_that_is_open_now_is_the_first_one() -> None:
    now = datetime(2026, 6, 1, 23, tzinfo=UTC)

    assert _windows("Mon 22:00-02:00", 1, now) == ["Mon 22:00 - Tue 02:00"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is not a window"),
        ("always", "is not a window"),
        ("Mon-Fri 7-19", "is not a window"),
        ("Mo-Fr 07:00-19:00", "'Mo' is not a day; write Mon, Tue"),
        ("Mon-Fri 07:00-25:00", "25:00 is not a time of day"),
        ("Mon-Fri 07:60-08:00", "07:60 is not a time of day"),
        ("Mon 24:00-02:00", "24:00 can only be an end"),
        ("Mon-Sun 00:00-24:00", "this is the whole week; leave `hours` out"),
        ("08:00-08:00", "this is the whole week"),
    ],
)
def test_hours_that_cannot_be_used_say_why_and_what_to_write(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_hours(text)


@settings(max_examples=60, deadline=None)
@given(
    st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(DAY_NAMES),
    st.integers(0, 1439),
    st.integers(0, 1439),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Gaza"]),
)
def test_windows_are_apart_and_in_order_in_every_zone(
    start: datetime, day: str, opens: int, closes: int, zone: str
) -> None:
    text = f"{day} {opens // 60:02}:{opens % 60:02}-{closes // 60:02}:{closes % 60:02}"
    windows = list(islice(parse_hours(text).from_time(start, ZoneInfo(zone)), 4))

    assert windows[0][1] > start
    for before, after in pairwise(windows):
        assert before[0] <= before[1] < after[0]
        assert after[0] - before[0] < timedelta(days=8)
