"""A period is divided at multiples of a step, in any time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_core.store.rollups.buckets import DAY, FIFTEEN_MINUTES, floor
from canvas_sync_core.store.rollups.slices import STEPS, Slice, choose_step, slices

_BERLIN = ZoneInfo("Europe/Berlin")
_ZONES: st.SearchStrategy[tzinfo] = st.sampled_from(
    [UTC, _BERLIN, ZoneInfo("Asia/Kathmandu"), ZoneInfo("Australia/Lord_Howe")]
)
_BEGINS = st.datetimes(datetime(2025, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC)).map(
    lambda time: floor(time, FIFTEEN_MINUTES)
)


@given(_BEGINS, st.integers(1, 4000), st.sampled_from([*STEPS]), _ZONES)
def test_slices_follow_each_other_and_cut_at_multiples_of_the_step(
    begin: datetime, length: int, name: str, zone: tzinfo
) -> None:
    end, step = begin + length * FIFTEEN_MINUTES, STEPS[name]
    parts = slices(begin, end, step, zone)
    assert (parts[0].begin, parts[-1].end) == (begin, end)
    assert all(one.end == other.begin for one, other in pairwise(parts))
    days = [floor(begin, DAY) + n * DAY for n in range(-1, (end - begin) // DAY + 3)]
    for part in parts:
        assert part.begin < part.end <= part.begin + step + timedelta(hours=1)
        assert floor(part.begin, FIFTEEN_MINUTES) == part.begin
        assert part.utc_days_among(days) == sorted(
            {floor(part.begin + n * FIFTEEN_MINUTES, DAY) for n in range(_buckets(part))}
        )
    for part in parts[1:]:
        local = part.begin.astimezone(zone)
        if step >= DAY:
            assert (local.hour, local.minute) == (0, 0)
            assert (local.date().toordinal() - 1) % (step // DAY) == 0


def _buckets(part: Slice) -> int:
    return (part.end - part.begin) // FIFTEEN_MINUTES


@pytest.mark.parametrize(("month", "hours"), [(3, 23), (10, 25)])
def test_a_day_on_which_clocks_change_has_fewer_or_more_hours(month: int, hours: int) -> None:
    sunday = {3: 29, 10: 25}[month]
    begin = datetime(2026, month, sunday, tzinfo=_BERLIN).astimezone(UTC)
    end = datetime(2026, month, sunday + 1, tzinfo=_BERLIN).astimezone(UTC)
    assert len(slices(begin, end, STEPS["1h"], _BERLIN)) == hours
    assert slices(begin, end, DAY, _BERLIN) == [Slice(begin, end)]


def test_weeks_begin_on_a_monday() -> None:
    parts = slices(
        datetime(2026, 7, 1, tzinfo=UTC), datetime(2026, 7, 20, tzinfo=UTC), 7 * DAY, UTC
    )
    assert [part.begin.day for part in parts] == [1, 6, 13]


@given(st.integers(1, 3650 * 96))
def test_the_chosen_step_gives_few_points_and_a_shorter_one_too_many(buckets: int) -> None:
    length = buckets * FIFTEEN_MINUTES
    name = choose_step(length, 200)
    begin = datetime(2015, 1, 1, 7, 15, tzinfo=UTC)
    assert len(slices(begin, begin + length, STEPS[name], UTC)) <= 200
