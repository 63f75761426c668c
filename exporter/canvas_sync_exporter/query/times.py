"""Times as callers may give them."""

from __future__ import annotations

import datetime as dt
from typing import Final

from canvas_sync_core.settings import time_zone
from canvas_sync_core.store.stored_times import EARLIEST, LATEST
from canvas_sync_exporter.logs.time_parsing import check_period, parse_moment

__all__ = ["Time", "Zone", "as_zone", "bounds", "bounds_with_start"]

Time = dt.datetime | dt.date | dt.timedelta | str
"""A time, a date, an age, or a text with one of these."""
Zone = dt.tzinfo | str
"""A time zone, or its name in the IANA database."""

_DEFAULT_AGE: Final = dt.timedelta(days=7)


def as_zone(tz: Zone) -> dt.tzinfo:
    """Return a time zone.

    Raises:
        ValueError: There is none with that name.
    """
    return time_zone(tz) if isinstance(tz, str) else tz


def bounds(
    since: Time | None, until: Time | None, tz: Zone
) -> tuple[dt.datetime | None, dt.datetime | None]:
    """Return start and end of a period in UTC; None where there is no bound.

    Raises:
        ValueError: One of them is invalid, or the period is empty.
    """
    now, zone = dt.datetime.now(dt.UTC), as_zone(tz)
    start = None if since is None else _in_utc(since, now, zone)
    end = None if until is None else _in_utc(until, now, zone)
    check_period(start, end)
    return start, end


def bounds_with_start(
    since: Time | None, until: Time | None, tz: Zone
) -> tuple[dt.datetime, dt.datetime | None]:
    """Return start and end of a period in UTC that, without a start, has seven days.

    Raises:
        ValueError: One of them is invalid, or the period is empty.
    """
    start, end = bounds(since, until, tz)
    if start is None:
        start = max(end or dt.datetime.now(dt.UTC), EARLIEST + _DEFAULT_AGE) - _DEFAULT_AGE
    return start, end


def _in_utc(given: Time, now: dt.datetime, zone: dt.tzinfo) -> dt.datetime:
    if isinstance(given, str):
        time = parse_moment(given, now, zone)
    elif isinstance(given, dt.timedelta):
        time = now - given
    elif isinstance(given, dt.datetime):
        time = given if given.tzinfo else given.replace(tzinfo=zone)
    else:
        time = dt.datetime.combine(given, dt.time(), zone)
    try:
        return min(max(time.astimezone(dt.UTC), EARLIEST), LATEST)
    except OverflowError:
        raise ValueError("use a time in the years 1 to 9999") from None
