"""The range of time of a page, from its query string."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

from canvas_sync_exporter.logs.time_parsing import parse_moment
from canvas_sync_exporter.web.problems import FieldError, ProblemError

__all__ = ["PRESETS", "Period", "read_period"]

PRESETS: Final = {
    "1h": "last hour",
    "24h": "last 24 hours",
    "7d": "last 7 days",
    "30d": "last 30 days",
    "90d": "last 90 days",
    "365d": "last year",
}
"""Ranges of time that the pages offer: the value of ``from`` and its name."""
_FIRST: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_LAST: Final = dt.datetime(2200, 1, 1, tzinfo=dt.UTC)
"""Times beyond these mean these: a range of the same length before and after has dates, too."""


@dataclass(frozen=True, slots=True)
class Period:
    """A range of time.

    Attributes:
        since: Start, inclusive, in UTC.
        until: End, exclusive, in UTC; that of the current minute if the range ends now.
        preset: The preset that it is; empty for another range.
        is_open: Whether it ends now.
    """

    since: dt.datetime
    until: dt.datetime
    preset: str
    is_open: bool


def read_period(since: str, until: str, now: dt.datetime, zone: dt.tzinfo) -> Period:
    """Read a range of time; ``until`` may be empty for now.

    Args:
        since: A date, a time or an age.
        until: The same.
        now: The time relative to which ages count.
        zone: The zone of dates and times without one.

    Raises:
        ProblemError: 422, if one is wrong or the range is empty.
    """
    start = _moment("from", since, now, zone)
    end = _moment("to", until, now, zone) if until else now
    if start >= end:
        wrong = FieldError("to", "use a later time than that of from")
        raise ProblemError(422, "The range of time is empty.", errors=[wrong])
    if not until:  # whole minutes, so that an unchanged page has the same `ETag` for a while
        start, end = _minute(start), _minute(end) + dt.timedelta(minutes=1)
    return Period(start, end, "" if until or since not in PRESETS else since, is_open=not until)


def _minute(moment: dt.datetime) -> dt.datetime:
    return moment.replace(second=0, microsecond=0)


def _moment(name: str, raw: str, now: dt.datetime, zone: dt.tzinfo) -> dt.datetime:
    try:
        return min(max(parse_moment(raw, now, zone), _FIRST), _LAST)
    except ValueError as error:
        wrong = FieldError(name, str(error))
        raise ProblemError(422, f"{name}: {error}.", errors=[wrong]) from error
