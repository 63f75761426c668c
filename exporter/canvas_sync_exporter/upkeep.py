"""The work that keeps the table and the logs in order; when it is done is up to :mod:`.jobs`.

What is counted here goes into metric files, as in a sync's process, so that it survives a restart
of the exporter. The files are closed at once: they are folded with those of ended syncs.
"""

from __future__ import annotations

import datetime as dt
import logging
import math
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from canvas_sync_instrumentation.errors import CanvasSyncMonitorError
from canvas_sync_instrumentation.events import LogsCleaned
from canvas_sync_instrumentation.metricfile import MetricFiles
from canvas_sync_instrumentation.names import MetricName, RunStatus
from canvas_sync_instrumentation.sinks.logs import LogSink
from canvas_sync_instrumentation.storage.queries import mark_interrupted
from canvas_sync_instrumentation.storage.runs import Run
from canvas_sync_instrumentation.storage.spool import drain_orphans

from .logs.due import last_due
from .logs.kept import retention_settings
from .logs.retention import CleanupReport, cleanup_canvas_sync_logs, cleanup_when_due
from .settings import Configuration

__all__ = ["EXPECTED_FAILURES", "Upkeep", "reason"]

EXPECTED_FAILURES = (SQLAlchemyError, CanvasSyncMonitorError, OSError)
"""What fails when the database is away, a disk is full or another exporter is at it."""

_SUCCESS, _FAILED = "success", "failed"
_LOG_SECONDS = 1.0

_log = logging.getLogger(__name__)


def reason(error: BaseException) -> str:
    """Tell why something failed in one line, without the statement that SQLAlchemy adds."""
    cause = getattr(error, "orig", None) or error
    lines = str(cause).strip().splitlines()
    return f"{type(cause).__name__}: {lines[0]}" if lines else type(cause).__name__


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

    def start_counters(self) -> None:
        """Let the counters of the cleanup exist as 0, so that alerts see the first failure.

        Raises:
            OSError: The folder of the metric files cannot be made or written.
        """
        with self._metrics() as metrics:
            for status in (_SUCCESS, _FAILED):
                metrics.counter(MetricName.CLEANUP_RUNS, (status,))
            metrics.counter(MetricName.CLEANUP_RECLAIMED)

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
            patience = self._configuration.exporter.interrupted_after_seconds
            if time.monotonic() < self._outage_seen + patience:
                return []
            stopped = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=patience)
            runs = mark_interrupted(self._engine, stopped)
        except EXPECTED_FAILURES:
            self._outage_seen = time.monotonic()
            raise
        if runs:
            with self._metrics() as metrics:
                for run in runs:
                    _count_interrupted(metrics, run)
        for run in runs:
            _log.warning(
                "Run %s is interrupted: its process %d on %s is gone.", run.id, run.pid, run.host
            )
        return runs

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

    def clean_logs(self) -> CleanupReport:
        """Archive what the logs have rotated out and delete old archives.

        Raises:
            CleanupRunning: Another cleanup runs.
            OSError: The control folder or the metric files cannot be used.
        """
        now = dt.datetime.now(dt.UTC)
        report = cleanup_canvas_sync_logs(retention_settings(self._configuration), now=now)
        self._tell(report)
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
        settings = self._configuration.exporter
        due = last_due(now, settings.cleanup_time, settings.timezone)
        report = cleanup_when_due(retention_settings(self._configuration), due=due, now=now)
        if report is not None:
            self._tell(report)
        return report

    def _tell(self, report: CleanupReport) -> None:
        for error in report.errors:
            _log.error("Log cleanup: %s", error)
        _log.info("The log cleanup freed %d bytes.", report.reclaimed_bytes)
        with self._metrics() as metrics:
            metrics.counter(MetricName.CLEANUP_RUNS, (report.status,)).add()
            metrics.counter(MetricName.CLEANUP_RECLAIMED).add(max(0, report.reclaimed_bytes))
            if not report.errors:
                metrics.gauge(MetricName.CLEANUP_LAST_SUCCESS).set(report.time.timestamp())
            self._log_line(report, metrics)

    def _log_line(self, report: CleanupReport, metrics: MetricFiles) -> None:
        """Write the line of operations.log that tells of a cleanup."""
        app = self._configuration.app
        if not app.enabled:
            return
        sink = LogSink(
            app.log_dir,
            app.log_format,
            control_dir=app.state_folder / "control",
            host=socket.gethostname(),
            on_drop=lambda sink, why, count=1: metrics.counter(
                MetricName.TELEMETRY_DROPPED, (sink, why)
            ).add(count),
            on_record=lambda log, level: metrics.counter(
                MetricName.LOG_RECORDS, (log, level)
            ).add(),
        )
        sink.handle(_cleaned(report))
        sink.close(_LOG_SECONDS)

    @contextmanager
    def _metrics(self) -> Iterator[MetricFiles]:
        metrics = MetricFiles(self._configuration.app.metrics_folder)
        try:
            with metrics.lock:
                yield metrics
        finally:
            metrics.close()


def _cleaned(report: CleanupReport) -> LogsCleaned:
    return LogsCleaned(
        time=report.time.timestamp(),
        duration=report.duration_seconds,
        files=sum(log.files for log in report.logs),
        archives=sum(len(log.archives) for log in report.logs),
        archives_deleted=len(report.archives_deleted),
        reclaimed_bytes=report.reclaimed_bytes,
        error="; ".join(report.errors) or None,
    )


def _count_interrupted(metrics: MetricFiles, run: Run) -> None:
    labels = (run.sync_type, RunStatus.INTERRUPTED.value)
    metrics.counter(MetricName.RUNS, labels).add()
    metrics.histogram(MetricName.RUN_DURATION, labels).observe(run.duration or 0.0)
