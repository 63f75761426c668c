"""The rhythm of syncs that run many times a day: every 15 minutes, weekdays 07:00 to 19:00.

A session is a series of starts at the usual interval. A run is expected within the hours that were
part of a session on the same weekday in each of the last four weeks.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Final

from canvas_sync_exporter.schedules.durations import describe_duration
from canvas_sync_exporter.schedules.local_time import days_between, local_date

from .rhythm_words import format_clock, name_days
from .start_history import StartHistory, same_time_on_day
from .time_ranges import TimeRange, intersection, subtraction, union

__all__ = ["FrequentRhythm", "Interval", "usual_interval"]

_DAY: Final = timedelta(days=1)
_MINUTE: Final = timedelta(minutes=1)
_WEEKS: Final = 4
_SHORTEST: Final = timedelta(minutes=2)
_LONGEST: Final = timedelta(hours=2)
_FEWEST_STARTS: Final = 12
_REGULAR_SHARE: Final = 0.7
"""The other gaps are nights, weekends and late runs. Back-to-back runs of users vary more."""
_REGULAR: Final = 0.2
_LATE: Final = 1.6
_SKIPPED: Final = 4.2
_MARGIN: Final = 1.2
_LEAST_GRACE: Final = timedelta(minutes=5)
_SHORTEST_SESSION: Final = timedelta(hours=2)
_RECENT_GAPS: Final = 3
_LOOK_AHEAD: Final = 6
"""Days: the matching days of last week are already complete."""


@dataclass(frozen=True, slots=True)
class Interval:
    """How far apart the starts of a session are.

    Attributes:
        usual: The median gap.
        longest: Starts that are further apart belong to different sessions.
    """

    usual: timedelta
    longest: timedelta

    @property
    def grace(self) -> timedelta:
        """How much later than usual a run may start."""
        return max(self.longest - self.usual, _LEAST_GRACE)


def usual_interval(starts: Sequence[datetime]) -> Interval | None:
    """Return the interval between starts, or None if they are not regular.

    A gap of several intervals is normal too if it occurred more than once: a run that takes too
    long may make the scheduler skip the next one.
    """
    gaps = sorted(after - before for before, after in pairwise(starts))
    if len(gaps) < _FEWEST_STARTS:
        return None
    usual = gaps[len(gaps) // 2]
    if not _SHORTEST <= usual <= _LONGEST:
        return None
    tolerance = max(_REGULAR * usual, _MINUTE)
    regular = sum(abs(gap - usual) <= tolerance for gap in gaps)
    if regular < _REGULAR_SHARE * len(gaps):
        return None
    skips = [gap for gap in gaps if _LATE * usual < gap <= _SKIPPED * usual]
    longest = _MARGIN * skips[-1] if len(skips) > 1 else _LATE * usual
    return Interval(usual, longest)


@dataclass(frozen=True)
class FrequentRhythm:
    """Sessions at certain hours of the week, as seen in the past.

    Attributes:
        starts: All starts.
        interval: How far apart they are.
        now: The current time; later days are assumed to go as usual.
    """

    starts: StartHistory
    interval: Interval
    now: datetime
    _hours_of_day: dict[date, list[TimeRange]] = field(default_factory=dict)
    _sessions_of_day: dict[date, list[TimeRange]] = field(default_factory=dict)
    _next_due: dict[datetime, datetime | None] = field(
        default_factory=dict, init=False, compare=False
    )

    def due_between(self, after: datetime, until: datetime) -> Sequence[datetime]:
        """Return the due times in ``(after, until]``, oldest first.

        After a missed run, no further one is expected until the sync starts again.
        """
        candidates = self._due_after(after, until)
        return [due for due in candidates if due <= until and not self._is_away(due)]

    def next_due(self, after: datetime) -> datetime | None:
        """Return the first due time after ``after`` in the coming week; None if there is none."""
        if after not in self._next_due:
            self._next_due[after] = self._find_next_due(after)
        return self._next_due[after]

    def _find_next_due(self, after: datetime) -> datetime | None:
        for due in self._due_after(after, max(after, self.now) + _LOOK_AHEAD * _DAY):
            if not self._is_away(due):
                return due
            if due > self.starts.starts[-1]:  # so are all later ones, until the next start
                return None
        return None

    def describe(self) -> str:
        """Describe the rhythm in words, such as ``every 15 minutes, weekdays 07:00-19:00``."""
        every = f"every {describe_duration(_rounded(self.interval.usual))}"
        zone = self.starts.zone
        first = local_date(self.starts.starts[-1], zone)
        hours: dict[str, set[int]] = {}
        for day in days_between(first, first + 6 * _DAY):
            for opening, closing in self._hours(day):
                end = min(closing + self.interval.usual, self.starts.end_of(day))
                clocks = (format_clock(each.astimezone(zone)) for each in (opening, end))
                hours.setdefault("-".join(clocks), set()).add(day.weekday())
        words = [f"{name_days(days)} {clocks}" for clocks, days in sorted(hours.items())]
        return ", ".join((every, *words)).removesuffix(", every day 00:00-00:00")

    def _due_after(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Yield the due times after a time, as if no run had been missed."""
        zone = self.starts.zone
        first, last = local_date(after, zone), local_date(until, zone)
        last = min(last, local_date(self.now, zone) + _LOOK_AHEAD * _DAY)
        for day in days_between(first, last):
            for opening, closing in self._hours(day):
                for due in self._due_within(opening, closing, after):
                    if due > after:
                        yield due

    def _due_within(
        self, opening: datetime, closing: datetime, after: datetime
    ) -> Iterator[datetime]:
        """Yield the due times between opening and closing, counted from each start in between.

        Those that the last start up to ``after`` made obsolete are left out.
        """
        anchors = [opening, *self.starts.between(opening, closing)]
        del anchors[: max(0, bisect_right(anchors, after) - 1)]
        for anchor, following in zip(anchors, (*anchors[1:], closing), strict=True):
            due = anchor + self._expected_gap(anchor)
            while due < following:
                yield due
                due += self.interval.usual

    def _expected_gap(self, anchor: datetime) -> timedelta:
        """Return how long after a start the next one is due; longer if recent gaps were longer."""
        gaps = self.starts.gaps_before(anchor, _RECENT_GAPS)
        longest = max((gap for gap in gaps if gap <= 2 * _LONGEST), default=self.interval.usual)
        return max(self.interval.usual, _MARGIN * longest - self.interval.grace)

    def _is_away(self, due: datetime) -> bool:
        """Return whether an earlier run was missed and none has started since."""
        before = self.starts.last_before(due)
        if before is None:
            return False
        zone = self.starts.zone
        for day in days_between(local_date(before, zone), local_date(due, zone)):
            for opening, closing in self._hours(day):
                base = max(opening, before)
                missed = base + self._expected_gap(before)
                if base < closing and missed < min(closing, due):
                    return missed + self.interval.grace < self.now
        return False

    def _hours(self, day: date) -> list[TimeRange]:
        """Return the hours of a day in which runs are expected, judging only by earlier days."""
        if day not in self._hours_of_day:
            self._hours_of_day[day] = [
                span for span in self._hours_by_week(day) if span[1] - span[0] >= _SHORTEST_SESSION
            ]
        return self._hours_of_day[day]

    def _hours_by_week(self, day: date) -> list[TimeRange]:
        # The history may begin in the middle of its first day.
        weeks = min(self.starts.weeks_before(self.starts.start_of(day - _DAY)), _WEEKS)
        if weeks == 0:
            return []
        hours = self._moved(day - 7 * _DAY, 7)
        for week in range(2, weeks + 1):
            hours = intersection(hours, self._moved(day - 7 * week * _DAY, 7 * week))
        if weeks == 1:  # one day is not a habit: all days of that week must agree
            for back in self._days_back(day):
                others = self._moved(day - back * _DAY, back)
                hours = intersection(hours, others) if others else hours
        return subtraction(hours, self._missing_last_time(day)) if hours else []

    def _days_back(self, day: date) -> list[int]:
        """Return how many days back each complete day of the preceding week is."""
        today = local_date(self.now, self.starts.zone)
        return [back for back in range(1, 7) if day - back * _DAY < today]

    def _missing_last_time(self, day: date) -> list[TimeRange]:
        """Return the usual hours in which nothing ran on the last active day.

        Either the hours have changed, or the sync was paused; it must run in them again before
        it is expected.
        """
        for back in self._days_back(day):
            usual = self._moved(day - (back + 7) * _DAY, back + 7)
            if usual:
                actual = self._moved(day - back * _DAY, back, widened=True)
                return subtraction(usual, actual)
        return []

    def _moved(self, day: date, days: int, *, widened: bool = False) -> list[TimeRange]:
        """Return the sessions of a day, moved ``days`` days later.

        If the clock changed in between, only the hours that fit both a scheduler on local time and
        one on UTC are returned; with ``widened``, the hours that fit either.
        """
        zone = self.starts.zone
        spans = []
        for start, end in self._sessions(day):
            starts, ends = same_time_on_day(start, days, zone), same_time_on_day(end, days, zone)
            spans.append((starts[0], ends[1]) if widened else (starts[1], ends[0]))
        return union(spans)

    def _sessions(self, day: date) -> list[TimeRange]:
        if day not in self._sessions_of_day:
            self._sessions_of_day[day] = list(self._find_sessions(day))
        return self._sessions_of_day[day]

    def _find_sessions(self, day: date) -> Iterator[TimeRange]:
        starts = self.starts.of_day(day)
        if not starts:
            return
        # A session that spans midnight is split there.
        before = self.starts.last_before(starts[0])
        after = self.starts.first_after(starts[-1])
        longest = self.interval.longest
        first = last = starts[0]
        if before is not None and first - before <= longest:
            first = self.starts.start_of(day)
        for start in starts[1:]:
            if start - last > longest:
                yield first, last
                first = start
            last = start
        goes_on = after is not None and after - last <= longest
        yield first, self.starts.end_of(day) if goes_on else last


def _rounded(interval: timedelta) -> timedelta:
    return max(1, round(interval / _MINUTE)) * _MINUTE
