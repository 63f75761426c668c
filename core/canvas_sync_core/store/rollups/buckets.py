"""Time buckets that have rollups, and local days composed of them. Pure functions.

The smallest bucket has 15 minutes, since the UTC offset of every time zone is a multiple of that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from itertools import pairwise

from sqlalchemy import ColumnElement, and_, true

from canvas_sync_core.store.stored_times import EARLIEST, LATEST

__all__ = [
    "DAY",
    "FIFTEEN_MINUTES",
    "HOUR",
    "BucketRange",
    "LocalDay",
    "ceiling",
    "cover",
    "cut_day",
    "floor",
    "joined",
    "local_day",
    "local_days",
    "offsets",
    "whole_buckets",
    "within",
]

FIFTEEN_MINUTES = timedelta(minutes=15)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class BucketRange:
    """A period of consecutive buckets of one length.

    Attributes:
        length: :data:`FIFTEEN_MINUTES`, :data:`HOUR` or :data:`DAY`.
        begin: Start of the first.
        end: End of the last.
    """

    length: timedelta
    begin: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class LocalDay:
    """A day of a time zone, or a part of it.

    Attributes:
        utc_days: Starts of the UTC days that it overlaps.
    """

    day: date
    begin: datetime
    end: datetime
    utc_days: tuple[datetime, ...] = field(compare=False)


def floor(time: datetime, length: timedelta) -> datetime:
    """Round a time down to the start of a bucket, in UTC."""
    return time - (time - _EPOCH) % length


def within(column: ColumnElement[datetime], begin: datetime, end: datetime) -> ColumnElement[bool]:
    """Return the condition that a time is within a period.

    A period that starts or ends at the limit of readable times is open there, because the table may
    contain times beyond it.
    """
    return and_(
        true() if begin <= EARLIEST else column >= begin,
        true() if end > LATEST else column < end,
    )


def ceiling(time: datetime, length: timedelta) -> datetime:
    """Round a time up to the start of a bucket."""
    return -((_EPOCH - time) // length) * length + _EPOCH


def whole_buckets(begin: datetime, end: datetime | None) -> tuple[datetime, datetime | None]:
    """Extend a period to whole 15-minute buckets; one without an end still has none."""
    return (
        floor(begin, FIFTEEN_MINUTES),
        None if end is None else ceiling(end, FIFTEEN_MINUTES),
    )


def joined(buckets: Iterable[datetime]) -> Iterator[BucketRange]:
    """Join consecutive 15-minute buckets.

    Args:
        buckets: The start of each, newest first.
    """
    starts: list[datetime] = []
    for bucket in buckets:
        if starts and bucket + FIFTEEN_MINUTES != starts[-1]:
            yield _from_first_to_last(starts)
            starts = []
        starts.append(bucket)
    if starts:
        yield _from_first_to_last(starts)


def _from_first_to_last(starts: Sequence[datetime]) -> BucketRange:
    return BucketRange(FIFTEEN_MINUTES, starts[-1], starts[0] + FIFTEEN_MINUTES)


def cover(begin: datetime, end: datetime, holes: Iterable[datetime] = ()) -> list[BucketRange]:
    """Cover a period with the longest buckets that fit.

    Args:
        begin: Start of a 15-minute bucket.
        end: Start of a 15-minute bucket.
        holes: Starts of 15-minute buckets to leave out, in any order.
    """
    edges = [begin]
    for hole in sorted({each for each in holes if begin <= each < end}):
        edges += [hole, hole + FIFTEEN_MINUTES]
    edges.append(end)
    ranges: list[BucketRange] = []
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        ranges += _cover(first, last, (DAY, HOUR, FIFTEEN_MINUTES))
    return ranges


def _cover(begin: datetime, end: datetime, lengths: tuple[timedelta, ...]) -> Iterator[BucketRange]:
    if begin >= end:
        return
    length, *shorter = lengths
    first, last = ceiling(begin, length), floor(end, length)
    if first < last:
        yield from _cover(begin, first, tuple(shorter))
        yield BucketRange(length, first, last)
        yield from _cover(last, end, tuple(shorter))
    else:
        yield from _cover(begin, end, tuple(shorter))


@lru_cache(maxsize=32)  # most queries are about the same days, and ten years have thousands
def local_days(begin: datetime, end: datetime, zone: tzinfo) -> tuple[LocalDay, ...]:
    """Divide a period into the days of a time zone; the first and last may be partial."""
    first = begin.astimezone(zone).date()
    last = end.astimezone(zone).date()
    days = [first + timedelta(days=number) for number in range((last - first).days + 2)]
    midnights = [datetime.combine(day, time(), zone).astimezone(UTC) for day in days]
    cut = [
        (day, max(from_, begin), min(to, end))
        for day, (from_, to) in zip(days, pairwise(midnights), strict=False)
    ]
    return tuple(LocalDay(*each, _utc_days(*each[1:])) for each in cut if each[1] < each[2])


def local_day(day: date, zone: tzinfo) -> LocalDay:
    """Return one day of a time zone."""
    begin, end = (datetime.combine(each, time(), zone).astimezone(UTC) for each in (day, day + DAY))
    return LocalDay(day, begin, end, _utc_days(begin, end))


def cut_day(day: LocalDay, begin: datetime, end: datetime | None) -> LocalDay | None:
    """Return the part of a day that is in a period; None if no part is.

    Args:
        day: The day.
        begin: Start of the period.
        end: End of the period, exclusive; None for no end.
    """
    from_, to = max(day.begin, begin), day.end if end is None else min(day.end, end)
    return LocalDay(day.day, from_, to, _utc_days(from_, to)) if from_ < to else None


def _utc_days(begin: datetime, end: datetime) -> tuple[datetime, ...]:
    first = floor(begin, DAY)
    return tuple(first + number * DAY for number in range((ceiling(end, DAY) - first) // DAY))


def offsets(begin: datetime, end: datetime, zone: tzinfo) -> list[tuple[datetime, timedelta]]:
    """Return the UTC offsets of a time zone, each with the time from which it applies.

    The first one applies at ``begin``, even if the period is empty.
    """
    found: list[tuple[datetime, timedelta]] = []
    day = floor(begin, DAY)
    while day < end or not found:
        is_same = _offset(day, zone) == _offset(day + DAY, zone)
        for number in range(1 if is_same else DAY // FIFTEEN_MINUTES):
            start = day + number * FIFTEEN_MINUTES
            offset = _offset(start, zone)
            if not found or found[-1][1] != offset:
                found.append((start, offset))
        day += DAY
    return found


def _offset(moment: datetime, zone: tzinfo) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()
