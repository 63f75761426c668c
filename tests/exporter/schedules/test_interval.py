"""Intervals, with and without working hours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from canvas_sync_exporter.schedules.hours import parse_hours
from canvas_sync_exporter.schedules.interval import IntervalSchedule

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago")
HOURS = ("Mon-Fri 07:00-19:00", "22:00-03:30", "Sat 20:00-24:00, Sun 00:00-06:00")
ORIGIN = datetime(2026, 1, 1, tzinfo=UTC)
FIFTEEN_MINUTES = timedelta(minutes=15)


def _at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 6, day, hour, minute, tzinfo=BERLIN).astimezone(UTC)


def _shown(schedule: IntervalSchedule, after: datetime, until: datetime) -> list[str]:
    due = schedule.due_between(after, until)
    return [f"{time.astimezone(BERLIN):%a %H:%M}" for time in due]


def test_a_run_is_due_one_interval_after_the_last_start() -> None:
    schedule = IntervalSchedule(timedelta(hours=24), UTC, ORIGIN, [_at(1, 2, 7)])

    assert schedule.next_due(_at(1, 12)) == _at(2, 2, 7)


def test_it_is_due_again_each_interval_until_it_starts() -> None:
    schedule = IntervalSchedule(FIFTEEN_MINUTES, UTC, ORIGIN, [_at(1, 8)])

    assert _shown(schedule, _at(1, 8, 20), _at(1, 8, 50)) == ["Mon 08:30", "Mon 08:45"]


def test_a_start_before_it_was_due_makes_the_next_one_due_later() -> None:
    schedule = IntervalSchedule(
        FIFTEEN_MINUTES, UTC, ORIGIN, [_at(1, 8), _at(1, 8, 14), _at(1, 8, 32)]
    )

    assert _shown(schedule, _at(1, 8), _at(1, 8, 50)) == ["Mon 08:29", "Mon 08:47"]


def test_without_any_start_it_counts_from_the_origin() -> None:
    schedule = IntervalSchedule(timedelta(hours=24), UTC, _at(1, 0))

    assert schedule.next_due(_at(1, 10)) == _at(2, 0)


def test_nothing_was_due_before_the_first_known_start() -> None:
    schedule = IntervalSchedule(FIFTEEN_MINUTES, UTC, ORIGIN, [_at(1, 8)])

    assert schedule.next_due(_at(1, 3)) == _at(1, 8, 15)


def test_outside_the_working_hours_nothing_is_due() -> None:
    hours = parse_hours("Mon-Fri 07:00-19:00")
    schedule = IntervalSchedule(FIFTEEN_MINUTES, BERLIN, ORIGIN, [_at(5, 18, 45)], hours)

    assert _shown(schedule, _at(5, 18, 45), _at(8, 7, 30)) == ["Mon 07:15", "Mon 07:30"]


def test_hours_over_midnight_are_one_window() -> None:
    hours = parse_hours("Mon 23:30-00:30")
    schedule = IntervalSchedule(FIFTEEN_MINUTES, BERLIN, ORIGIN, [_at(1, 23, 40)], hours)

    due = _shown(schedule, _at(1, 23, 40), _at(2, 12))
    assert due == ["Mon 23:55", "Tue 00:10", "Tue 00:25"]


def test_it_is_described_in_words() -> None:
    hours = parse_hours("Mon-Fri 07:00-19:00")

    assert (
        IntervalSchedule(FIFTEEN_MINUTES, BERLIN, ORIGIN, (), hours).describe()
        == "every 15 minutes, Mon-Fri 07:00-19:00 (Europe/Berlin)"
    )
    assert IntervalSchedule(timedelta(hours=1), UTC, ORIGIN).describe() == "every hour"


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_parts_of_a_period_add_up_and_agree_with_the_next_due_time(data: st.DataObject) -> None:
    times = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC))
    start = data.draw(times)
    middle = start + timedelta(minutes=data.draw(st.integers(0, 4000)))
    end = middle + timedelta(minutes=data.draw(st.integers(0, 4000)))
    minutes = data.draw(st.lists(st.integers(-9000, 9000), max_size=8))
    starts = sorted(start + timedelta(minutes=count) for count in minutes)
    text = data.draw(st.sampled_from((None, *HOURS)))
    schedule = IntervalSchedule(
        timedelta(minutes=data.draw(st.integers(5, 180))),
        ZoneInfo(data.draw(st.sampled_from(ZONES))),
        ORIGIN,
        starts,
        parse_hours(text) if text else None,
    )
    due = list(schedule.due_between(start, end))

    assert due == [*schedule.due_between(start, middle), *schedule.due_between(middle, end)]
    assert due == sorted(set(due))
    following = schedule.next_due(start)
    assert following > start
    assert due[:1] == ([following] if following <= end else [])
