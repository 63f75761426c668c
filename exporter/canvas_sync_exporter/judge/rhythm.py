"""Learns from the starts of past runs when a sync type is expected to run.

A run is expected only if one started at that time in each of the last four weeks (in the first
month: in each week so far). Nothing is expected of a sync that people start by hand, because its
times are too irregular. After a missed run, no further one is expected until the sync starts again.
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
"""Starts this long before the last one are ignored."""
_DAY: Final = timedelta(days=1)
_RECENT: Final = timedelta(days=28)
_SAME_MINUTE: Final = timedelta(seconds=30)
_LEAD: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class LearnedRhythm:
    """When a sync type is expected to run, judging by its past.

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
        starts: When its runs started, oldest first, in UTC. Only those since the day
            that is :data:`HISTORY` before the last one count; starts within half a minute of each
            other may be merged.
        now: The current time.
        zone: The time zone of weekdays and hours.

    Returns:
        The rhythm; None if there is none, or not enough history yet.
    """
    return RhythmLearner(zone).learn("", starts, now)


class RhythmLearner:
    """Learns rhythms incrementally: earlier days are analysed once a day, not on every call.

    Args:
        zone: The time zone of weekdays and hours.
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
        # Whole days count, so that a new start leaves what was learned from earlier days valid.
        first_day = local_date(starts[end - 1] - HISTORY, self._zone)
        known = starts[bisect_left(starts, start_of_day(first_day, self._zone)) : end]
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
    """What was learned from the days before today.

    Attributes:
        key: The day, and which starts were analysed.
        starts: The starts, with those in the same half minute merged.
        frequent: None if the starts are not at regular intervals.
    """

    key: tuple[date, datetime, int, datetime]
    starts: list[datetime]
    frequent: FrequentRhythm | None
    daily: DailyRhythm

    def at(self, today: Sequence[datetime], now: datetime, zone: tzinfo) -> LearnedRhythm | None:
        """Return the rhythm, including today's starts."""
        history = StartHistory(_thinned(self.starts, today), zone)
        if self.frequent is not None:
            frequent = replace(self.frequent, starts=history, now=now)
            if _has_due(frequent, history, now):
                return LearnedRhythm(frequent, frequent.interval.grace, _LEAD)
        turns = StartHistory(self._turns(history.starts), zone)
        daily = replace(self.daily, turns=turns, now=now)
        return LearnedRhythm(daily, GRACE, GRACE) if _has_due(daily, history, now) else None

    def _turns(self, starts: Sequence[datetime]) -> list[datetime]:
        """Return the turns of all starts; those of earlier days are known."""
        if not self.starts:
            return bursts(starts)
        return [*self.daily.turns.starts, *bursts(starts[len(self.starts) - 1 :])[1:]]


def _learn_habits(
    key: tuple[date, datetime, int, datetime],
    known: Sequence[datetime],
    now: datetime,
    zone: tzinfo,
) -> _Habits:
    starts = _thinned([], known)
    history = StartHistory(starts, zone)
    recent = history.between(starts[-1] - _RECENT, now) if starts else ()
    turns = StartHistory(bursts(starts), zone)
    interval = usual_interval(recent)
    frequent = FrequentRhythm(history, interval, now) if interval else None
    return _Habits(key, starts, frequent, DailyRhythm(turns, now))


def _thinned(first: list[datetime], more: Sequence[datetime]) -> list[datetime]:
    starts = list(first)
    for start in more:
        if not starts or start - starts[-1] >= _SAME_MINUTE:
            starts.append(start)
    return starts


def _has_due(schedule: Schedule, history: StartHistory, now: datetime) -> bool:
    """Return whether any run was due recently or will be in the coming week."""
    if schedule.next_due(now) is not None:
        return True
    return bool(schedule.due_between(history.starts[-1] - _DAY, now))
