"""The work that keeps the table and the logs in order; when it is done is up to :mod:`.jobs`.

What is done here is told as a sync's process tells it: an event becomes a line in
``operations.log`` and a number in metric files, which survive a restart of the exporter.
"""

from __future__ import annotations

import datetime as dt
import logging
import math
import socket
import time
from collections.abc import Iterable

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from canvas_sync_core.errors import CanvasSyncMonitorError
from canvas_sync_core.events import (
    ErrorInfo,
    Event,
    LogsCleaned,
    RunContext,
    RunEnded,
    RunSuspected,
)
from canvas_sync_core.files.modes import make_folder
from canvas_sync_core.logs.sink import LogSink
from canvas_sync_core.metrics import MetricFiles
from canvas_sync_core.metrics.sink import MetricsSink
from canvas_sync_core.names import FINAL_STATUSES, SUSPECT_REASONS, MetricName
from canvas_sync_core.store.queries import mark_interrupted
from canvas_sync_core.store.retention import delete_runs
from canvas_sync_core.store.rollups.writing import Waiting, roll_up, waiting
from canvas_sync_core.store.runs import Run, to_snapshot
from canvas_sync_core.store.spool import drain_orphans
from canvas_sync_core.store.suspects import Suspect, judge_runs
from canvas_sync_exporter.logs.due import last_due
from canvas_sync_exporter.logs.retention import (
    CleanupReport,
    OnProgress,
    cleanup_canvas_sync_logs,
    cleanup_when_due,
)
from canvas_sync_exporter.logs.retention_settings import make_retention_settings

from .settings import Configuration

__all__ = ["EXPECTED_FAILURES", "Upkeep"]

EXPECTED_FAILURES = (SQLAlchemyError, CanvasSyncMonitorError, OSError)
"""What fails when the database is away, a disk is full or another exporter is at it."""

_CLOSE_SECONDS = 1.0
_ROLL_UP_SECONDS = 1.0
_PROGRESS_SECONDS = 60.0
_JUDGED_AFTER = dt.timedelta(hours=26)
"""Older runs are not judged any more: nobody would act on it."""

_log = logging.getLogger(__name__)


