"""The newest runs of each sync type in the logs, from which the judge's facts are made."""

from __future__ import annotations

import datetime as dt
from operator import attrgetter
from typing import Final

import msgspec

from canvas_sync_core.names import RunStatus

from .records import RunRecord, utc

__all__ = ["LoggedRun", "LoggedRuns", "logged_run"]

_KEPT: Final = dt.timedelta(days=91)
"""A break of seven weeks and the six weeks before it, from which a rhythm is learned."""
_MOST: Final = 50_000
_SLACK: Final = 5_000
"""Number of surplus runs to tolerate, so that not every new run triggers a cleanup."""
_MOST_SUSPICIONS: Final = 10_000
_LONGEST: Final = 300
_END: Final = attrgetter("end")


class LoggedRun(msgspec.Struct, array_like=True, gc=False):
    """The end of a run; fields that the judge does not need are left out.

    Attributes:
        seconds: Its duration; None if unknown.
        items: Kind of item -> how many it handled.
    """

    task_id: str
    status: str
    end: dt.datetime
    seconds: float | None
    user_id: int | None
    course_id: int | None
    canvas_host: str | None
    items: dict[str, int]
    api_calls: int
    api_failed: int
    api_throttled: int
    api_retried: int
    api_truncated: int
    api_seconds: float
    api_items: int | None
    api_bytes: int | None
    db_operations: int
    db_failed: int
    db_seconds: float
    error_type: str | None
    error: str | None
    request_context_id: str | None

    @property
    def start(self) -> dt.datetime:
        """When it started; when it ended if that is unknown."""
        return self.end - dt.timedelta(seconds=self.seconds or 0.0)


class LoggedRuns(msgspec.Struct, array_like=True):
    """The newest runs that ended.

    Attributes:
        by_type: Sync type -> its runs, in the order of the lines.
        suspicions: Task id -> how the run differs from earlier ones, as the exporter logged it.
    """

    by_type: dict[str, list[LoggedRun]] = msgspec.field(default_factory=dict)
    suspicions: dict[str, str] = msgspec.field(default_factory=dict)

    def add(self, sync_type: str, run: LoggedRun) -> None:
        """Add a run of later lines."""
        runs = self.by_type.setdefault(sync_type, [])
        runs.append(run)
        if len(runs) > _MOST + _SLACK:
            _keep_newest(runs)

    def take_back_interruption(self, sync_type: str, task_id: str) -> None:
        """Remove a run that seemed to be interrupted, and then ended by itself."""
        interrupted = (task_id, RunStatus.INTERRUPTED)
        runs = self.by_type.get(sync_type, [])
        runs[:] = [run for run in runs if (run.task_id, run.status) != interrupted]

    def note_suspicion(self, task_id: str, reason: str) -> None:
        """Store how a run differs from earlier ones."""
        self.suspicions[task_id] = reason
        self._forget_suspicions()

    def merge(self, newer: LoggedRuns) -> None:
        """Add the runs of later lines."""
        for sync_type, runs in newer.by_type.items():
            known = self.by_type.setdefault(sync_type, [])
            known += runs
            _keep_newest(known)
        self.suspicions |= newer.suspicions
        self._forget_suspicions()

    def _forget_suspicions(self) -> None:
        while len(self.suspicions) > _MOST_SUSPICIONS:
            del self.suspicions[next(iter(self.suspicions))]


def logged_run(record: RunRecord, task_id: str, seconds: float | None) -> LoggedRun:
    """Return what a line says about the end of a run."""
    return LoggedRun(
        task_id=task_id,
        status=record.status,
        end=utc(record.timestamp),
        seconds=seconds,
        user_id=record.user_id,
        course_id=record.course_id,
        canvas_host=record.canvas_host,
        items={item: count.processed for item, count in record.items.items() if count.processed},
        api_calls=record.api_calls,
        api_failed=record.api_failed,
        api_throttled=record.api_throttled,
        api_retried=record.api_retried,
        api_truncated=record.api_truncated,
        api_seconds=record.api_seconds,
        api_items=record.api_items,
        api_bytes=record.api_bytes,
        db_operations=record.db_operations,
        db_failed=record.db_failed,
        db_seconds=record.db_seconds,
        error_type=record.error_type,
        error=record.error and record.error[:_LONGEST],
        request_context_id=record.request_context_id,
    )


def _keep_newest(runs: list[LoggedRun]) -> None:
    oldest = max(runs, key=_END).end - _KEPT
    runs[:] = [run for run in runs if run.end >= oldest][-_MOST:]
