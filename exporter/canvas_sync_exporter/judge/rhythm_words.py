"""Days of the week and times of day, as a learned rhythm names them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from canvas_sync_exporter.schedules.hours import DAY_NAMES

__all__ = ["format_clock", "group_by_clock", "name_days"]

_STEP: Final = 5
_WORKING_DAYS: Final = frozenset(range(5))


def format_clock(local: datetime) -> str:
    """Format a local time of day, rounded to five minutes."""
    minutes = round((local.hour * 60 + local.minute + local.second / 60) / _STEP) * _STEP
    return f"{datetime(2000, 1, 1) + timedelta(minutes=minutes):%H:%M}"


def group_by_clock(times: Iterable[datetime], apart: timedelta) -> list[list[datetime]]:
    """Group local times by time of day: a group spans less than ``apart``; earliest first."""
    groups: list[list[datetime]] = []
    for local in sorted(times, key=_seconds_of_day):
        if groups and _seconds_of_day(local) - _seconds_of_day(groups[-1][0]) < apart.seconds:
            groups[-1].append(local)
        else:
            groups.append([local])
    return groups


def _seconds_of_day(local: datetime) -> int:
    return local.hour * 3600 + local.minute * 60 + local.second


def name_days(weekdays: Collection[int]) -> str:
    """Name days of the week: ``every day``, ``weekdays``, ``Mon-Thu``, ``Sun``."""
    days = sorted(weekdays)
    if len(days) == len(DAY_NAMES):
        return "every day"
    if set(days) == _WORKING_DAYS:
        return "weekdays"
    if len(days) > 2 and all(after - before == 1 for before, after in pairwise(days)):
        return f"{DAY_NAMES[days[0]]}-{DAY_NAMES[days[-1]]}"
    return ", ".join(DAY_NAMES[day] for day in days)
