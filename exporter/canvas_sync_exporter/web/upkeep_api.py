"""The endpoints about the log cleanup and the exporter's health."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from flask import Response, request

from canvas_sync_exporter.jobs.log_cleanup import clean_logs, next_cleanup
from canvas_sync_exporter.logs.cleanup import CleanupReport, CleanupRunning, get_cleanup_status
from canvas_sync_exporter.logs.retention_settings import make_retention_settings
from canvas_sync_exporter.logs.status import LogStatus

from .auth import Scope
from .context import WebContext
from .endpoint import Endpoint, json_response
from .health import Health, HealthChecks
from .problems import ProblemError

__all__ = ["LogCleanupStatus", "UpkeepApi"]


@dataclass(frozen=True, slots=True)
class LogCleanupStatus:
    """The state of the logs.

    Attributes:
        logs: Each log with its backups and archives.
        free_disk_bytes: Free space on the disk of the logs.
        running: Whether a cleanup is running.
        last_cleanup: What the last cleanup did; null if there was none.
        next_cleanup: When the next one runs; null if this process runs no recurring jobs.
    """

    logs: list[LogStatus]
    free_disk_bytes: int
    running: bool
    last_cleanup: CleanupReport | None
    next_cleanup: dt.datetime | None


class UpkeepApi:
    """Answers from the log folder, and from everything that the exporter needs.

    Args:
        context: Where they are, and who may ask.
    """

    def __init__(self, context: WebContext) -> None:
        self._context = context
        self._health = HealthChecks(context)

    def endpoints(self) -> tuple[Endpoint, ...]:
        """The endpoints, in the order in which the documentation shows them."""
        return (
            Endpoint(
                "GET",
                "logs/cleanup-status",
                self.cleanup_status,
                "Size of the logs and archives, last and next cleanup, free disk",
                LogCleanupStatus,
                tag="upkeep",
            ),
            Endpoint(
                "POST",
                "logs/cleanup",
                self.cleanup,
                "Run the log cleanup now and return what it did",
                CleanupReport,
                tag="upkeep",
                scope=Scope.ADMIN,
                problems={
                    409: "A cleanup is already running.",
                    413: "The body is too long.",
                    415: "The content type is not JSON.",
                    503: "The log folder is missing or cannot be used.",
                },
            ),
            Endpoint(
                "GET",
                "health",
                self.health,
                "Whether the exporter is working",
                Health,
                tag="upkeep",
                scope=None,
                further_answers={503: "It is not; the checks say why."},
                is_always_answered=True,
            ),
        )

    def cleanup_status(self) -> LogCleanupStatus:
        """Return the state of the logs."""
        config = self._context.configuration
        status = get_cleanup_status(make_retention_settings(config))
        jobs = self._context.jobs
        return LogCleanupStatus(
            logs=status.logs,
            free_disk_bytes=status.free_bytes,
            running=status.running,
            last_cleanup=status.last,
            next_cleanup=next_cleanup(config) if jobs is not None and jobs.running else None,
        )

    def cleanup(self) -> CleanupReport:
        """Run the log cleanup."""
        try:
            return clean_logs(self._context.configuration)
        except CleanupRunning as running:
            raise ProblemError(409, str(running)) from running

    def health(self) -> Response:
        """Return the health of the exporter; the checks only if the caller may read."""
        health = self._health.run()
        status = 503 if health.status == "unhealthy" else 200
        if not self._context.access.allows(request, Scope.READ):
            health = Health(health.status)
        return json_response(health, status)
