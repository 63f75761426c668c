"""Axes of charts: their ranges and labels."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

__all__ = [
    "TimeAxis",
    "day_label",
    "decades",
    "duration_ticks",
    "seconds_label",
    "spread_labels",
    "ticks",
    "time_axis",
]

_STEPS: Final = (1, 2, 5, 10)
_MINUTES: Final = (1.0, 2.0, 5.0, 10.0, 15.0, 30.0)
_HOURS: Final = (1.0, 2.0, 3.0, 6.0, 12.0, 24.0)
_MOST_TICKS: Final = 4
_ALL: Final = 7  # this many labels have room side by side
_SPREAD: Final = 6
_MOST_DAYS: Final = 1100  # beyond that a clock was wrong
_SMALLEST: Final = 1e-4  # of a logarithmic axis, which has no zero


def ticks(largest: float, *, least: float = 0.0) -> list[float]:
    """Return round values from 0 to the first that is not below ``largest``.

    Args:
        largest: The largest value that is shown, not negative.
        least: The least distance of two ticks; 1 for what is counted.
    """
    rough = max(largest / _MOST_TICKS, least, 1e-9)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * each for each in _STEPS if power * each >= rough * (1 - 1e-9))
    return [step * number for number in range(max(1, math.ceil(largest / step - 1e-9)) + 1)]


def duration_ticks(longest: float) -> list[float]:
    """Return round durations, in seconds, from 0 to the first that is not below ``longest``.

    From two minutes on they are whole minutes, from two hours on whole hours.
    """
    for unit, steps in ((3600, _HOURS), (60, _MINUTES)):
        if longest >= 2 * unit:
            rough = longest / _MOST_TICKS / unit
            long_enough = (each for each in steps if each >= rough * (1 - 1e-9))
            step = next(long_enough, ticks(longest / unit)[1])
            count = max(1, math.ceil(longest / unit / step - 1e-9))
            return [unit * step * number for number in range(count + 1)]
    return ticks(longest)


def decades(smallest: float, largest: float) -> list[float]:
    """Return the powers of ten around a range, in seconds, for a logarithmic axis."""
    smallest = max(smallest, _SMALLEST)
    low = math.floor(math.log10(smallest) + 1e-9)
    high = max(low + 1, math.ceil(math.log10(max(largest, smallest)) - 1e-9))
    return [10.0**power for power in range(low, high + 1)]


def spread_labels(count: int) -> list[int]:
    """Choose which of ``count`` places in a row have a label."""
    if count <= _ALL:
        return list(range(count))
    return [round(place * (count - 1) / (_SPREAD - 1)) for place in range(_SPREAD)]


def seconds_label(seconds: float) -> str:
    """Write a round duration, such as ``50 ms``, ``2 s`` or ``15 min``."""
    if seconds <= 0:
        return "0"
    if seconds < 0.9995:
        return f"{seconds * 1000:.3g} ms"
    for unit, name in ((3600, "h"), (60, "min")):
        if seconds >= 2 * unit and seconds % (unit / 2) == 0:
            return f"{seconds / unit:,g} {name}"
    return f"{seconds:,.4g} s"


def day_label(day: str) -> str:
    """Abbreviate a day or a month: ``Nov 28``, ``Nov 2025``; other texts stay as they are."""
    try:
        moment = dt.date.fromisoformat(day if len(day) > 7 else f"{day}-01")
    except ValueError:
        return day
    return f"{moment:%b} {moment.day}" if len(day) > 7 else f"{moment:%b} {moment.year}"


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """The places of an axis of time.

    Attributes:
        names: The day or month of each place.
        places: Where the rows of the table are, one for each.
    """

    names: Sequence[str]
    places: Sequence[int]

    @property
    def period(self) -> str:
        """From when to when, such as ``2025-11-28 to 2025-12-04``."""
        return f"{self.names[0]} to {self.names[-1]}"


def time_axis(names: Sequence[str]) -> TimeAxis:
    """Make the axis of days or months in order; a day that is missing has its place too.

    Args:
        names: The names of the rows, at least one.
    """
    try:
        days = [dt.date.fromisoformat(name) for name in names]
    except ValueError:  # months, or days that are none
        return TimeAxis(names, range(len(names)))
    span = (days[-1] - days[0]).days + 1
    if span > _MOST_DAYS:
        return TimeAxis(names, range(len(names)))
    every = [(days[0] + dt.timedelta(days=place)).isoformat() for place in range(span)]
    return TimeAxis(every, [(day - days[0]).days for day in days])
