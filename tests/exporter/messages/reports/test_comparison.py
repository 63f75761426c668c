from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from canvas_sync_core.names import MessageKind
from canvas_sync_core.store.rollups.writing import roll_up
from canvas_sync_core.store.run_deletion import delete_runs
from canvas_sync_exporter.config_file.reports import ReportSettings
from canvas_sync_exporter.messages.reports.comparison import comparison, read_comparison
from canvas_sync_exporter.messages.reports.periods import report_about
from canvas_sync_exporter.schedules.local_time import days_between, local_date
from support.reports import utc
from support.runs import snapshot, write

WEEKLY, MONTHLY = MessageKind.WEEKLY, MessageKind.MONTHLY
ZONES = [ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "America/New_York", "Asia/Gaza")]


@given(
    st.sampled_from([WEEKLY, MONTHLY, MessageKind.PERFORMANCE, MessageKind.FAILURES]),
    st.dates(date(2015, 1, 1), date(2030, 1, 1)),
    st.sampled_from(ZONES),
    st.integers(0, 6),
)
def test_the_compared_periods_have_the_same_days_of_the_week(
    kind: MessageKind, day: date, zone: ZoneInfo, weekday: int
) -> None:
    reports = ReportSettings(timezone=zone, weekday=weekday)
    request = report_about(kind, reports, day)

    found = comparison(request, reports)
    days = [
        days_between(
            local_date(each.begin, zone), local_date(each.end - timedelta(seconds=1), zone)
        )
        for each in (found.compared, found.before)
    ]

    assert len(days[0]) == len(days[1]) == (28 if kind is MONTHLY else 7)
    weekdays = [sorted(each.weekday() for each in period) for period in days]
    assert weekdays[0] == weekdays[1]
    assert found.before.end <= found.compared.begin == request.begin
    assert found.compared.end <= request.end
    if kind is MONTHLY:
        assert days[1][0] == (days[0][0] - timedelta(days=1)).replace(day=1)
    else:
        assert found.before.end == request.begin


@pytest.mark.parametrize(
    ("first_run", "has_before"),
    [("2026-10-01", True), ("2026-11-09T20:00", True), ("2026-11-10T20:00", False)],
)
def test_a_week_of_which_only_a_part_is_known_is_not_compared(
    first_run: str, has_before: bool, engine: Engine
) -> None:
    write(engine, snapshot("first", start_time=utc(first_run).timestamp()))
    request = report_about(WEEKLY, ReportSettings(), date(2026, 11, 18))

    assert read_comparison(request, engine, ReportSettings()).has_before is has_before


def test_runs_that_retention_has_deleted_are_known(engine: Engine) -> None:
    for day in ("2026-10-01", "2026-11-18"):
        write(engine, snapshot(day, start_time=utc(day).timestamp()))
    while roll_up(engine, 60):
        pass
    assert delete_runs(engine, utc("2026-11-01")) == 1
    request = report_about(WEEKLY, ReportSettings(), date(2026, 11, 18))

    assert read_comparison(request, engine, ReportSettings()).has_before
