"""The runs in progress: how far they are, and when they will probably end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine, func, select

from canvas_sync_core.names import RunStatus

from .database import connect_to_read
from .model import metrics_table
from .run_history import UsualDuration, usual_durations
from .runs import RunRow, to_run

__all__ = ["RunningRun", "RunningRuns", "running_now"]

_LEAST_PERCENT: Final = 10.0
"""With less progress, the time that earlier runs took predicts the end better."""
_LONGEST: Final = timedelta(days=366)
_columns = metrics_table.c


@dataclass(frozen=True, slots=True)
class RunningRun:
    """A run in progress.

    Attributes:
        heartbeat_age_seconds: Time since it was last known to be alive; None while it waits.
        waits_until: When its next attempt is due at the latest, if it waits for one.
        elapsed_seconds: Time since it started.
        usual_seconds: Median duration of the last 20 successful runs of the same sync type, user
            and course; of all users if this one has had fewer than three; None without any.
        usual_runs: Number of runs behind ``usual_seconds``.
        seconds_left: Estimated from its progress or, if that is less than 10 %, from
            ``usual_seconds``; None if unknown, or if it takes longer than usual.
        expected_end: The same as a time.
    """

    id: int
    sync_task_id: str
    user_id: int | None
    course_id: int | None
    sync_type: str
    host: str
    pid: int
    trace_id: str
    sync_start_time: datetime
    heartbeat: datetime
    heartbeat_age_seconds: float | None
    waits_until: datetime | None
    progress: float
    step: str | None
    api_calls: int
    elapsed_seconds: float
    usual_seconds: float | None
    usual_runs: int
    seconds_left: float | None
    expected_end: datetime | None


@dataclass(frozen=True, slots=True)
class RunningRuns:
    """The runs in progress, oldest first.

    Attributes:
        total: Number of all runs in progress, including those beyond ``limit``.
    """

    items: list[RunningRun]
    total: int


def running_now(engine: Engine, now: datetime, limit: int) -> RunningRuns:
    """Return the runs in progress.

    Args:
        engine: The database with the table.
        now: The current time.
        limit: Maximum number of runs.

    Raises:
        SQLAlchemyError: The database is unreachable.
    """
    running = _columns.sync_status == RunStatus.RUNNING.value
    oldest = select(metrics_table).where(running).order_by(_columns.sync_start_time).limit(limit)
    with connect_to_read(engine) as connection:
        runs = list(map(to_run, connection.execute(oldest)))
        total = connection.scalar(select(func.count()).where(running)) or 0
        usual = usual_durations(connection, runs)
    return RunningRuns([_view(*each, now) for each in zip(runs, usual, strict=True)], total)


def _view(run: RunRow, usual: UsualDuration, now: datetime) -> RunningRun:
    elapsed = max(0.0, (now - run.sync_start_time).total_seconds())
    is_waiting = run.error_type is not None
    left = None if is_waiting else _seconds_left(run.progress, elapsed, usual.seconds)
    age = max(0.0, (now - run.heartbeat).total_seconds())
    return RunningRun(
        id=run.id,
        sync_task_id=run.sync_task_id,
        user_id=run.user_id,
        course_id=run.course_id,
        sync_type=run.sync_type,
        host=run.host,
        pid=run.pid,
        trace_id=run.trace_id,
        sync_start_time=run.sync_start_time,
        heartbeat=run.heartbeat,
        heartbeat_age_seconds=None if is_waiting else age,
        waits_until=run.heartbeat if is_waiting else None,
        progress=run.progress,
        step=run.step,
        api_calls=run.api_calls,
        elapsed_seconds=elapsed,
        usual_seconds=usual.seconds,
        usual_runs=usual.runs,
        seconds_left=left,
        expected_end=None if left is None else now + timedelta(seconds=left),
    )


def _seconds_left(progress: float, elapsed: float, usual: float | None) -> float | None:
    if _LEAST_PERCENT <= progress <= 100:
        left = elapsed * (100 - progress) / progress
    elif usual is not None and usual >= elapsed:
        left = usual - elapsed
    else:
        return None
    return left if left <= _LONGEST.total_seconds() else None
