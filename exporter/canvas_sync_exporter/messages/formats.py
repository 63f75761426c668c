"""Numbers, dates and times of messages, in the reader's locale and time zone."""

from __future__ import annotations

import datetime as dt
from typing import Final

from babel import Locale
from babel.dates import format_interval, format_skeleton, format_time
from babel.numbers import format_decimal, format_percent

from canvas_sync_core.wording import plural
from canvas_sync_exporter.formatting import format_seconds

__all__ = ["UNKNOWN", "Formats"]

UNKNOWN: Final = "-"
_UNITS: Final = (("d", 86_400), ("h", 3_600), ("min", 60))
_FEWEST_OF_A_UNIT: Final = 2
_DAY: Final = dt.timedelta(days=1)


class Formats:
    """Formats figures for one reader.

    Args:
        locale: The language, and perhaps the country, such as ``de_DE``.
        zone: The time zone in which all times are written.
    """

    def __init__(self, locale: str, zone: dt.tzinfo) -> None:
        self._locale = Locale.parse(locale)
        self.zone = zone
        whole, _, sign = self._locale.percent_formats[None].pattern.rpartition("0")
        self._percents = f"{whole}0.0{sign}"

    def number(self, value: float) -> str:
        """Format a number with at most one decimal place, such as ``1,234``."""
        return format_decimal(round(value, 1), "#,##0.#", locale=self._locale)

    def counted(self, number: int, noun: str) -> str:
        """Format a count with its noun, such as ``1,234 runs``."""
        return f"{self.number(number)} {plural(number, noun)}"

    def percent(self, share: float | None) -> str:
        """Format a share from 0 to 1, such as ``98.5%``.

        Only a share of exactly 1 is written as 100 %, and only exactly 0 as 0 %.
        """
        if share is None:
            return UNKNOWN
        if share in (0, 1):
            return format_percent(share, locale=self._locale)
        return format_percent(min(max(share, 0.001), 0.999), self._percents, locale=self._locale)

    def seconds(self, seconds: float | None) -> str:
        """Format a measured duration, such as ``8.4 s`` or ``3 min 05 s``."""
        text = format_seconds(seconds)
        number, space, unit = text.partition(" ")
        if "." not in number:
            return text
        return f"{format_decimal(float(number), '0.0', locale=self._locale)}{space}{unit}"

    def rough_length(self, length: dt.timedelta) -> str:
        """Format a length of time in its largest unit, such as ``34 min``."""
        seconds = max(int(length.total_seconds()), 0)
        for unit, size in _UNITS:
            if seconds >= _FEWEST_OF_A_UNIT * size or (unit == "min" and seconds >= size):
                return f"{self.number(seconds // size)} {unit}"
        return f"{seconds} s"

    def change(self, now: float | None, before: float | None, *, noise: float = 0.0) -> str:
        """Format a relative change, such as ``+8%``; a dash if it cannot be computed.

        Args:
            now: The new value.
            before: The old value.
            noise: Smaller changes are written as none.
        """
        if now is None or not before:
            return UNKNOWN
        change = round(now / before - 1, 2)
        if not change or abs(change) < noise:
            return "±0%"
        if abs(change) >= 10:
            return f"{self.number(now / before)} times"
        return f"{'+' if change > 0 else ''}{format_percent(change, '#,##0%', locale=self._locale)}"

    def points(self, now: float | None, before: float | None) -> str:
        """Format the difference of two shares in percentage points, such as ``-1.5``."""
        if now is None or before is None:
            return UNKNOWN
        difference = round((now - before) * 100, 1)
        sign = "+" if difference > 0 else ""
        return f"{sign}{self.number(difference)}" if difference else "±0"

    def date(self, day: dt.date) -> str:
        """Format a date, such as ``Sun, 29 Nov 2026``."""
        return format_skeleton("yMMMEd", _noon(day), locale=self._locale)

    def weekday(self, day: dt.date) -> str:
        """Format a date of a known year, such as ``Sun 29 Nov``."""
        return format_skeleton("MMMEd", _noon(day), locale=self._locale)

    def month(self, day: dt.date) -> str:
        """Format a month, such as ``November 2026``."""
        return format_skeleton("yMMMM", _noon(day), locale=self._locale)

    def days(self, begin: dt.datetime, end: dt.datetime) -> str:
        """Format the local days of a period, such as ``23-29 Nov 2026``.

        Args:
            begin: The start of the first day.
            end: The end of the last day, which is the start of the next one.
        """
        first, last = (self.local(each).date() for each in (begin, end - dt.timedelta(seconds=1)))
        if first == last:
            return self.date(first)
        return format_interval(first, last, "yMMMd", locale=self._locale)

    def clock(self, time: dt.datetime) -> str:
        """Format a time of day, such as ``07:30``."""
        return format_time(self.local(time), "short", tzinfo=self.zone, locale=self._locale)

    def moment(self, time: dt.datetime) -> str:
        """Format a time with its day, such as ``Sun 29 Nov, 07:30``."""
        return f"{self.weekday(self.local(time).date())}, {self.clock(time)}"

    def brief_time(self, time: dt.datetime, now: dt.datetime) -> str:
        """Format a time; the day is left out if it is today's."""
        is_today = self.local(time).date() == self.local(now).date()
        return self.clock(time) if is_today else self.moment(time)

    def zone_name(self, *times: dt.datetime) -> str:
        """Name the time zone with its offset at some times: ``Europe/Berlin (UTC+01:00)``."""
        name = str(self.zone)
        offsets = dict.fromkeys(f"UTC{_offset(self.local(time))}" for time in times)
        return name if name == "UTC" else f"{name} ({', later '.join(offsets)})"

    def local(self, time: dt.datetime) -> dt.datetime:
        """Convert a time to the time zone."""
        return time.astimezone(self.zone)


def _noon(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(12))


def _offset(local: dt.datetime) -> str:
    """Return the UTC offset, such as ``+01:00``; ``%:z`` needs Python 3.12."""
    return local.isoformat()[-6:]
