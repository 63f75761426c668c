"""The rhythm of syncs that run many times a day: every 15 minutes, weekdays 07:00 to 19:00.

A session is starts that follow each other at the usual interval. A run is expected within the hours
that were part of a session in each of the last four weeks, on the same day of the week.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Final

from canvas_sync_exporter.schedules.durations import describe_duration
from canvas_sync_exporter.schedules.local_time import days_between, local_date

from .rhythm_words import format_clock, name_days
from .start_history import StartHistory, shifted
from .time_ranges import TimeRange, intersection, subtraction, union

__all__ = ["FrequentRhythm", "Interval", "usual_interval"]

_DAY: Final = timedelta(days=1)
_MINUTE: Final = timedelta(minutes=1)
_WEEKS: Final = 4
_SHORTEST: Final = timedelta(minutes=2)
_LONGEST: Final = timedelta(hours=2)
_FEWEST_STARTS: Final = 12
_REGULAR_SHARE: Final = 0.7
"""Over the rest are nights, weekends and runs that were late. Users' runs in a row vary more."""
_REGULAR: Final = 0.2
_LATE: Final = 1.6
_SKIPPED: Final = 4.2
_MARGIN: Final = 1.2
_LEAST_GRACE: Final = timedelta(minutes=5)
_SHORTEST_SESSION: Final = timedelta(hours=2)
_RECENT_GAPS: Final = 3
_LOOK_AHEAD: Final = 6
"""The same days of last week are over."""


@dataclass(frozen=True, slots=True)
class Interval:
    """How far apart the starts of a session are.

    Attributes:
        usual: Their median distance.
        longest: Starts further apart belong to different sessions.
    """

    usual: timedelta
    longest: timedelta

    @property
    def grace(self) -> timedelta:
        """How much later than usual a run may start."""
        return max(self.longest - self.usual, _LEAST_GRACE)


def usual_interval(starts: Sequence[datetime]) -> Interval | None:
    """Return the distance of starts that come at regular intervals; None for others.

    A distance of several intervals that occurred more than once is usual too: a run that takes
    too long may let the next one be skipped.
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
    """Sessions at certain hours of the week, as the past has them.

    Attributes:
        starts: All starts.
        interval: How far apart they are.
        now: The time: later days are expected to come as usual.
    """

    starts: StartHistory
    interval: Interval
    now: datetime
    _hours_of_day: dict[date, list[TimeRange]] = field(default_factory=dict)
    _sessions_of_day: dict[date, list[TimeRange]] = field(default_factory=dict)

    def due_between(self, after: datetime, until: datetime) -> Sequence[datetime]:
        """Return the due times in ``(after, until]``, oldest first.

        Once a run has failed to start, no other one is expected before the sync starts again.
        """
        return [due for due in self._due_after(after, until) if due <= until]

    def next_due(self, after: datetime) -> datetime | None:
        """Return the first due time after ``after`` in the coming week; None if there is none."""
        until = max(after, self.now) + _LOOK_AHEAD * _DAY
        return next(self._due_after(after, until), None)

    def describe(self) -> str:
        """Describe it in words, such as ``every 15 minutes, weekdays 07:00-19:00``."""
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
        zone = self.starts.zone
        first, last = local_date(after, zone), local_date(until, zone)
        last = min(last, local_date(self.now, zone) + _LOOK_AHEAD * _DAY)
        for day in days_between(first, last):
            for opening, closing in self._hours(day):
                for due in self._due_within(opening, closing):
                    if due > after and not self._is_away(due):
                        yield due

    def _due_within(self, opening: datetime, closing: datetime) -> Iterator[datetime]:
        """Yield what is due between opening and closing, counting from the starts there."""
        anchors = (opening, *self.starts.between(opening, closing))
        for anchor, following in zip(anchors, (*anchors[1:], closing), strict=True):
            due = anchor + self._expected_gap(anchor)
            while due < following:
                yield due
                due += self.interval.usual

    def _expected_gap(self, anchor: datetime) -> timedelta:
        """Return the usual interval; after irregular starts, when they say that it has changed."""
        gaps = self.starts.gaps_before(anchor, _RECENT_GAPS)
        longest = max((gap for gap in gaps if gap <= 2 * _LONGEST), default=self.interval.usual)
        return max(self.interval.usual, _MARGIN * longest - self.interval.grace)

    def _is_away(self, due: datetime) -> bool:
        """Return whether an earlier run has failed to start, and none has started since."""
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
        """Return in which hours of a day runs are expected, by what came before that day."""
        if day not in self._hours_of_day:
            found = [
                span for span in self._hours_by_week(day) if span[1] - span[0] >= _SHORTEST_SESSION
            ]
            self._hours_of_day[day] = found
        return self._hours_of_day[day]

    def _hours_by_week(self, day: date) -> list[TimeRange]:
        # The first known day may be known in part.
        weeks = min(self.starts.weeks_before(self.starts.start_of(day - _DAY)), _WEEKS)
        if weeks == 0:
            return []
        hours = self._moved(day - 7 * _DAY, 7)
        for week in range(2, weeks + 1):
            hours = intersection(hours, self._moved(day - 7 * week * _DAY, 7 * week))
        if weeks == 1:  # one day is no habit: all days of the week have to agree
            for back in self._days_back(day):
                others = self._moved(day - back * _DAY, back)
                hours = intersection(hours, others) if others else hours
        return subtraction(hours, self._not_held_last_time(day)) if hours else []

    def _days_back(self, day: date) -> list[int]:
        """Return how far back the days of the week before are that are over."""
        today = local_date(self.now, self.starts.zone)
        return [back for back in range(1, 7) if day - back * _DAY < today]

    def _not_held_last_time(self, day: date) -> list[TimeRange]:
        """Return the hours that the last active day should have had, and did not.

        The hours have changed, or the sync was away then and has to show itself first.
        """
        for back in self._days_back(day):
            usual = self._moved(day - (back + 7) * _DAY, back + 7)
            if usual:
                held = self._moved(day - back * _DAY, back, widened=True)
                return subtraction(usual, held)
        return []

    def _moved(self, day: date, days: int, *, widened: bool = False) -> list[TimeRange]:
        """Return the sessions of a day, so many days later.

        Where the clock has changed in between, they are the hours that hold both for a scheduler
        that follows the local clock and for one that follows UTC; ``widened``, for either.
        """
        zone = self.starts.zone
        found = []
        for start, end in self._sessions(day):
            starts, ends = shifted(start, days, zone), shifted(end, days, zone)
            found.append((starts[0], ends[1]) if widened else (starts[1], ends[0]))
        return union(found)

    def _sessions(self, day: date) -> list[TimeRange]:
        if day not in self._sessions_of_day:
            self._sessions_of_day[day] = list(self._find_sessions(day))
        return self._sessions_of_day[day]

    def _find_sessions(self, day: date) -> Iterator[TimeRange]:
        starts = self.starts.of_day(day)
        if not starts:
            return
        # A session that began the day before, or that goes on the day after, lasts to midnight.
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
