"""A recurring job and its possible schedules."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from sqlalchemy.exc import SQLAlchemyError

from canvas_sync_core.errors import CanvasSyncMonitorError
from canvas_sync_exporter.logs.due import next_due

__all__ = ["EXPECTED_FAILURES", "Every", "Job", "NightlyCheck", "Schedule"]

EXPECTED_FAILURES: Final = (SQLAlchemyError, CanvasSyncMonitorError, OSError)
"""Raised by a job when the database is down, a disk is full, or another exporter is at work."""

_RECHECK_INTERVAL: Final = dt.timedelta(minutes=1)


class Schedule(Protocol):
    """When a job runs. Every job also runs once when the exporter starts."""

    def next_after(self, last: dt.datetime) -> dt.datetime:
        """Return the first time after ``last``, both in UTC."""


@dataclass(frozen=True, slots=True)
class Every:
    """A fixed number of seconds between two runs."""

    seconds: float

    def next_after(self, last: dt.datetime) -> dt.datetime:
        """Return the next time, in UTC."""
        return last + dt.timedelta(seconds=self.seconds)


@dataclass(frozen=True, slots=True)
class NightlyCheck:
    """At the nightly time exactly, and otherwise every minute.

    Each run is only a check. The job compares the newest due time with the last completed one, and
    returns at once if nothing is due. One check a night is not enough:

    - The exporter may have been down at the nightly time. The missed job is then due at start-up.
    - The job may have failed because of the database or the disk, and must be retried.
    - Another exporter may have held the lock of the cleanup and been killed before it was done.
    - A log that rotates fast needs a cleanup before the night, or it would lose its oldest backup.

    Attributes:
        at: The nightly time, as a time of day.
        zone: The time zone of ``at``.
    """

    at: dt.time
    zone: dt.tzinfo

    def next_after(self, last: dt.datetime) -> dt.datetime:
        """Return the time of the next check, in UTC."""
        # Without a check at the nightly time, the work could start up to a minute late.
        return min(next_due(last, self.at, self.zone), last + _RECHECK_INTERVAL)


@dataclass(frozen=True, slots=True)
class Job:
    """Recurring work.

    Attributes:
        name: Its name in health and the log, where it follows "the".
        work: Called without arguments, in a thread. An exception is logged once and shown by
            health until the job succeeds again.
        schedule: When it runs.
    """

    name: str
    work: Callable[[], object]
    schedule: Schedule