class Upkeep:
    """The work itself. Any process may do it at any time, also several at once.

    Args:
        configuration: Where everything lies, and what to keep.
        engine: The database with the table.
    """

    def __init__(self, configuration: Configuration, engine: Engine) -> None:
        self._configuration = configuration
        self._engine = engine
        self._outage_seen = -math.inf
        self._progress_told = -math.inf
        self._deletion_done: dt.datetime | None = None

    def start_counters(self) -> None:
        """Let counters exist as 0 before the first sync, so that alerts see the first failure.

        Those of runs too, for the sync types that are expected.

        Raises:
            OSError: The folder of the metric files cannot be made or written.
        """
        make_folder(self._configuration.app.metrics_folder)
        metrics = MetricFiles(self._configuration.app.metrics_folder)
        with metrics.lock:
            metrics.start_known()
            for status in ("success", "failed"):
                metrics.counter(MetricName.CLEANUP_RUNS, (status,))
            for sync_type, _ in self._configuration.exporter.expected_intervals:
                for ending in FINAL_STATUSES:
                    metrics.counter(MetricName.RUNS, (sync_type, ending))
                for reason in SUSPECT_REASONS:
                    metrics.counter(MetricName.RUNS_SUSPECT, (sync_type, reason))
            metrics.counter(MetricName.CLEANUP_RECLAIMED)
            metrics.close()

    def close_interrupted(self) -> list[Run]:
        """Close the runs whose process died, and count them.

        Rows that dead processes left behind are written first, since one may be the run's end.
        After an outage of the database the living get time to renew their heartbeats.

        Raises:
            SQLAlchemyError: The database is away.
            OSError: They are closed but could not be counted, or a spool file cannot be read.
        """
        try:
            self.drain_spools()
            self._engine.connect().close()  # an outage goes on for as long as this fails
            patience = self._configuration.exporter.interrupted_after_seconds
            if time.monotonic() < self._outage_seen + patience:
                return []
            stopped = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=patience)
            runs = mark_interrupted(self._engine, stopped)
        except EXPECTED_FAILURES:
            self._outage_seen = time.monotonic()
            raise
        if runs:
            self._tell(_end_of(run) for run in runs)
        for run in runs:
            _log.warning(
                "Run %s is interrupted: its process %d on %s is gone.", run.id, run.pid, run.host
            )
        return runs

    def flag_suspects(self) -> list[Suspect]:
        """Compare the runs of the last day with their own history; flag and count the odd ones.

        Raises:
            SQLAlchemyError: The database is away.
            OSError: They are flagged but could not be counted.
        """
        now = dt.datetime.now(dt.UTC)
        suspects = judge_runs(self._engine, now - _JUDGED_AFTER)
        if suspects:
            self._tell(_suspicion_of(suspect, now) for suspect in suspects)
        for suspect in suspects:
            _log.warning("Run %s is suspect: %s", suspect.run.id, suspect.run.suspect_reason)
        return suspects

    def drain_spools(self) -> int:
        """Write the rows that dead processes left behind; tells how many there were.

        Raises:
            SQLAlchemyError: The database is away; the rows wait.
            OSError: A spool file cannot be read or removed.
        """
        drained = drain_orphans(self._configuration.app.spool_folder, self._engine)
        if drained.rows:
            _log.info("Delivered %d rows of %d ended processes.", drained.rows, drained.files)
        if drained.damaged or drained.rejected:
            _log.error(
                "%d damaged lines and %d runs that the database refused are kept in %s.",
                drained.damaged,
                drained.rejected,
                self._configuration.app.spool_folder / "damaged.txt",
            )
        return drained.rows

    def roll_up_runs(self) -> bool:
        """Bring the rollups up to date, for a second at most; tells whether some is left to do.

        Raises:
            SQLAlchemyError: The database is away, or its role may not write the rollups.
        """
        is_left = roll_up(self._engine, _ROLL_UP_SECONDS)
        due = self._progress_told + _PROGRESS_SECONDS
        if is_left and time.monotonic() >= due:
            left = self.waiting_for_rollup()
            _log.info(
                "Rolling up: %d quarters of an hour and %d runs are left.", left.quarters, left.runs
            )
            self._progress_told = time.monotonic()
        elif not is_left and self._progress_told > -math.inf:
            _log.info("All runs are rolled up.")
            self._progress_told = -math.inf
        return is_left

    def waiting_for_rollup(self) -> Waiting:
        """Count what is not in the rollups yet.

        Raises:
            SQLAlchemyError: The database is away.
        """
        return waiting(self._engine)

    def delete_old_runs_when_due(self) -> int:
        """Delete old runs, unless this process has done so since the nightly cleanup was due.

        Raises:
            SQLAlchemyError: The database is away, or its role may not delete.
        """
        due = self._cleanup_due(dt.datetime.now(dt.UTC))
        if self._deletion_done == due:
            return 0
        deleted = self.delete_old_runs()
        self._deletion_done = due
        return deleted

    def delete_old_runs(self) -> int:
        """Delete the runs that are older than the settings want; tells how many there were.

        What they add up to stays in the rollups.

        Raises:
            SQLAlchemyError: The database is away, or its role may not delete.
        """
        days = self._configuration.exporter.run_days
        if days is None:
            return 0
        deleted = delete_runs(self._engine, dt.datetime.now(dt.UTC) - dt.timedelta(days=days))
        if deleted:
            _log.info("Deleted %d runs that began over %d days ago.", deleted, days)
        return deleted

    def clean_logs(self, on_progress: OnProgress | None = None) -> CleanupReport:
        """Archive what the logs have rotated out and delete old archives.

        Args:
            on_progress: Told now and then how many bytes are archived, and how many there are.

        Raises:
            CleanupRunning: Another cleanup runs.
            LogFolderError: The folder of the logs is not there or cannot be read.
            OSError: The control folder or the metric files cannot be used.
        """
        now = dt.datetime.now(dt.UTC)
        kept = make_retention_settings(self._configuration)
        report = cleanup_canvas_sync_logs(kept, now=now, on_progress=on_progress)
        self._tell_of_cleanup(report)
        return report

    def clean_logs_when_due(self) -> CleanupReport | None:
        """Do the nightly cleanup, unless this or another process has seen to it since it was due.

        Returns:
            What was done; None when nothing was left to do.

        Raises:
            CleanupRunning: Another cleanup runs.
            OSError: The control folder or the metric files cannot be used.
        """
        now = dt.datetime.now(dt.UTC)
        due = self._cleanup_due(now)
        report = cleanup_when_due(make_retention_settings(self._configuration), due=due, now=now)
        if report is not None:
            self._tell_of_cleanup(report)
        return report

    def _tell_of_cleanup(self, report: CleanupReport) -> None:
        self._tell([_event_of(report)])
        for error in report.errors:
            _log.error("Log cleanup: %s", error)
        _log.info("The log cleanup %s.", report.gain)

    def _cleanup_due(self, now: dt.datetime) -> dt.datetime:
        """Return when the nightly cleanup was last due."""
        config = self._configuration
        return last_due(now, config.exporter.cleanup_time, config.app.timezone)

    def _tell(self, events: Iterable[Event]) -> None:
        """Write events into log and metric files that are let go of at once, to be folded."""
        app = self._configuration.app
        make_folder(app.metrics_folder)
        metrics = MetricsSink(app.metrics_folder)
        log = LogSink(
            app.log_dir,
            app.log_format,
            levels=app.log_levels,
            zone=app.timezone,
            control_dir=app.control_folder,
            host=socket.gethostname(),
            on_drop=metrics.count_dropped,
            on_record=metrics.count_record,
        )
        try:
            for event in events:
                metrics.handle(event)
                log.handle(event)
        finally:
            log.close(_CLOSE_SECONDS)
            metrics.close(_CLOSE_SECONDS)


def _end_of(run: Run) -> RunEnded:
    snapshot = to_snapshot(run)
    return RunEnded(_context_of(run), snapshot.end_time or snapshot.heartbeat, snapshot)


def _suspicion_of(suspect: Suspect, now: dt.datetime) -> RunSuspected:
    reasons = tuple(each.reason for each in suspect.anomalies)
    message = suspect.run.suspect_reason or ""
    return RunSuspected(_context_of(suspect.run), now.timestamp(), reasons, message)


def _context_of(run: Run) -> RunContext:
    return RunContext(
        run.sync_task_id,
        run.user_id,
        run.course_id,
        run.sync_type,
        run.trace_id,
        span_id="",
        sampled=False,
    )


def _event_of(report: CleanupReport) -> LogsCleaned:
    return LogsCleaned(
        time=report.time.timestamp(),
        duration=report.duration_seconds,
        files=sum(log.files for log in report.logs),
        archives_deleted=len(report.archives_deleted),
        reclaimed_bytes=report.reclaimed_bytes,
        error=ErrorInfo("CleanupFailed", "; ".join(report.errors)) if report.errors else None,
    )
