"""Learns from the starts of past runs when a sync type is expected to run.

Nothing is expected that was not so in each of the last four weeks (in the first month: in each week
so far), and nothing of a sync that people start by hand: its times are too irregular. When a sync
does not come, its first missed run alone is expected; the others are not until it starts again.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, tzinfo
from typing import Final

from canvas_sync_exporter.schedules.local_time import local_date, start_of_day
from canvas_sync_exporter.schedules.schedule import Schedule

from .daily_rhythm import GRACE, DailyRhythm, bursts
from .frequent_rhythm import FrequentRhythm, usual_interval
from .start_history import StartHistory

__all__ = ["HISTORY", "LearnedRhythm", "RhythmLearner", "learn"]

HISTORY: Final = timedelta(days=42)
"""What was so long before the last start says nothing."""
_DAY: Final = timedelta(days=1)
_RECENT: Final = timedelta(days=28)
_SAME_MINUTE: Final = timedelta(seconds=30)
_LEAD: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class LearnedRhythm:
    """When a sync type is expected, going by its past.

    Attributes:
        schedule: When runs are due.
        grace: How much later they may start.
        lead: How much earlier they may start.
    """

    schedule: Schedule
    grace: timedelta
    lead: timedelta


def learn(starts: Sequence[datetime], now: datetime, zone: tzinfo) -> LearnedRhythm | None:
    """Learn the rhythm of a sync type.

    Args:
        starts: When its runs have started, oldest first, in UTC; those within :data:`HISTORY`
            before the last one count, and of several within half a minute the first is enough.
        now: The time.
        zone: On whose clock the days of the week and the hours are.

    Returns:
        The rhythm; None when there is none, or none yet.
    """
    return RhythmLearner(zone).learn("", starts, now)


class RhythmLearner:
    """Learns rhythms again and again, and does the work of each day once.

    Args:
        zone: On whose clock the days of the week and the hours are.
    """

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._habits: dict[str, _Habits] = {}

    def learn(
        self, sync_type: str, starts: Sequence[datetime], now: datetime
    ) -> LearnedRhythm | None:
        """Learn the rhythm of a sync type; arguments and result as for :func:`learn`."""
        end = bisect_right(starts, now)
        if not end:
            return None
        known = starts[bisect_left(starts, starts[end - 1] - HISTORY) : end]
        today = local_date(now, self._zone)
        midnight = start_of_day(today, self._zone)
        before = bisect_left(known, midnight)
        key = (today, known[0], before, known[before - 1])
        habits = self._habits.get(sync_type)
        if habits is None or habits.key != key:
            habits = _learn_habits(key, known[:before], now, self._zone)
            self._habits[sync_type] = habits
        return habits.at(known[before:], now, self._zone)


@dataclass(frozen=True, slots=True)
class _Habits:
    """What the days before today say.

    Attributes:
        key: The day, and which starts were looked at.
        starts: Thinned out.
        frequent: None when the starts do not come at regular intervals.
    """

    key: tuple[date, datetime, int, datetime]
    starts: list[datetime]
    frequent: FrequentRhythm | None
    daily: DailyRhythm

    def at(self, today: Sequence[datetime], now: datetime, zone: tzinfo) -> LearnedRhythm | None:
        """Return the rhythm with the starts of today."""
        history = StartHistory(_thinned(self.starts, today), zone)
        if self.frequent is not None:
            frequent = replace(self.frequent, starts=history, now=now)
            if _has_due(frequent, history, now):
                return LearnedRhythm(frequent, frequent.interval.grace, _LEAD)
        turns = StartHistory(bursts(history.starts), zone)
        daily = replace(self.daily, turns=turns, now=now)
        return LearnedRhythm(daily, GRACE, GRACE) if _has_due(daily, history, now) else None


def _learn_habits(
    key: tuple[date, datetime, int, datetime],
    known: Sequence[datetime],
    now: datetime,
    zone: tzinfo,
) -> _Habits:
    starts = _thinned([], known)
    history = StartHistory(starts, zone)
    recent = history.between(starts[-1] - _RECENT, now) if starts else ()
    interval = usual_interval(recent)
    frequent = FrequentRhythm(history, interval, now) if interval else None
    return _Habits(key, starts, frequent, DailyRhythm(history, now))


def _thinned(first: list[datetime], more: Sequence[datetime]) -> list[datetime]:
    found = list(first)
    for start in more:
        if not found or start - found[-1] >= _SAME_MINUTE:
            found.append(start)
    return found


def _has_due(schedule: Schedule, history: StartHistory, now: datetime) -> bool:
    """Return whether anything was due lately, or will be in the coming week."""
    if schedule.next_due(now) is not None:
        return True
    return bool(schedule.due_between(history.starts[-1] - _DAY, now))
