"""Parses times as people write them."""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

from canvas_sync_exporter.schedules.durations import UNITS

__all__ = ["check_period", "parse_moment"]

_AGO: Final = re.compile(rf"(?P<number>\d{{1,6}})(?P<unit>[{''.join(UNITS)}])")
_CLOCK: Final = re.compile(r"\d{2}:\d{2}(:\d{2})?")
_DAY: Final = dt.timedelta(days=1)
_HELP: Final = "use a time such as 2025-12-22, 2025-12-22T10:15:30Z, 03:00, or 2h for two hours ago"


def parse_moment(raw: str, now: dt.datetime | None = None, zone: dt.tzinfo = dt.UTC) -> dt.datetime:
    """Parse a date, an RFC 3339 time, a time of day such as ``03:00``, or an age such as ``2h``.

    A time of day is the last one that has passed, of today or yesterday.

    Args:
        raw: The text.
        now: The time relative to which ages count; by default the current time.
        zone: The zone of a date, of a time of day, and of a time that names none.

    Raises:
        ValueError: It is invalid; the message says what to write.
    """
    if age := _AGO.fullmatch(raw):
        length = dt.timedelta(**{UNITS[age["unit"]]: int(age["number"])})
        try:
            return (now or dt.datetime.now(dt.UTC)) - length
        except OverflowError:
            raise ValueError(_HELP) from None
    try:
        if _CLOCK.fullmatch(raw):
            return _last(dt.time.fromisoformat(raw), now or dt.datetime.now(dt.UTC), zone)
        moment = dt.datetime.fromisoformat(raw)
        return moment.replace(tzinfo=moment.tzinfo or zone).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise ValueError(_HELP) from None


def _last(clock: dt.time, now: dt.datetime, zone: dt.tzinfo) -> dt.datetime:
    """Return when clocks last showed a time of day."""
    today = now.astimezone(zone).date()
    moment = dt.datetime.combine(today, clock, zone)
    if moment > now:
        moment = dt.datetime.combine(today - _DAY, clock, zone)
    return moment.astimezone(dt.UTC)


def check_period(
    since: dt.datetime | None, until: dt.datetime | None, *, name: str = "since"
) -> None:
    """Check that the period from ``since`` to ``until`` is not empty.

    Args:
        since: Start, inclusive; None for no bound.
        until: End, exclusive; None for no bound.
        name: What the start is called in the message.

    Raises:
        ValueError: It is empty; the message says what ``until`` must be.
    """
    if since is not None and until is not None and since >= until:
        raise ValueError(f"use a later time than that of {name}, {since:%Y-%m-%dT%H:%M:%SZ}")
