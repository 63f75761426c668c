"""Hours of the week, such as ``Mon-Fri 07:00-19:00, Sat 09:00-12:00``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Final

from .local_time import at, local_date

__all__ = ["DAY_NAMES", "DailyWindow", "WeeklyHours", "Window", "parse_hours"]

DAY_NAMES: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
Window = tuple[datetime, datetime]
"""Opening and closing time, in UTC."""

_DAY: Final = timedelta(days=1)
_MINUTES_OF_DAY: Final = 24 * 60
_MINUTES_OF_WEEK: Final = 7 * _MINUTES_OF_DAY
_HINT: Final = 'write days and times such as "Mon-Fri 07:00-19:00, Sat 09:00-12:00"'
_PART: Final = re.compile(
    r"(?:(?P<days>[A-Za-z][A-Za-z, -]*?)\s+)?(?P<start>\d\d?:\d\d)\s*-\s*(?P<end>\d\d?:\d\d)"
)
_SEPARATOR: Final = re.compile(r"(?<=:\d\d)\s*[,;]\s*")


@dataclass(frozen=True, slots=True)
class DailyWindow:
    """A window that opens on some weekdays, in minutes from midnight.

    Attributes:
        weekdays: The days on which it opens; Monday is 0.
        end: More than 1440 if it closes on the next day.
    """

    weekdays: frozenset[int]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class WeeklyHours:
    """Hours of the week, created by :func:`parse_hours`; never the whole week.

    Attributes:
        text: The hours as the user wrote them.
    """

    text: str
    windows: tuple[DailyWindow, ...]

    def from_time(self, start: datetime, zone: tzinfo) -> Iterator[Window]:
        """Yield the windows that close after a time, endlessly; adjacent windows are merged."""
        day = local_date(start, zone) - 8 * _DAY  # the current window may be days long
        current: Window | None = None
        while True:
            for opening, closing in self._of_day(day, zone):
                if current is not None and opening <= current[1]:
                    current = current[0], max(current[1], closing)
                    continue
                if current is not None and current[1] > start:
                    yield current
                current = opening, closing
            day += _DAY

    def covers(self, time_: datetime, zone: tzinfo) -> bool:
        """Return whether a time is in one of the windows."""
        opening, _ = next(self.from_time(time_, zone))
        return opening <= time_

    def shortest(self) -> timedelta:
        """Return the length of the shortest window."""
        return timedelta(minutes=min(each.end - each.start for each in self.windows))

    def _of_day(self, day: date, zone: tzinfo) -> list[Window]:
        return sorted(
            (_local_minute(day, each.start, zone), _local_minute(day, each.end, zone))
            for each in self.windows
            if day.weekday() in each.weekdays
        )


def parse_hours(text: str, *, instead: str = "leave `hours` out") -> WeeklyHours:
    """Read hours of the week.

    Each window consists of days and two times. Without days it applies to every day. An end that
    is not after the start is on the next day. ``24:00`` is midnight at the end of the day.

    Args:
        text: The hours.
        instead: What to do instead of writing the whole week.

    Raises:
        ValueError: The text is invalid or covers the whole week; the message says what to write.
    """
    windows = tuple(_window(part) for part in _SEPARATOR.split(text.strip().rstrip(",;")))
    hours = WeeklyHours(text, windows)
    if len(_open_minutes(hours)) == _MINUTES_OF_WEEK:
        raise ValueError(f"this is the whole week; {instead}")
    return hours


def _window(text: str) -> DailyWindow:
    match = _PART.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a window; {_HINT}")
    start, end = _minute(match["start"]), _minute(match["end"])
    if start == _MINUTES_OF_DAY:
        raise ValueError("24:00 can only be an end; write 00:00 of the next day")
    return DailyWindow(
        _weekdays(match["days"] or "Mon-Sun"), start, end if end > start else end + _MINUTES_OF_DAY
    )


def _minute(text: str) -> int:
    hour, minute = map(int, text.split(":"))
    if minute > 59 or hour * 60 + minute > _MINUTES_OF_DAY:
        raise ValueError(f"{text} is not a time of day; {_HINT}")
    return hour * 60 + minute


def _weekdays(text: str) -> frozenset[int]:
    weekdays: set[int] = set()
    for word in text.split(","):
        first, dash, last = (part.strip() for part in word.partition("-"))
        start = _weekday(first)
        end = _weekday(last) if dash else start
        weekdays.update((start + count) % 7 for count in range((end - start) % 7 + 1))
    return frozenset(weekdays)


def _weekday(name: str) -> int:
    short = name[:3].title()
    full = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    if short not in DAY_NAMES or not full[DAY_NAMES.index(short)].startswith(name.lower()):
        raise ValueError(f"{name!r} is not a day; write {', '.join(DAY_NAMES)}")
    return DAY_NAMES.index(short)


def _open_minutes(hours: WeeklyHours) -> set[int]:
    return {
        (weekday * _MINUTES_OF_DAY + minute) % _MINUTES_OF_WEEK
        for each in hours.windows
        for weekday in each.weekdays
        for minute in range(each.start, each.end)
    }


def _local_minute(day: date, minute: int, zone: tzinfo) -> datetime:
    days, rest = divmod(minute, _MINUTES_OF_DAY)
    return at(day + days * _DAY, time(rest // 60, rest % 60), zone)
