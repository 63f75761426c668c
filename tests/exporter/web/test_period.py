"""The period that ``from``, ``to``, ``days`` and ``tz`` select together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from canvas_sync_core.store.stored_times import EARLIEST, LATEST
from canvas_sync_exporter.web.period import FROM, GivenTime, read_period, read_period_with_start
from canvas_sync_exporter.web.problems import ProblemError

BERLIN = ZoneInfo("Europe/Berlin")
DAY = timedelta(days=1)


def given(raw: str) -> GivenTime:
    value = FROM.parse(raw)
    assert isinstance(value, GivenTime)
    return value


def test_a_date_is_a_midnight_in_the_zone_of_another_parameter() -> None:
    period = read_period(given("2026-11-20"), given("2026-11-27T12:00:00Z"), BERLIN)
    assert period.since == datetime(2026, 11, 19, 23, tzinfo=UTC)
    assert period.until == datetime(2026, 11, 27, 12, tzinfo=UTC)


def test_a_period_may_lack_either_bound() -> None:
    period = read_period(None, None, UTC)
    assert (period.since, period.until) == (None, None)


def test_a_recent_period_has_seven_days_unless_another_number_is_given() -> None:
    end = given("2026-11-27")
    assert read_period_with_start(None, end, UTC, None).since == datetime(2026, 11, 20, tzinfo=UTC)
    assert read_period_with_start(None, end, UTC, 1).since == datetime(2026, 11, 26, tzinfo=UTC)
    until_now = read_period_with_start(None, None, UTC, 2)
    assert until_now.until is None
    assert 2 * DAY <= datetime.now(UTC) - until_now.since < 3 * DAY


def test_times_beyond_those_of_the_table_become_its_first_and_last() -> None:
    period = read_period(given("0001-01-01"), given("9999-12-31T23:59:59"), UTC)
    assert (period.since, period.until) == (EARLIEST, LATEST)
    assert read_period_with_start(None, given("0001-01-09"), UTC, 3660).since == EARLIEST


@pytest.mark.parametrize(
    ("since", "until", "field"), [("1h", "2h", "to"), ("2026-11-20", "2026-11-20", "to")]
)
def test_an_empty_period_is_refused(since: str, until: str, field: str) -> None:
    with pytest.raises(ProblemError) as refused:
        read_period(given(since), given(until), UTC)
    assert [each.field for each in refused.value.problem.errors] == [field]


def test_two_starts_are_refused() -> None:
    with pytest.raises(ProblemError) as refused:
        read_period_with_start(given("1h"), None, UTC, 7)
    assert refused.value.problem.errors[0].detail == "use either days or from"


def test_a_plus_sign_that_became_a_blank_is_explained() -> None:
    with pytest.raises(ValueError, match=r"\+ of a zone is written %2B"):
        FROM.parse("2026-11-20T10:00:00 01:00")
    with pytest.raises(ValueError, match="use a time such as") as refused:
        FROM.parse("yesterday")
    assert "%2B" not in str(refused.value)
