"""Runs the recurring jobs when they are due. Only this module knows APScheduler."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from canvas_sync_exporter.reasons import reason

from .job import EXPECTED_FAILURES, Job, Schedule

__all__ = ["JobScheduler"]

_log = logging.getLogger(__name__)


class JobScheduler:
    """Runs jobs in threads of this process, each at most once at a time.

    Args:
        jobs: The jobs, with their schedules.
    """

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._failures: dict[str, str] = {}
        jobs = tuple(jobs)
        self._scheduler = BackgroundScheduler(
            # A thread for each: a job that hangs must not keep another one from running.
            jobstores={"default": _JobStore()},
            executors={"default": ThreadPoolExecutor(max(len(jobs), 1))},
            timezone=dt.UTC,  # in local time, APScheduler stalls when the clocks go back
            # One run makes up for all that were missed, such as while the machine was asleep.
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        now = dt.datetime.now(dt.UTC)
        for job in jobs:
            trigger = _Trigger(job.schedule)
            self._scheduler.add_job(self._run, trigger, (job,), id=job.name, next_run_time=now)

    def start(self) -> None:
        """Run each job once now, and then on its schedule."""
        self._scheduler.start()

    def stop(self) -> None:
        """Start no more jobs. A job that is running continues to its end."""
        self._scheduler.shutdown(wait=False)

    @property
    def running(self) -> bool:
        """Whether jobs are started when they are due."""
        return bool(self._scheduler.running)

    @property
    def failures(self) -> Mapping[str, str]:
        """Reasons of failure by job, for jobs whose last run failed."""
        return dict(self._failures)

    def _run(self, job: Job) -> None:
        # Not by a listener for events: APScheduler may call that after the next run has ended.
        try:
            job.work()
        except Exception as error:  # noqa: BLE001 - whatever it is, the next run is due
            self._note_failure(job.name, error)
        else:
            if self._failures.pop(job.name, None) is not None:
                _log.info("The %s works again.", job.name)

    def _note_failure(self, name: str, error: Exception) -> None:
        if name not in self._failures:
            unexpected = None if isinstance(error, EXPECTED_FAILURES) else error
            _log.error("The %s failed: %s", name, reason(error), exc_info=unexpected)
        self._failures[name] = reason(error)


class _JobStore(MemoryJobStore):  # type: ignore[misc] # APScheduler has no types
    """Runs jobs on time after the clock was set back, which makes their next runs far away."""

    def get_due_jobs(self, now: dt.datetime) -> Sequence[Any]:
        """Return the jobs that are due."""
        for job in self.get_all_jobs():
            if job.next_run_time > job.trigger.get_next_fire_time(None, now):
                job.modify(next_run_time=now)
        due: Sequence[Any] = super().get_due_jobs(now)
        return due


class _Trigger(BaseTrigger):  # type: ignore[misc] # APScheduler has no types
    """Uses one of our schedules instead of APScheduler's own triggers."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule

    def get_next_fire_time(
        self, previous_fire_time: dt.datetime | None, now: dt.datetime
    ) -> dt.datetime:
        """Return when the job runs next, in UTC."""
        now = now.astimezone(dt.UTC)
        due = self._schedule.next_after((previous_fire_time or now).astimezone(dt.UTC))
        # After a month of sleep, going through each missed run would take long.
        return due if due > now else self._schedule.next_after(now)
