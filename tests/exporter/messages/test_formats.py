from __future__ import annotations

import datetime as dt
import math
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_exporter.messages.formats import Formats

BERLIN = ZoneInfo("Europe/Berlin")
BRITISH = Formats("en_GB", BERLIN)
GERMAN = Formats("de_DE", BERLIN)
TIME = dt.datetime(2026, 11, 29, 6, 30, tzinfo=dt.UTC)


def test_numbers_and_dates_follow_the_locale() -> None:
    assert (BRITISH.number(12_345.67), GERMAN.number(12_345.67)) == ("12,345.7", "12.345,7")
    assert (BRITISH.percent(0.985), GERMAN.percent(0.985)) == ("98.5%", "98,5\xa0%")
    assert (BRITISH.seconds(8.42), GERMAN.seconds(8.42)) == ("8.4 s", "8,4 s")
    assert (BRITISH.date(TIME.date()), GERMAN.date(TIME.date())) == (
        "Sun, 29 Nov 2026",
        "So., 29. Nov. 2026",
    )


def test_times_are_in_the_zone_and_the_zone_is_named_with_its_offset() -> None:
    assert BRITISH.moment(TIME) == "Sun 29 Nov, 07:30"
    assert BRITISH.zone_name(TIME) == "Europe/Berlin (UTC+01:00)"
    assert BRITISH.zone_name(TIME.replace(month=7)) == "Europe/Berlin (UTC+02:00)"
    assert Formats("en_GB", dt.UTC).zone_name(TIME) == "UTC"
    assert BRITISH.brief_time(TIME, TIME + dt.timedelta(hours=1)) == "07:30"
    assert BRITISH.brief_time(TIME, TIME + dt.timedelta(days=1)) == "Sun 29 Nov, 07:30"


def test_a_period_is_named_by_its_first_and_last_day() -> None:
    begin = dt.datetime(2026, 11, 22, 23, tzinfo=dt.UTC)

    assert GERMAN.days(begin, begin + dt.timedelta(days=7)) == "23.–29. Nov. 2026"  # noqa: RUF001
    assert BRITISH.days(begin, begin + dt.timedelta(days=1)) == "Mon, 23 Nov 2026"


@given(st.floats(0, 1))
def test_only_exactly_all_or_none_is_written_as_100_or_0_percent(share: float) -> None:
    text = BRITISH.percent(share)

    assert (text == "100%") == (share == 1)
    assert (text == "0%") == (share == 0)


@pytest.mark.parametrize(
    ("now", "before", "text"),
    [
        (110, 100, "+10%"),
        (90, 100, "-10%"),
        (100.4, 100, "±0%"),
        (2_000, 100, "20 times"),
        (0, 100, "-100%"),
        (5, 0, "-"),
        (None, 5, "-"),
        (5, None, "-"),
    ],
)
def test_a_change_is_relative_to_the_value_before(
    now: float | None, before: float | None, text: str
) -> None:
    assert BRITISH.change(now, before) == text


@pytest.mark.parametrize(
    ("now", "before", "text"),
    [(0.99, 0.975, "+1.5"), (0.9, 1.0, "-10"), (0.5, 0.5, "±0"), (None, 1.0, "-")],
)
def test_a_difference_of_shares_is_in_points(now: float | None, before: float, text: str) -> None:
    assert BRITISH.points(now, before) == text


@given(st.floats(0, 1e9), st.sampled_from(["en_GB", "de_DE", "fr_FR", "ar_EG", "ja"]))
def test_any_duration_can_be_written(seconds: float, locale: str) -> None:
    assert Formats(locale, BERLIN).seconds(seconds)
    assert Formats(locale, BERLIN).rough_length(dt.timedelta(seconds=math.floor(seconds)))
