"""How time is cut."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_core.store.rollups.buckets import (
    DAY,
    FIFTEEN_MINUTES,
    HOUR,
    BucketRange,
    cover,
    floor,
    joined,
    local_days,
    offsets,
)

_START = datetime(2025, 3, 1, tzinfo=UTC)
_ZONES: list[tzinfo] = [
    UTC,
    *map(ZoneInfo, ("Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Cairo")),
]
_MOMENTS = st.datetimes(datetime(2017, 1, 1), datetime(2027, 1, 1)).map(
    lambda naive: naive.replace(tzinfo=UTC)
)


def _buckets(ranges: list[BucketRange]) -> list[datetime]:
    return [
        begin
        for each in ranges
        for begin in _steps(each.begin, each.end, FIFTEEN_MINUTES)
        if (each.begin - _START) % each.length == timedelta()
    ]


def _steps(begin: datetime, end: datetime, step: timedelta) -> list[datetime]:
    return [begin + number * step for number in range((end - begin) // step)]


@given(st.integers(0, 300), st.integers(0, 300), st.sets(st.integers(0, 600), max_size=5))
def test_a_cover_has_each_bucket_once_except_the_holes(
    first: int, length: int, holes: set[int]
) -> None:
    begin = _START + first * FIFTEEN_MINUTES
    end = begin + length * FIFTEEN_MINUTES
    left_out = {_START + hole * FIFTEEN_MINUTES for hole in holes}
    wanted = [each for each in _steps(begin, end, FIFTEEN_MINUTES) if each not in left_out]
    assert _buckets(cover(begin, end, left_out)) == wanted


def test_consecutive_buckets_are_joined() -> None:
    first, last = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    buckets = [last, first + 2 * FIFTEEN_MINUTES, first + FIFTEEN_MINUTES, first]
    assert list(joined(buckets)) == [
        BucketRange(FIFTEEN_MINUTES, last, last + FIFTEEN_MINUTES),
        BucketRange(FIFTEEN_MINUTES, first, first + 3 * FIFTEEN_MINUTES),
    ]
    assert not list(joined([]))


def test_a_cover_consists_of_the_longest_buckets() -> None:
    begin, end = _START + 23 * HOUR - FIFTEEN_MINUTES, _START + 3 * DAY + HOUR + FIFTEEN_MINUTES
    assert [
        (each.length, (each.end - each.begin) // each.length) for each in cover(begin, end)
    ] == [
        (FIFTEEN_MINUTES, 1),
        (HOUR, 1),
        (DAY, 2),
        (HOUR, 1),
        (FIFTEEN_MINUTES, 1),
    ]


@given(_MOMENTS, st.sampled_from(_ZONES))
def test_a_moment_is_in_the_day_that_a_clock_there_shows(moment: datetime, zone: tzinfo) -> None:
    days = local_days(moment - 2 * DAY, moment + 2 * DAY, zone)
    assert [day.end for day in days[:-1]] == [day.begin for day in days[1:]]
    (found,) = [day.day for day in days if day.begin <= moment < day.end]
    assert found == moment.astimezone(zone).date()


@given(_MOMENTS, st.sampled_from(_ZONES))
def test_offsets_are_those_of_the_clock(moment: datetime, zone: tzinfo) -> None:
    known = offsets(moment - 300 * DAY, moment + DAY, zone)
    (*_, offset) = [offset for begin, offset in known if begin <= moment]
    assert offset == moment.astimezone(zone).utcoffset()


@given(_MOMENTS, st.sampled_from(_ZONES))
def test_the_offset_at_the_start_is_returned_even_without_any_time(
    moment: datetime, zone: tzinfo
) -> None:
    for begin in (moment, floor(moment, DAY)):
        (*_, offset) = [offset for since, offset in offsets(begin, begin, zone) if since <= begin]
        assert offset == begin.astimezone(zone).utcoffset()


@pytest.mark.parametrize("zone", _ZONES)
def test_days_begin_at_a_full_quarter_of_an_hour(zone: tzinfo) -> None:
    days = local_days(datetime(2016, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC), zone)
    assert [day for day in days if floor(day.begin, FIFTEEN_MINUTES) != day.begin] == []


def test_the_day_of_a_change_of_clocks_has_23_or_25_hours() -> None:
    days = local_days(
        datetime(2025, 3, 29, 23, tzinfo=UTC),
        datetime(2025, 3, 30, 22, tzinfo=UTC),
        ZoneInfo("Europe/Berlin"),
    )
    assert [(day.day, (day.end - day.begin) // HOUR) for day in days] == [(date(2025, 3, 30), 23)]
