"""Which days a report compares.

Like is compared with like. A week is compared with the week before. Months differ in length, so the
first 28 days of a month are compared with the first 28 days of the month before: the same number of
days, with each day of the week four times.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

from sqlalchemy import Engine

from canvas_sync_core.names import MessageKind
from canvas_sync_core.store.rollups.periods import Period
from canvas_sync_exporter.config_file.reports import ReportSettings
from canvas_sync_exporter.messages.formats import Formats
from canvas_sync_exporter.schedules.local_time import local_date, start_of_day

from .periods import ReportRequest
from .reading import first_start

__all__ = ["Comparison", "comparison", "describe_comparison", "read_comparison"]

_DAY: Final = timedelta(days=1)
_WEEK: Final = 7
_COMPARED_DAYS_OF_MONTH: Final = 28


@dataclass(frozen=True, slots=True)
class Comparison:
    """Which days are compared.

    Attributes:
        whole: The whole period of the report.
        compared: The part of it that is compared; all of a week.
        before: The earlier days that it is compared with, as many; empty if there is no run from
            their beginning.
    """

    whole: Period
    compared: Period
    before: Period

    @property
    def has_before(self) -> bool:
        """Whether there is anything to compare with."""
        return self.before.begin < self.before.end


def comparison(request: ReportRequest, settings: ReportSettings) -> Comparison:
    """Return the days that a report compares."""
    first = local_date(request.begin, settings.zone)
    is_month = request.kind is MessageKind.MONTHLY
    days = _COMPARED_DAYS_OF_MONTH if is_month else _WEEK
    earlier = (first - _DAY).replace(day=1) if is_month else first - _WEEK * _DAY
    return Comparison(
        Period(request.begin, request.end),
        _days(first, days, settings),
        _days(earlier, days, settings),
    )


def read_comparison(request: ReportRequest, engine: Engine, settings: ReportSettings) -> Comparison:
    """Return the days that a report compares; runs of only a part of the days are not compared.

    Raises:
        SQLAlchemyError: The database is unreachable.
    """
    found = comparison(request, settings)
    first, begin = first_start(engine), found.before.begin
    is_complete = first is not None and first < begin + _DAY
    return found if is_complete else replace(found, before=Period(begin, begin))


def describe_comparison(request: ReportRequest, days: Comparison, formats: Formats) -> str:
    """Say what the changes in brackets mean."""
    if not days.has_before:
        return "There are no changes: no runs are known for the whole time before."
    before = formats.days(days.before.begin, days.before.end)
    if request.kind is not MessageKind.MONTHLY:
        return f"In brackets: the change against the week before ({before})."
    now = formats.days(days.compared.begin, days.compared.end)
    return (
        f"In brackets: the change of {now} against {before}, which have the same number of days "
        "and each day of the week four times."
    )


def _days(first: date, count: int, settings: ReportSettings) -> Period:
    begin, end = (start_of_day(each, settings.zone) for each in (first, first + count * _DAY))
    return Period(begin, end)
