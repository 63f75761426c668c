"""Parses times as people write them."""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

from canvas_sync_exporter.schedules.durations import UNITS

__all__ = ["check_period", "parse_moment"]

_AGO: Final = re.compile(rf"(?P<number>\d{{1,6}})(?P<unit>[{''.join(UNITS)}])")
_HELP: Final = "use a time such as 2025-12-22, 2025-12-22T10:15:30Z, or 2h for two hours ago"


def parse_moment(raw: str, now: dt.datetime | None = None, zone: dt.tzinfo = dt.UTC) -> dt.datetime:
    """Parse a date, an RFC 3339 time, or an age such as ``2h``.

    Args:
        raw: The text.
        now: The time relative to which ages count; by default the current time.
        zone: The zone of a date, and of a time that names none.

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
        moment = dt.datetime.fromisoformat(raw)
        return moment.replace(tzinfo=moment.tzinfo or zone).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise ValueError(_HELP) from None


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
