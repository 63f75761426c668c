from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_core.names import REPORT_KINDS, MessageKind
from canvas_sync_exporter.config_file.reports import ReportSettings
from canvas_sync_exporter.messages.reports.due import MADE_UP_FOR, due_reports
from canvas_sync_exporter.messages.reports.periods import newest_report

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "America/New_York", "Pacific/Apia")]
SETTINGS = st.builds(
    ReportSettings,
    at=st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 45])),
    weekday=st.integers(0, 6),
    timezone=st.sampled_from(ZONES),
)
BEGINS = st.datetimes(datetime(2011, 11, 1), datetime(2028, 1, 1), timezones=st.just(UTC))
Made = dict[tuple[MessageKind, str], datetime]


def simulate(settings: ReportSettings, begin: datetime, steps: list[int]) -> Made:
    """Let an exporter look for due reports after each number of minutes; it makes all at once."""
    made: Made = {}
    now = begin
    for minutes in steps:
        now += timedelta(minutes=minutes)
        for report in due_reports(now, settings, set(made)):
            assert report.key not in made
            assert report.end <= report.due <= now < report.due + MADE_UP_FOR[report.kind]
            made[report.key] = now
    return made


@hypothesis.settings(max_examples=8)
@given(SETTINGS, BEGINS)
def test_an_exporter_that_runs_all_the_time_makes_each_report_once_and_on_time(
    settings: ReportSettings, begin: datetime
) -> None:
    made = simulate(settings, begin, [30] * (2 * 24 * 35))
    counts = Counter(kind for kind, _ in made)

    assert 34 <= counts[MessageKind.DAILY] <= 36
    assert 5 <= counts[MessageKind.WEEKLY] <= 6
    assert counts[MessageKind.WEEKLY] == counts[MessageKind.PERFORMANCE]
    assert 1 <= counts[MessageKind.MONTHLY] <= 3
    for (kind, _), time_ in made.items():
        at = time_.astimezone(settings.zone).time()
        if kind is MessageKind.DAILY and time_ > begin + timedelta(days=1):
            late = datetime.combine(time_, at) - datetime.combine(time_, settings.at)
            assert timedelta(0) <= late % timedelta(days=1) <= timedelta(hours=1, minutes=30)


@given(SETTINGS, BEGINS, st.lists(st.integers(1, 20_000), min_size=1, max_size=60))
def test_at_most_one_report_of_each_kind_is_made_up_for_after_any_outage(
    settings: ReportSettings, begin: datetime, steps: list[int]
) -> None:
    made = simulate(settings, begin, steps)

    assert max(Counter((kind, time_) for (kind, _), time_ in made.items()).values(), default=1) == 1


@pytest.mark.parametrize(
    ("now", "is_made"),
    [
        ("2026-11-30T07:29:59", False),
        ("2026-11-30T07:30:00", True),
        ("2026-11-30T11:59:59", True),
        ("2026-11-30T12:00:00", False),
        ("2026-11-30T23:00:00", False),
    ],
)
def test_a_missed_daily_summary_is_made_up_for_until_noon(now: str, is_made: bool) -> None:
    settings = ReportSettings(kinds=frozenset({MessageKind.DAILY}), timezone=BERLIN)
    local = datetime.fromisoformat(now).replace(tzinfo=BERLIN)

    due = due_reports(local.astimezone(UTC), settings, ())

    assert [each.period for each in due] == (["2026-11-30"] if is_made else [])


@pytest.mark.parametrize(("hours", "is_made"), [(0, True), (47, True), (48, False)])
def test_a_missed_weekly_report_is_made_up_for_within_two_days(hours: int, is_made: bool) -> None:
    settings = ReportSettings(kinds=frozenset({MessageKind.WEEKLY}))
    monday = datetime(2026, 11, 30, 7, 30, tzinfo=UTC)

    due = due_reports(monday + timedelta(hours=hours), settings, ())

    assert [each.period for each in due] == (["2026-11-23"] if is_made else [])


def test_a_report_that_was_made_is_not_due_again() -> None:
    now = datetime(2026, 6, 1, 8, tzinfo=UTC)  # a Monday, and the first of a month
    due = due_reports(now, ReportSettings(), ())

    assert [each.kind for each in due] == list(REPORT_KINDS)
    assert due_reports(now, ReportSettings(), {each.key for each in due}) == ()


def test_reports_that_are_switched_off_are_never_due() -> None:
    now = datetime(2026, 6, 1, 8, tzinfo=UTC)

    assert due_reports(now, ReportSettings(kinds=frozenset()), ()) == ()


def test_the_time_to_make_up_for_a_report_is_over_before_the_next_one() -> None:
    now = datetime(2026, 3, 2, 8, tzinfo=UTC)  # after a February, the shortest month
    for kind in REPORT_KINDS:
        report = newest_report(kind, ReportSettings(), now)

        assert MADE_UP_FOR[kind] < report.end - report.begin
