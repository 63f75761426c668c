"""What a recurring job is, and the schedules that it can have."""

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
"""What a job raises when the database is away, a disk is full, or another exporter is at work."""

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
    """Exactly the nightly time, and otherwise every minute.

    Each run is a check, not yet the work. The job compares the newest due time with the last one
    that was completed, and returns at once when nothing is due. One check a night is not enough:

    - The exporter may have been down at the nightly time. The missed job is then due at the start.
    - The job may have failed because the database or the disk was away, and has to be retried.
    - Another exporter may have held the lock of the cleanup and been killed before it was done.
    - A log that rotates fast needs a cleanup before the night, or it would lose its oldest backup.

    Attributes:
        at: The nightly time, as a time of day.
        zone: Time zone of the clock that shows it.
    """

    at: dt.time
    zone: dt.tzinfo

    def next_after(self, last: dt.datetime) -> dt.datetime:
        """Return the time of the next check, in UTC."""
        # The nightly time itself has a check too, or the work could start up to a minute late.
        return min(next_due(last, self.at, self.zone), last + _RECHECK_INTERVAL)


@dataclass(frozen=True, slots=True)
class Job:
    """Recurring work.

    Attributes:
        name: What health and the log call it, after "the".
        work: Called without arguments, in a thread. What it raises is logged once and shown by
            health until it succeeds again.
        schedule: When it runs.
    """

    name: str
    work: Callable[[], object]
    schedule: Schedule
