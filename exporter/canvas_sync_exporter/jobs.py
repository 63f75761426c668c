"""Schedules the exporter's recurring jobs; :mod:`.upkeep` does the work."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_EXECUTED, JobExecutionEvent
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.interval import IntervalTrigger

from canvas_sync_exporter.logs.due import next_due
from canvas_sync_exporter.logs.retention import CleanupRunning

from .reasons import reason
from .settings import Configuration
from .upkeep import EXPECTED_FAILURES, Upkeep

__all__ = ["Jobs"]

_CLEANUP = "log cleanup"
_ROLL_UP_SECONDS = 2.0
_FOLD_SECONDS = 60.0
_RECHECK_INTERVAL = dt.timedelta(minutes=1)
_SLOWEST_WATCH_SECONDS = 15.0

_log = logging.getLogger(__name__)


class Jobs:
    """Runs the upkeep in threads of this process, each job at most once at a time.

    Args:
        upkeep: The work.
        fold: Folds the metric files of dead processes.
        configuration: When to do it.
    """

    def __init__(
        self, upkeep: Upkeep, fold: Callable[[], object], configuration: Configuration
    ) -> None:
        settings = configuration.exporter
        self._failures: dict[str, str] = {}
        self._scheduler = BackgroundScheduler(
            timezone=dt.UTC,  # in local time APScheduler stands still when clocks are set
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._scheduler.add_listener(self._note, EVENT_JOB_ERROR | EVENT_JOB_EXECUTED)
        watch = min(settings.interrupted_after_seconds / 4, _SLOWEST_WATCH_SECONDS)
        now = dt.datetime.now(dt.UTC)
        for name, work, seconds in (
            ("fold of metric files", fold, _FOLD_SECONDS),
            ("search for interrupted runs", upkeep.close_interrupted, watch),
            ("roll-up of runs", upkeep.roll_up_runs, _ROLL_UP_SECONDS),
            ("comparison of runs with their history", upkeep.flag_suspects, watch),
        ):
            trigger = IntervalTrigger(seconds=seconds, timezone=dt.UTC)
            self._scheduler.add_job(work, trigger, id=name, next_run_time=now)
        self._cleanup_time, self._zone = settings.cleanup_time, configuration.app.timezone
        for name, work in (
            (_CLEANUP, _skip_if_running(upkeep.clean_logs_when_due)),
            ("deletion of old runs", upkeep.delete_old_runs_when_due),
        ):
            trigger = _NightlyCheckTrigger(self._cleanup_time, self._zone)
            self._scheduler.add_job(work, trigger, id=name, next_run_time=now)

    def start(self) -> None:
        """Begin; the recurring jobs run once at once, the cleanup at its time or when missed."""
        self._scheduler.start()

    def stop(self) -> None:
        """Start no further job. One that runs goes on to its end."""
        self._scheduler.shutdown(wait=False)

    @property
    def running(self) -> bool:
        """Whether jobs are started when they are due."""
        return bool(self._scheduler.running)

    @property
    def failures(self) -> Mapping[str, str]:
        """Why jobs failed when they last ran, by job; those that did not fail are left out."""
        return dict(self._failures)

    def next_cleanup(self) -> dt.datetime | None:
        """When the log cleanup runs next."""
        if not self.running:
            return None
        return next_due(dt.datetime.now(dt.UTC), self._cleanup_time, self._zone)

    def _note(self, event: JobExecutionEvent) -> None:
        name, error = event.job_id, event.exception
        if error is None:
            if self._failures.pop(name, None) is not None:
                _log.info("The %s works again.", name)
            return
        if name not in self._failures:
            unforeseen = None if isinstance(error, EXPECTED_FAILURES) else error
            _log.error("The %s failed: %s", name, reason(error), exc_info=unforeseen)
        self._failures[name] = reason(error)


class _NightlyCheckTrigger(BaseTrigger):  # type: ignore[misc] # APScheduler has no types
    """Fires exactly at the nightly time, and otherwise every minute.

    A firing is a check, not a cleanup. The job compares the newest due time with the last one that
    was completed, and returns at once when nothing is due. Checking once a night would not do:

    - The exporter may have been down at the nightly time. The missed job is then due at the start.
    - The job may have failed because the database or the disk was away, and has to be retried.
    - Another exporter may have held the lock of the cleanup and been killed before it was done.
    - A log that rotates fast needs a cleanup before the night, or it would lose its oldest backup.

    Args:
        cleanup_time: The nightly time, as a time of day.
        zone: Time zone of the clock that shows it.
    """

    def __init__(self, cleanup_time: dt.time, zone: dt.tzinfo) -> None:
        self._cleanup_time = cleanup_time
        self._zone = zone

    def get_next_fire_time(
        self, previous_fire_time: dt.datetime | None, now: dt.datetime
    ) -> dt.datetime:
        """Return the time of the next check, in UTC."""
        last = (previous_fire_time or now).astimezone(dt.UTC)
        # The nightly time itself is a firing too, or the cleanup could start up to a minute late.
        return min(next_due(last, self._cleanup_time, self._zone), last + _RECHECK_INTERVAL)


def _skip_if_running(clean: Callable[[], object]) -> Callable[[], None]:
    """Wrap the cleanup so that it is skipped, not failed, while another process runs one."""

    def job() -> None:
        with suppress(CleanupRunning):  # the next check, a minute later, sees whether it was done
            clean()

    return job
