"""What is expected of each sync type, from all sources together.

The schedule comes from ``CANVAS_SYNC_EXPECTED_INTERVALS``, else from the configuration file, else
from what was learned from past runs. Grace, maximum duration and maximum age always come from the
configuration file, wherever the schedule comes from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from typing import Final

from canvas_sync_exporter.config_file.syncs import SyncSettings
from canvas_sync_exporter.schedules.interval import IntervalSchedule
from canvas_sync_exporter.schedules.local_time import local_date, start_of_day
from canvas_sync_exporter.schedules.schedule import Schedule
from canvas_sync_exporter.settings import Configuration

from .expectation import Expectation, ExpectationSource
from .rhythm import RhythmLearner

__all__ = ["Expectations", "expectations"]

_DAY: Final = timedelta(days=1)
_LEAST_GRACE: Final = timedelta(minutes=5)
_MOST_GRACE: Final = timedelta(hours=1)
_LEAD: Final = timedelta(minutes=1)
_GRACE_SHARE: Final = 4
"""Unless a grace is configured, a run may be late by a quarter of the interval."""


def expectations(
    configuration: Configuration,
    starts_by_type: Mapping[str, Sequence[datetime]],
    now: datetime,
    zone: tzinfo,
) -> list[Expectation]:
    """Return what is expected of each sync type, by name.

    Args:
        configuration: The settings, with the configuration file.
        starts_by_type: When runs of each sync type have started in the six weeks before its last
            run, oldest first, in UTC; starts within half a minute of each other may be merged.
        now: The current time.
        zone: The time zone in which rhythms are learned.
    """
    return Expectations(configuration, zone).at(now, starts_by_type)


class Expectations:
    """Says what is expected at any time; learned rhythms are updated once a day.

    Args:
        configuration: The settings, with the configuration file.
        zone: The time zone in which rhythms are learned; by default that of the settings.
    """

    def __init__(self, configuration: Configuration, zone: tzinfo | None = None) -> None:
        self._intervals = dict(configuration.exporter.expected_intervals)
        self._syncs = configuration.file.syncs
        self._zone = zone or configuration.app.timezone
        self._learner = RhythmLearner(self._zone)
        self._scheduled: dict[str, Expectation] = {}

    def at(
        self, now: datetime, starts_by_type: Mapping[str, Sequence[datetime]]
    ) -> list[Expectation]:
        """Return what is expected of each sync type; arguments as for :func:`expectations`."""
        names = sorted({*self._intervals, *self._syncs, *starts_by_type})
        expected = (self._of(name, starts_by_type.get(name, ()), now) for name in names)
        return [each for each in expected if each is not None]

    def _of(self, name: str, starts: Sequence[datetime], now: datetime) -> Expectation | None:
        settings = self._syncs.get(name) or SyncSettings(self._zone)
        seconds = self._intervals.get(name)
        expected: Expectation | None
        if seconds is not None:
            interval = timedelta(seconds=seconds)
            declared = _Declared(name, ExpectationSource.ENVIRONMENT, starts, now)
            expected = declared.interval(SyncSettings(self._zone, every=interval))
        elif settings.schedule is not None:
            expected = self._scheduled.get(name)
            if expected is None:  # does not depend on the starts, so it is built once
                declared = _Declared(name, ExpectationSource.FILE, starts, now)
                expected = self._scheduled[name] = declared.of(settings)
        elif settings.every is not None:
            declared = _Declared(name, ExpectationSource.FILE, starts, now)
            expected = declared.of(settings)
        else:
            expected = self._learned(name, starts, now)
        if expected is None:
            return None
        return replace(
            expected,
            grace=settings.grace or expected.grace,
            max_duration=settings.max_duration,
            max_age=settings.max_age,
        )

    def _learned(self, name: str, starts: Sequence[datetime], now: datetime) -> Expectation | None:
        rhythm = self._learner.learn(name, starts, now)
        if rhythm is None:
            return None
        source = ExpectationSource.LEARNED
        return Expectation(name, rhythm.schedule, rhythm.grace, source, lead=rhythm.lead)


@dataclass(frozen=True, slots=True)
class _Declared:
    """Builds expectations from schedules that are declared rather than learned."""

    sync_type: str
    source: ExpectationSource
    starts: Sequence[datetime]
    now: datetime

    def of(self, settings: SyncSettings) -> Expectation:
        """Return the expectation of a section of the configuration file."""
        if settings.schedule is None:
            return self.interval(settings)
        schedule = settings.schedule
        first = schedule.next_due(self.now)
        second = schedule.next_due(first) if first else None
        distance = second - first if first and second else _DAY
        return self._expect(schedule, distance)

    def interval(self, settings: SyncSettings) -> Expectation:
        """Return the expectation of an interval; without starts it counts from yesterday 00:00."""
        every = settings.every or _DAY
        origin = start_of_day(local_date(self.now, settings.zone) - _DAY, settings.zone)
        known = [start for start in self.starts if start <= self.now]
        schedule = IntervalSchedule(every, settings.zone, origin, known, settings.hours)
        return self._expect(schedule, every)

    def _expect(self, schedule: Schedule, distance: timedelta) -> Expectation:
        grace = min(max(distance / _GRACE_SHARE, _LEAST_GRACE), _MOST_GRACE)
        lead = min(_LEAD, distance / _GRACE_SHARE)
        return Expectation(self.sync_type, schedule, grace, self.source, lead=lead)
