"""The rhythm of syncs that run at certain times of a day: nightly, weekdays at 02:00, Sundays.

A burst is a series of starts that follow each other closely, such as those of 10,000 users in one
night. It counts as one turn of the sync, at the time of its first start. A turn is expected if one
came at that time on the same weekday in each of the last four weeks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Final

from canvas_sync_exporter.schedules.local_time import days_between, local_date

from .rhythm_words import format_clock, group_by_clock, name_days
from .start_history import StartHistory, same_time_on_day

__all__ = ["GRACE", "DailyRhythm", "bursts"]

GRACE: Final = timedelta(minutes=90)
"""How much earlier or later than last week a turn may come: more than a DST change shifts it."""

_DAY: Final = timedelta(days=1)
_WEEKS: Final = 4
_BURST_GAP: Final = timedelta(minutes=30)
_PUNCTUAL: Final = timedelta(minutes=15)
"""A scheduler varies by less than this from one day to the next; a person varies by more."""
_VERY_PUNCTUAL: Final = timedelta(minutes=5)
_PUNCTUAL_SHARE: Final = 2 / 3
_MANY_TURNS: Final = 8
_FEW_TURNS: Final = 4
_EARLY_DAYS: Final = (1, 2, 3)
_NEVER_WEEKEND: Final = (1, 2, 3)
"""Tuesday to Thursday are working days everywhere, so a fourth turn can follow three in a row."""
_LOOK_AHEAD: Final = 6
"""Days: the matching days of last week are already complete."""


def bursts(starts: Sequence[datetime]) -> list[datetime]:
    """Return the first start of each burst: of starts with gaps of 30 minutes at most."""
    first = list(starts[:1])
    return first + [after for before, after in pairwise(starts) if after - before > _BURST_GAP]


@dataclass(frozen=True)
class DailyRhythm:
    """Turns at certain times of the week, as seen in the past.

    Attributes:
        turns: First starts of all bursts.
        now: The current time; later days are assumed to go as usual.
    """

    turns: StartHistory
    now: datetime
    _expected_of_day: dict[date, list[datetime]] = field(default_factory=dict)
    _next_due: dict[datetime, datetime | None] = field(
        default_factory=dict, init=False, compare=False
    )

    def due_between(self, after: datetime, until: datetime) -> Sequence[datetime]:
        """Return the due times in ``(after, until]``, oldest first.

        After a missed turn, no further one is expected until the sync starts again.
        """
        zone = self.turns.zone
        first = local_date(after, zone) - _DAY
        last = min(local_date(until, zone), local_date(self.now, zone) + _LOOK_AHEAD * _DAY) + _DAY
        expected = {each for day in days_between(first, last) for each in self._expected(day)}
        candidates = sorted(each for each in expected if after < each <= until)
        return [each for each in candidates if not self._is_away(each)]

    def next_due(self, after: datetime) -> datetime | None:
        """Return the first due time after ``after`` in the coming week; None if there is none."""
        if after not in self._next_due:
            self._next_due[after] = self._find_next_due(after)
        return self._next_due[after]

    def _find_next_due(self, after: datetime) -> datetime | None:
        day = local_date(after, self.turns.zone) - _DAY
        end = max(after, self.now) + _LOOK_AHEAD * _DAY
        for each in days_between(day, local_date(end, self.turns.zone) + _DAY):
            for due in self._expected(each):
                if due > after and not self._is_away(due):
                    return due
        return None

    def describe(self) -> str:
        """Describe the rhythm in words, such as ``weekdays about 02:00``."""
        zone = self.turns.zone
        first = local_date(self.turns.starts[-1], zone) + _DAY
        week = days_between(first, first + 6 * _DAY)
        due = (each.astimezone(zone) for day in week for each in self._expected(day))
        times: dict[str, list[str]] = {}
        for group in group_by_clock(due, _BURST_GAP):
            clock = format_clock(group[len(group) // 2])
            days = name_days({each.weekday() for each in group})
            times.setdefault(days, []).append(clock)
        return "; ".join(f"{days} about {', '.join(clocks)}" for days, clocks in times.items())

    def _is_away(self, due: datetime) -> bool:
        """Return whether an earlier turn was missed and none has come since."""
        before = self.turns.last_before(due - GRACE)
        if before is None:
            return False
        zone = self.turns.zone
        for day in days_between(local_date(before, zone), local_date(due, zone)):
            for earlier in self._expected(day):
                if before + GRACE < earlier < due:
                    return earlier + GRACE < self.now
        return False

    def _expected(self, day: date) -> list[datetime]:
        """Return when turns are expected on a day, judging only by earlier days."""
        if day not in self._expected_of_day:
            self._expected_of_day[day] = self._find_expected(day)
        return self._expected_of_day[day]

    def _find_expected(self, day: date) -> list[datetime]:
        candidates = (
            same_time_on_day(turn, 7, self.turns.zone)[1]
            for turn in self.turns.of_day(day - 7 * _DAY)
        )
        expected = [due for due in candidates if self._is_expected(due, day)]
        return expected or self._expected_early(day)

    def _is_expected(self, due: datetime, day: date) -> bool:
        weeks = min(self.turns.weeks_before(due + GRACE), _WEEKS)
        return (
            all(self._turn_near(due, -7 * week) for week in range(1, weeks + 1))
            and self._is_punctual(due, weeks)
            and self._came_last_time(due, day)
        )

    def _expected_early(self, day: date) -> list[datetime]:
        """Return the due times in the first week, in which three turns in a row are enough."""
        is_first_week = self.turns.weeks_before(self.turns.start_of(day)) == 0
        if not is_first_week or day.weekday() not in _NEVER_WEEKEND:
            return []
        candidates = (
            same_time_on_day(turn, 1, self.turns.zone)[1] for turn in self.turns.of_day(day - _DAY)
        )
        return [
            due
            for due in candidates
            if all(self._turn_near(due, -back, _VERY_PUNCTUAL) for back in _EARLY_DAYS)
        ]

    def _is_punctual(self, due: datetime, weeks: int) -> bool:
        """Return whether the turns came often and punctually enough to be those of a scheduler."""
        offsets = []
        for days in range(-7 * weeks, 0):
            turn = self._turn_near(due, days)
            if turn is not None:
                offsets.append(turn - due - days * _DAY)
        if len(offsets) < _MANY_TURNS:
            return len(offsets) >= _FEW_TURNS and max(offsets) - min(offsets) <= _VERY_PUNCTUAL
        steps = [abs(after - before) for before, after in pairwise(offsets)]
        return sum(step <= _PUNCTUAL for step in steps) >= _PUNCTUAL_SHARE * len(steps)

    def _came_last_time(self, due: datetime, day: date) -> bool:
        """Return whether the turn came on the last day that should have had one at this time.

        If not, the schedule has changed or the sync was paused; it must run again before it is
        expected.
        """
        today = local_date(self.now, self.turns.zone)
        for back in range(1, 7):
            if day - back * _DAY < today and self._turn_near(due, -back - 7):
                return self._turn_near(due, -back) is not None
        return True

    def _turn_near(self, due: datetime, days: int, tolerance: timedelta = GRACE) -> datetime | None:
        """Return the turn at about the same time, ``days`` days later (negative: earlier)."""
        earliest, latest = same_time_on_day(due, days, self.turns.zone)
        turns = self.turns.between(earliest - tolerance, latest + tolerance)
        return turns[0] if turns else None
