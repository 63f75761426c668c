from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_core.names import REPORT_KINDS, MessageKind
from canvas_sync_exporter.config_file.reports import ReportSettings
from canvas_sync_exporter.messages.reports.periods import newest_report, report_about

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [
    ZoneInfo(name)
    for name in (
        *("UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Asia/Kathmandu"),
        *("Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca", "Asia/Gaza"),
    )
]
SETTINGS = st.builds(
    ReportSettings,
    at=st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 45])),
    weekday=st.integers(0, 6),
    timezone=st.sampled_from(ZONES),
)
TIMES = st.datetimes(datetime(2011, 11, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
DAYS = st.dates(date(2011, 11, 1), date(2030, 1, 1))
KINDS = st.sampled_from(REPORT_KINDS)


@given(KINDS, SETTINGS, TIMES)
def test_periods_follow_each_other_without_gap_or_overlap(
    kind: MessageKind, settings: ReportSettings, now: datetime
) -> None:
    report = newest_report(kind, settings, now)
    before = newest_report(kind, settings, report.due - timedelta(microseconds=1))

    assert before.end == report.begin < report.end <= report.due <= now
    assert before.period < report.period


@given(KINDS, SETTINGS, DAYS)
def test_a_report_about_a_date_contains_it(
    kind: MessageKind, settings: ReportSettings, day: date
) -> None:
    report = report_about(kind, settings, day)
    noon = datetime.combine(day, time(12), settings.zone)

    if kind is not MessageKind.DAILY and noon.astimezone(UTC).astimezone(settings.zone) == noon:
        assert report.begin <= noon < report.end
    assert newest_report(kind, settings, report.due) == report


@given(KINDS, SETTINGS, TIMES)
def test_a_period_has_whole_local_days_of_23_to_25_hours(
    kind: MessageKind, settings: ReportSettings, now: datetime
) -> None:
    report = newest_report(kind, settings, now)
    hours = (report.end - report.begin) / timedelta(hours=1)
    days = {MessageKind.DAILY: (1, 1), MessageKind.MONTHLY: (28, 31)}.get(kind, (7, 7))

    assert 24 * days[0] - (25 if settings.zone == ZoneInfo("Pacific/Apia") else 1) <= hours
    assert hours <= 24 * days[1] + 1


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-28", 24), ("2026-03-29", 23), ("2026-10-25", 25)]
)
def test_a_daily_summary_covers_the_day_up_to_its_own_time(day: str, hours: int) -> None:
    settings = ReportSettings(timezone=BERLIN)

    report = report_about(MessageKind.DAILY, settings, date.fromisoformat(day))

    assert report.period == day
    assert report.end == report.due
    assert report.due.astimezone(BERLIN).isoformat().startswith(f"{day}T07:30")
    assert report.end - report.begin == timedelta(hours=hours)


def test_a_weekly_report_covers_the_seven_days_before_its_day() -> None:
    settings = ReportSettings(weekday=6, timezone=BERLIN)

    report = newest_report(MessageKind.WEEKLY, settings, datetime(2026, 11, 29, 12, tzinfo=UTC))

    assert report.period == "2026-11-22"
    assert report.begin == datetime(2026, 11, 21, 23, tzinfo=UTC)
    assert report.end == datetime(2026, 11, 28, 23, tzinfo=UTC)
    assert report.due == datetime(2026, 11, 29, 6, 30, tzinfo=UTC)


def test_a_monthly_report_covers_a_calendar_month() -> None:
    settings = ReportSettings(timezone=BERLIN)

    report = report_about(MessageKind.MONTHLY, settings, date(2026, 10, 31))

    assert report.period == "2026-10"
    assert report.end - report.begin == timedelta(days=31, hours=1)
    assert report.due == datetime(2026, 11, 1, 6, 30, tzinfo=UTC)
