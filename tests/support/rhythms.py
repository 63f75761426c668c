"""Starts of syncs over a year, and which runs a learner expected in vain."""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from canvas_sync_exporter.judge.rhythm import HISTORY, RhythmLearner
from canvas_sync_exporter.schedules.cron import parse_cron

__all__ = ["BEGIN", "BERLIN", "DAY", "Watched", "cron_starts", "watch", "without"]

BERLIN = ZoneInfo("Europe/Berlin")
BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
"""A Monday."""
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Watched:
    """What was seen day by day.

    Attributes:
        expected: How many runs were expected.
        unmet: What was due and did not run.
        first_expected: When the first expected run was due; None when none ever was.
    """

    expected: int
    unmet: list[datetime]
    first_expected: datetime | None


def cron_starts(
    expression: str,
    days: int,
    *,
    zone: ZoneInfo = BERLIN,
    late: float = 5.0,
    begin: datetime = BEGIN,
) -> list[datetime]:
    """Starts of a cron job, each up to so many seconds late."""
    chance = random.Random(expression)
    due = _due(expression, days, zone, begin)
    return [each + timedelta(seconds=chance.uniform(0, late)) for each in due]


@cache
def _due(expression: str, days: int, zone: ZoneInfo, begin: datetime) -> Sequence[datetime]:
    return parse_cron(expression, zone).due_between(begin, begin + days * DAY)


def without(starts: Iterable[datetime], first: datetime, last: datetime) -> list[datetime]:
    """All starts but those from the first to the last time."""
    return [start for start in starts if not first <= start < last]


def watch(starts: Sequence[datetime], days: int, zone: ZoneInfo = BERLIN) -> Watched:
    """Learn again at the end of each day, and check that what was due that day has run."""
    learner = RhythmLearner(zone)
    due: list[datetime] = []
    unmet: list[datetime] = []
    for number in range(days):
        morning = BEGIN + number * DAY
        now = morning + DAY + timedelta(hours=4)
        end = bisect_right(starts, now)
        known = starts[bisect_left(starts, now - HISTORY - 60 * DAY) : end]
        rhythm = learner.learn("full", known, now)
        if rhythm is None:
            continue
        for each in rhythm.schedule.due_between(morning, morning + DAY):
            due.append(each)
            index = bisect_left(starts, each - rhythm.lead)
            if index == len(starts) or starts[index] > each + rhythm.grace:
                unmet.append(each)
    return Watched(len(due), unmet, due[0] if due else None)
