"""Converts local times to UTC, including on nights when the clock changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo

__all__ = ["at", "days_between", "local_date", "shift_days", "start_of_day"]

_DAY = timedelta(days=1)


def at(day: date, clock: time, zone: tzinfo) -> datetime:
    """Return when a time of day occurs on a day in a zone, in UTC.

    Of a time that occurs twice, this is the first. A skipped time is moved forward by the length of
    the gap: 02:30 is 03:30 when 02:00 to 03:00 is skipped.
    """
    return datetime.combine(day, clock, zone).astimezone(UTC)


def local_date(time_: datetime, zone: tzinfo) -> date:
    """Return the local date in a zone at a time."""
    return time_.astimezone(zone).date()


def start_of_day(day: date, zone: tzinfo) -> datetime:
    """Return when a day begins."""
    return at(day, time(), zone)


def shift_days(time_: datetime, days: int, zone: tzinfo) -> datetime:
    """Return the same local time of day, ``days`` days later."""
    local = time_.astimezone(zone)
    return (local + days * _DAY).astimezone(UTC)


def days_between(first: date, last: date) -> list[date]:
    """Return all dates from the first to the last, both included."""
    return [first + count * _DAY for count in range((last - first).days + 1)]
