"""The periods of reports: local days, weeks and months. Pure functions.

A day of a time zone has 23 or 25 hours when the clock changes.

- A daily summary is about the day up to the time at which it is made, so that last night's runs are
  in it. It begins where the previous one ended.
- A weekly report is about the seven days before the day on which it is made.
- A monthly report is about the calendar month before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from canvas_sync_core.names import MessageKind
from canvas_sync_exporter.config_file.reports import ReportSettings
from canvas_sync_exporter.schedules.local_time import at, local_date, start_of_day

__all__ = ["ReportRequest", "newest_report", "report_about"]

_DAY: Final = timedelta(days=1)
_WEEK: Final = timedelta(days=7)
_MOST_DAYS: Final = 70
"""At least two monthly reports are due in this many days."""


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """A report that can be made.

    Attributes:
        kind: One of :data:`~canvas_sync_core.names.REPORT_KINDS`.
        period: Identifies the period: the day of a daily summary, the first day of a week, or a
            month such as ``2026-11``.
        begin: The start of the period, in UTC.
        end: The end of the period, in UTC.
        due: When the report is due; no earlier than the end of the period.
    """

    kind: MessageKind
    period: str
    begin: datetime
    end: datetime
    due: datetime

    @property
    def key(self) -> tuple[MessageKind, str]:
        """The kind and the period; a report is made once for each key."""
        return self.kind, self.period


def newest_report(kind: MessageKind, settings: ReportSettings, now: datetime) -> ReportRequest:
    """Return the last report of a kind that was due."""
    day = local_date(now, settings.zone)
    candidates = (day - number * _DAY for number in range(_MOST_DAYS))
    return next(
        request
        for each in candidates
        if (request := _made_on(kind, settings, each)) is not None and request.due <= now
    )


def report_about(kind: MessageKind, settings: ReportSettings, day: date) -> ReportRequest:
    """Return the report on the day, week or month that contains a date."""
    candidates = _days_from(day if kind is MessageKind.DAILY else day + _DAY)
    return next(
        request for each in candidates if (request := _made_on(kind, settings, each)) is not None
    )


def _days_from(day: date) -> Iterator[date]:
    return (day + number * _DAY for number in range(_MOST_DAYS))


def _made_on(kind: MessageKind, settings: ReportSettings, day: date) -> ReportRequest | None:
    """Return the report of a kind that is made on a day; None if none is."""
    if kind is MessageKind.DAILY:
        return _daily(settings, day)
    if kind is MessageKind.MONTHLY:
        first = (day - _DAY).replace(day=1)
        period = first.strftime("%Y-%m")
        return _request(kind, settings, period, first, day) if day.day == 1 else None
    first = day - _WEEK
    is_due = day.weekday() == settings.weekday
    return _request(kind, settings, first.isoformat(), first, day) if is_due else None


def _request(
    kind: MessageKind, settings: ReportSettings, period: str, first: date, day: date
) -> ReportRequest:
    begin, end = (start_of_day(each, settings.zone) for each in (first, day))
    return ReportRequest(kind, period, begin, end, at(day, settings.at, settings.zone))


def _daily(settings: ReportSettings, day: date) -> ReportRequest | None:
    due = _due_on(settings, day)
    if due is None:
        return None
    before = (_due_on(settings, day - number * _DAY) for number in range(1, _MOST_DAYS))
    begin = next(each for each in before if each is not None)
    return ReportRequest(MessageKind.DAILY, day.isoformat(), begin, due, due)


def _due_on(settings: ReportSettings, day: date) -> datetime | None:
    """Return when the daily summary is due; None if the zone skips the day."""
    due = at(day, settings.at, settings.zone)
    return due if local_date(due, settings.zone) == day else None
