"""The parameters ``from``, ``to``, ``days`` and ``tz``, which select a period."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from canvas_sync_core.store.stored_times import EARLIEST, LATEST
from canvas_sync_exporter.logs.time_parsing import check_period, parse_moment

from .parameters import Parameter, whole_number, zone
from .problems import FieldError, ProblemError

__all__ = [
    "DAYS",
    "FROM",
    "TO",
    "TZ",
    "GivenTime",
    "Period",
    "PeriodWithStart",
    "bounds",
    "bounds_with_start",
    "range_of",
    "read_period",
    "read_period_with_start",
]

_VALUES: Final = (
    "A date, a time by RFC 3339, a time of day such as `03:00`, or an age such as `24h`."
)
_DEFAULT_DAYS: Final = 7
_ONE_DAY: Final = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class GivenTime:
    """A valid time, date or age, whose time zone is another parameter."""

    raw: str

    def at(self, now: dt.datetime, tz: dt.tzinfo) -> dt.datetime:
        """Return the time in UTC.

        Raises:
            ValueError: There is no such time in the zone.
        """
        return parse_moment(self.raw, now, tz)


@dataclass(frozen=True, slots=True)
class Period:
    """A period; without a bound on a side that is None.

    Attributes:
        since: Start, inclusive.
        until: End, exclusive.
    """

    since: dt.datetime | None
    until: dt.datetime | None


@dataclass(frozen=True, slots=True)
class PeriodWithStart(Period):
    """A period that always has a start: the given one, or a number of days before its end."""

    since: dt.datetime


def _parse(raw: str) -> GivenTime:
    try:
        parse_moment(raw)
    except ValueError as error:
        if " " not in raw:
            raise
        raise ValueError(f"{error}; in a URL the + of a zone is written %2B") from None
    return GivenTime(raw)


def range_of(began: str) -> tuple[Parameter, Parameter]:
    """Return the parameters ``from`` and ``to`` of a list of things that have a time.

    Args:
        began: What happened to them, such as ``was written``.
    """
    schema = {"type": "string"}
    since = f"Only what {began} then or later. {_VALUES}"
    until = f"Only what {began} before then. {_VALUES}"
    return (
        Parameter("from", False, since, _parse, schema, argument="since"),
        Parameter("to", False, until, _parse, schema, argument="until"),
    )


FROM, TO = range_of("started")
TZ: Final = zone("tz", "IANA name of the time zone of days, and of dates and times without one.")
DAYS: Final = replace(
    whole_number(
        "days", "The last N days, or the N days before `to`.", 1, 3660, default=_DEFAULT_DAYS
    ),
    default=None,
)
"""``days`` and ``from`` exclude each other, so the handler has to know which was given."""


def read_period(since: GivenTime | None, until: GivenTime | None, tz: dt.tzinfo) -> Period:
    """Return the period that a request selects.

    Args:
        since: ``from``.
        until: ``to``.
        tz: ``tz``.

    Raises:
        ProblemError: 422, if the period is empty.
    """
    now = dt.datetime.now(dt.UTC)
    return _checked(_resolve("from", since, now, tz), _resolve("to", until, now, tz))


def read_period_with_start(
    since: GivenTime | None, until: GivenTime | None, tz: dt.tzinfo, days: int | None
) -> PeriodWithStart:
    """Return the period that a request selects; without ``from`` and ``days``, it has seven days.

    Args:
        since: ``from``.
        until: ``to``.
        tz: ``tz``.
        days: ``days``.

    Raises:
        ProblemError: 422, if the period is empty or has two starts.
    """
    if days is not None and since is not None:
        raise _wrong("days", "use either days or from")
    now = dt.datetime.now(dt.UTC)
    start, end = _resolve("from", since, now, tz), _resolve("to", until, now, tz)
    if start is None:
        length = (days or _DEFAULT_DAYS) * _ONE_DAY
        start = max(end or now, EARLIEST + length) - length
    _checked(start, end)
    return PeriodWithStart(start, end)


def bounds(values: Mapping[str, Any]) -> tuple[dt.datetime | None, dt.datetime | None]:
    """Return start and end of a period, from the values of ``FROM``, ``TO`` and ``TZ``."""
    found = read_period(values["since"], values["until"], values["tz"])
    return found.since, found.until


def bounds_with_start(values: Mapping[str, Any]) -> tuple[dt.datetime, dt.datetime | None]:
    """Return the same for a period that always has a start; ``DAYS`` has a value too."""
    found = read_period_with_start(values["since"], values["until"], values["tz"], values["days"])
    return found.since, found.until


def _checked(start: dt.datetime | None, end: dt.datetime | None) -> Period:
    try:
        check_period(start, end, name="from")
    except ValueError as error:
        raise _wrong("to", str(error)) from error
    return Period(start, end)


def _resolve(
    name: str, given: GivenTime | None, now: dt.datetime, tz: dt.tzinfo
) -> dt.datetime | None:
    """Return a given time, within the times that the table can have."""
    try:
        time = None if given is None else given.at(now, tz)
    except ValueError as error:
        raise _wrong(name, str(error)) from error
    return None if time is None else min(max(time, EARLIEST), LATEST)


def _wrong(name: str, detail: str) -> ProblemError:
    return ProblemError(422, f"The parameter is wrong: {name}.", errors=[FieldError(name, detail)])
