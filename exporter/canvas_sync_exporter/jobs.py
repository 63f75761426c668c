"""The exporter's recurring work: what runs when. What it does is in :mod:`.upkeep`."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Mapping

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_EXECUTED, JobExecutionEvent
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from .settings import Configuration
from .upkeep import EXPECTED_FAILURES, Upkeep, reason

__all__ = ["Jobs"]

_CLEANUP = "log cleanup"
_FOLD_SECONDS = 60.0
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
            timezone=settings.timezone,
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._scheduler.add_listener(self._note, EVENT_JOB_ERROR | EVENT_JOB_EXECUTED)
        watch = min(settings.interrupted_after_seconds / 4, _SLOWEST_WATCH_SECONDS)
        now = dt.datetime.now(settings.timezone)
        for name, work, seconds in (
            ("fold of metric files", fold, _FOLD_SECONDS),
            ("search for interrupted runs", upkeep.close_interrupted, watch),
        ):
            self._scheduler.add_job(
                work, IntervalTrigger(seconds=seconds), id=name, next_run_time=now
            )
        at = settings.cleanup_time
        self._scheduler.add_job(
            upkeep.clean_logs,
            CronTrigger(
                hour=at.hour, minute=at.minute, second=at.second, timezone=settings.timezone
            ),
            id=_CLEANUP,
        )

    def start(self) -> None:
        """Begin; the recurring jobs run once at once, the cleanup at its time."""
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
        job = self._scheduler.get_job(_CLEANUP)
        when: dt.datetime | None = job.next_run_time if job and self.running else None
        return when.astimezone(dt.UTC) if when else None

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
