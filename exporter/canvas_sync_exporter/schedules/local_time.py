"""Times of a zone's clock as times in UTC, on the two odd nights of a year as well."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo

__all__ = ["at", "days_between", "local_date", "shift_days", "start_of_day"]

_DAY = timedelta(days=1)


def at(day: date, clock: time, zone: tzinfo) -> datetime:
    """Return when a zone's clock shows a time of day.

    A time that occurs twice is the first one. A time that is skipped is as long after the change
    as it would have been after the hour before it: 02:30 is 03:30 when 02:00 to 03:00 is skipped.
    """
    return datetime.combine(day, clock, zone).astimezone(UTC)


def local_date(time_: datetime, zone: tzinfo) -> date:
    """Return the date that a zone's calendar shows at a time."""
    return time_.astimezone(zone).date()


def start_of_day(day: date, zone: tzinfo) -> datetime:
    """Return when a day begins."""
    return at(day, time(), zone)


def shift_days(time_: datetime, days: int, zone: tzinfo) -> datetime:
    """Return when the clock shows the same time of day, so many days later."""
    local = time_.astimezone(zone)
    return (local + days * _DAY).astimezone(UTC)


def days_between(first: date, last: date) -> list[date]:
    """Return all dates from the first to the last, both included."""
    return [first + count * _DAY for count in range((last - first).days + 1)]
