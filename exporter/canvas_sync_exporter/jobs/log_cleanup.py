"""Cleans up the logs, now or when the nightly cleanup is due, and records the result."""

from __future__ import annotations

import datetime as dt
import logging

from canvas_sync_core.events import ErrorInfo, LogsCleaned
from canvas_sync_core.settings import Settings
from canvas_sync_exporter.logs.cleanup import (
    CleanupReport,
    CleanupRunning,
    OnProgress,
    cleanup_canvas_sync_logs,
    cleanup_when_due,
)
from canvas_sync_exporter.logs.due import last_due, next_due
from canvas_sync_exporter.logs.retention_settings import make_retention_settings
from canvas_sync_exporter.settings import Configuration

from .recording import record

__all__ = ["clean_logs", "clean_logs_when_due", "next_cleanup"]

_log = logging.getLogger(__name__)


def clean_logs(config: Configuration, on_progress: OnProgress | None = None) -> CleanupReport:
    """Archive rotated log files and delete old archives.

    Args:
        config: Where the logs are, and what to keep.
        on_progress: Called from time to time with the bytes archived so far and the total.

    Raises:
        CleanupRunning: Another cleanup is running.
        LogFolderError: The log folder is missing or cannot be read.
        OSError: The control folder or the metric files cannot be used.
    """
    now = dt.datetime.now(dt.UTC)
    settings = make_retention_settings(config)
    report = cleanup_canvas_sync_logs(settings, now=now, on_progress=on_progress)
    _record(report, config.app)
    return report


def clean_logs_when_due(config: Configuration) -> CleanupReport | None:
    """Run the nightly cleanup unless a process has completed it since it was due.

    Args:
        config: Where the logs are, what to keep, and when the cleanup is due.

    Returns:
        The report; None if there was nothing to do, or another process is doing it.

    Raises:
        OSError: The control folder or the metric files cannot be used.
    """
    now = dt.datetime.now(dt.UTC)
    due = last_due(now, config.exporter.cleanup_time, config.app.timezone)
    try:
        report = cleanup_when_due(make_retention_settings(config), due=due, now=now)
    except CleanupRunning:  # the next check, a minute later, finds out whether it was completed
        return None
    if report is not None:
        _record(report, config.app)
    return report


def next_cleanup(config: Configuration) -> dt.datetime:
    """Return when the nightly cleanup is due next, in UTC."""
    return next_due(dt.datetime.now(dt.UTC), config.exporter.cleanup_time, config.app.timezone)


def _record(report: CleanupReport, app: Settings) -> None:
    record(app, [_event(report)])
    for error in report.errors:
        _log.error("Log cleanup: %s", error)
    _log.info("The log cleanup %s.", report.gain)


def _event(report: CleanupReport) -> LogsCleaned:
    return LogsCleaned(
        time=report.time.timestamp(),
        duration=report.duration_seconds,
        files=sum(log.files for log in report.logs),
        archives_deleted=len(report.archives_deleted),
        reclaimed_bytes=report.reclaimed_bytes,
        error=ErrorInfo("CleanupFailed", "; ".join(report.errors)) if report.errors else None,
    )
