"""Which reports are due. Pure functions."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Final

from canvas_sync_core.names import REPORT_KINDS, MessageKind
from canvas_sync_exporter.config_file.reports import ReportSettings

from .periods import ReportRequest, newest_report

__all__ = ["MADE_UP_FOR", "due_reports"]

MADE_UP_FOR: Final[Mapping[MessageKind, timedelta]] = {
    MessageKind.DAILY: timedelta(hours=4, minutes=30),
    MessageKind.WEEKLY: timedelta(days=2),
    MessageKind.MONTHLY: timedelta(days=4),
    MessageKind.PERFORMANCE: timedelta(days=2),
    MessageKind.FAILURES: timedelta(days=2),
}
"""How long after its due time a missed report is still made: a daily one of 07:30 until noon.

Each is shorter than the time to the next report of its kind, so reports never pile up.
"""


def due_reports(
    now: datetime, settings: ReportSettings, made: Collection[tuple[MessageKind, str]]
) -> tuple[ReportRequest, ...]:
    """Return the reports to make now, in the order in which they were due.

    Args:
        now: The current time.
        settings: Which reports are made, and when.
        made: The keys of the reports that have been made; those of the last week are enough.
    """
    wanted = (kind for kind in REPORT_KINDS if kind in settings.kinds)
    newest = (newest_report(kind, settings, now) for kind in wanted)
    due = (
        each for each in newest if now - each.due < MADE_UP_FOR[each.kind] and each.key not in made
    )
    return tuple(sorted(due, key=lambda each: (each.due, REPORT_KINDS.index(each.kind))))
