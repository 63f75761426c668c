"""Cron expressions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canvas_sync_exporter.schedules.cron import parse_cron

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago")
EXPRESSIONS = ("0 2 * * *", "30 2 * * *", "*/15 * * * *", "0,30 1-3 * * *", "15 */4 * * 1-5")
TIMES = st.datetimes(
    datetime(2025, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC), allow_imaginary=False
)


def _due(text: str, zone: str, after: datetime, until: datetime) -> list[str]:
    due = parse_cron(text, ZoneInfo(zone)).due_between(after, until)
    return [f"{time:%d %H:%M}" for time in due]


def test_due_times_are_on_the_clock_of_the_zone() -> None:
    after, until = datetime(2026, 7, 1, tzinfo=UTC), datetime(2026, 7, 3, tzinfo=UTC)

    assert _due("0 2 * * *", "Europe/Berlin", after, until) == ["02 00:00", "03 00:00"]


@pytest.mark.parametrize("text", ["30 2 * * *", "0,30 2 * * *", "0 2,3 * * *"])
def test_a_time_that_is_skipped_is_due_once_right_after_the_change(text: str) -> None:
    after, until = datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 3, 29, 12, tzinfo=UTC)

    assert _due(text, "Europe/Berlin", after, until) == ["29 01:00"]


def test_a_time_that_comes_twice_is_due_once() -> None:
    after, until = datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 10, 25, 12, tzinfo=UTC)

    assert _due("30 2 * * *", "Europe/Berlin", after, until) == ["25 00:30"]
    between = datetime(2026, 10, 25, 0, 45, tzinfo=UTC)
    assert _due("30 2 * * *", "Europe/Berlin", between, until) == []


def test_a_job_of_every_quarter_of_an_hour_follows_the_clock_through_both_nights() -> None:
    spring, autumn = datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)

    for night in (spring, autumn):
        due = _due("*/15 * * * *", "Europe/Berlin", night, night + timedelta(hours=3))
        assert len(due) == 12


@pytest.mark.parametrize(("nickname", "same"), [("@daily", "0 0 * * *"), ("@weekly", "0 0 * * 0")])
def test_nicknames_are_understood(nickname: str, same: str) -> None:
    assert parse_cron(nickname, UTC) == parse_cron(same, UTC)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0 0 31 2 *", "it never fires: month 2 has no day 31"),
        ("0 0 31 4,6 *", "it never fires: month 4,6 has no day 31"),
        ("0 0 30 2 */2", "it never fires: month 2 has no day 30"),
        ("61 * * * *", "bad minute"),
        ("0 2 * *", "it has 4 fields"),
        ("0 0 2 * * *", "it has 6 fields"),
        ("", "it has 0 fields"),
        ("@reboot", "write one of @yearly"),
        ("0 2 * * Mo-Fr", "bad day-of-week"),
    ],
)
def test_an_expression_that_cannot_be_used_says_why_and_what_to_write(
    text: str, reason: str
) -> None:
    with pytest.raises(ValueError, match='such as "0 2 \\* \\* \\*"') as caught:
        parse_cron(text, UTC)
    assert reason in str(caught.value)


def test_a_leap_day_fires() -> None:
    schedule = parse_cron("0 0 29 2 *", UTC)

    assert schedule.next_due(datetime(2026, 1, 1, tzinfo=UTC)) == datetime(2028, 2, 29, tzinfo=UTC)


def test_it_is_described_in_words() -> None:
    assert parse_cron("0 2 * * *", BERLIN).describe() == "at 02:00 every day (Europe/Berlin)"


@settings(max_examples=60, deadline=None)
@given(TIMES, st.integers(0, 72), st.integers(0, 72), st.sampled_from(ZONES), st.data())
def test_parts_of_a_period_add_up_and_agree_with_the_next_due_time(
    start: datetime, first: int, second: int, zone: str, data: st.DataObject
) -> None:
    schedule = parse_cron(data.draw(st.sampled_from(EXPRESSIONS)), ZoneInfo(zone))
    middle = start + timedelta(hours=first)
    end = middle + timedelta(hours=second)
    due = list(schedule.due_between(start, end))

    assert due == [*schedule.due_between(start, middle), *schedule.due_between(middle, end)]
    assert due == sorted(set(due))
    following = schedule.next_due(start)
    assert following is not None
    assert following > start
    assert due[:1] == ([following] if following <= end else [])


@settings(max_examples=25, deadline=None)
@given(st.integers(2025, 2035), st.sampled_from(ZONES), st.integers(0, 23), st.integers(0, 59))
def test_a_daily_job_is_due_once_on_each_day_of_a_year(
    year: int, zone: str, hour: int, minute: int
) -> None:
    schedule = parse_cron(f"{minute} {hour} * * *", ZoneInfo(zone))
    start = datetime(year, 1, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC) - timedelta(seconds=1)
    end = datetime(year + 1, 1, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC) - timedelta(seconds=1)
    days = [due.astimezone(ZoneInfo(zone)).date() for due in schedule.due_between(start, end)]

    assert len(days) == len(set(days)) == (366 if year % 4 == 0 else 365)
