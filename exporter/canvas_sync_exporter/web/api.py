"""The endpoints of the REST API about runs, statistics, log cleanup and health."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response, request

from canvas_sync_core.store import queries
from canvas_sync_core.store.freshness import Freshness
from canvas_sync_core.store.query_results import Performance, Summary, UserSummary
from canvas_sync_core.store.run_pages import RunPage
from canvas_sync_core.store.runs import RunRow
from canvas_sync_exporter.jobs.log_cleanup import clean_logs, next_cleanup
from canvas_sync_exporter.logs.retention import CleanupReport, CleanupRunning, get_cleanup_status
from canvas_sync_exporter.logs.retention_settings import make_retention_settings
from canvas_sync_exporter.logs.status import LogStatus

from .auth import Scope
from .context import WebContext
from .cursors import CURSOR, cursor_problems
from .endpoint import Endpoint, json_response
from .formats import FORMAT
from .health import Health, HealthChecks
from .parameters import Parameter, flag, list_limit, text, whole_number
from .period import DAYS, FROM, TO, TZ, read_period, read_recent_period
from .problems import DATABASE_AWAY, ProblemError
from .run_lookup import NO_RUN, RUN_ID, require_run

__all__ = ["PREFIX", "Api"]

PREFIX = "/api/canvas/metrics"

_BIGGEST = 2**63 - 1
_TASK_ID = text("task_id", "Task id of the run.", 1000, in_path=True)
_USER_ID = whole_number("user_id", "Canvas id of the user.", 0, _BIGGEST)
_EXACT = flag("exact", "Read the runs themselves instead of the rollups, which is slow.")
_DEFAULT_DAYS = 7
_RANGE = (FROM, TO, TZ)
_PERIOD = (DAYS, *_RANGE)
_LIMIT = list_limit("runs")
_PAGE = (_LIMIT, CURSOR, FORMAT)
_NO_USER = {404: "The user never had a run."}


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


class Api:
    """Answers each endpoint from the table and the log folder.

    Args:
        context: Where they are.
    """

    def __init__(self, context: WebContext) -> None:
        self._context = context
        self._engine = context.engine
        self._rollups = context.rollups
        self._health = HealthChecks(context)

    def endpoints(self) -> tuple[Endpoint, ...]:
        """The endpoints, in the order in which the documentation shows them."""
        return (*self._run_endpoints(), *self._statistics_endpoints(), *self._upkeep_endpoints())

    def _run_endpoints(self) -> tuple[Endpoint, ...]:
        return (
            _query(
                "sync/<run_id>",
                self.run,
                RunRow,
                "One run with all fields",
                RUN_ID,
                problems=NO_RUN,
                is_shared=True,
            ),
            _query(
                "sync/task/<path:task_id>",
                self.run_of_task,
                RunRow,
                "One run with all fields, by its task id",
                _TASK_ID,
                problems=NO_RUN,
                is_shared=True,
            ),
            _query(
                "user/<user_id>/syncs",
                self.user_runs,
                RunPage,
                "The runs of a user, newest first",
                _USER_ID,
                *_RANGE,
                *_PAGE,
                problems=_NO_USER,
                is_shared=True,
            ),
            _query(
                "recent",
                self.recent_runs,
                RunPage,
                "All runs, newest first",
                *_RANGE,
                *_PAGE,
                is_shared=True,
            ),
            _query(
                "failed",
                self.failed_runs,
                RunPage,
                "Failed, partial and interrupted runs with their errors, newest first",
                *_PERIOD,
                *_PAGE,
                is_shared=True,
            ),
            _query(
                "suspect",
                self.suspect_runs,
                RunPage,
                "Runs whose items or duration differ widely from the last ones of their kind",
                *_PERIOD,
                *_PAGE,
                is_shared=True,
            ),
        )

    def _statistics_endpoints(self) -> tuple[Endpoint, ...]:
        return (
            _query(
                "user/<user_id>/summary",
                self.user_summary,
                UserSummary,
                "Totals, success rate, durations and the last run of a user",
                _USER_ID,
                *_PERIOD,
                tag="statistics",
                problems=_NO_USER,
            ),
            _query(
                "summary",
                self.summary,
                Summary,
                "Totals of all runs, by status and sync type",
                *_PERIOD,
                _EXACT,
                tag="statistics",
                is_shared=True,
            ),
            _query(
                "performance",
                self.performance,
                Performance,
                "How fast runs, API calls and database operations were, with a trend by day",
                *_PERIOD,
                _EXACT,
                tag="statistics",
                is_shared=True,
            ),
            _query(
                "freshness",
                self.freshness,
                Freshness,
                "When courses, grades and other items last arrived, by sync type",
                *_PERIOD,
                tag="statistics",
            ),
        )

    def _upkeep_endpoints(self) -> tuple[Endpoint, ...]:
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

    def run(self, run_id: int) -> RunRow:
        """Find a run by its number."""
        return require_run(self._engine, run_id)

    def run_of_task(self, task_id: str) -> RunRow:
        """Find a run by its task id."""
        run = queries.run_by_task(self._engine, task_id)
        if run is None:
            raise ProblemError(404, f"There is no run with the id {task_id!r}.")
        return run

    def user_runs(self, user_id: int, limit: int, cursor: str | None, **period: Any) -> RunPage:
        """List a user's runs."""
        since, until = _bounds(period)
        with cursor_problems():
            page = queries.user_runs(self._engine, user_id, limit, cursor, since=since, until=until)
        if not page.items and not queries.user_runs(self._engine, user_id, 1).items:
            raise _no_user(user_id)
        return page

    def recent_runs(self, limit: int, cursor: str | None, **period: Any) -> RunPage:
        """List all runs."""
        since, until = _bounds(period)
        with cursor_problems():
            return queries.recent_runs(self._engine, limit, cursor, since=since, until=until)

    def failed_runs(self, limit: int, cursor: str | None, **period: Any) -> RunPage:
        """List failed, partial and interrupted runs."""
        since, until = _recent_period(period)
        with cursor_problems():
            return queries.failed_runs(self._engine, since, limit, cursor, until=until)

    def suspect_runs(self, limit: int, cursor: str | None, **period: Any) -> RunPage:
        """List suspect runs."""
        since, until = _recent_period(period)
        with cursor_problems():
            return queries.suspect_runs(self._engine, since, limit, cursor, until=until)

    def user_summary(self, user_id: int, **period: Any) -> UserSummary:
        """Return totals of a user's runs."""
        found = queries.user_summary(self._engine, user_id, *_recent_period(period))
        if found.last_run is None:
            raise _no_user(user_id)
        return found

    def summary(self, exact: bool, **period: Any) -> Summary:
        """Return totals of all runs."""
        since, until = _recent_period(period)
        if exact:
            return queries.summary(self._engine, since, until)
        return self._rollups.summary(since, until)

    def performance(self, exact: bool, tz: dt.tzinfo, **period: Any) -> Performance:
        """Return how fast runs were."""
        since, until = _recent_period({**period, "tz": tz})
        if exact:
            return queries.performance(self._engine, since, tz, until)
        return self._rollups.performance(since, tz, until)

    def freshness(self, **period: Any) -> Freshness:
        """Return how fresh the data is."""
        since, until = _recent_period(period)
        return self._rollups.freshness(since, dt.datetime.now(dt.UTC), until)

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


def _query(
    path: str,
    handler: Callable[..., Any],
    answer: Any,
    summary: str,
    *parameters: Parameter,
    tag: str = "runs",
    problems: Mapping[int, str] | None = None,
    is_shared: bool = False,
) -> Endpoint:
    """Create an endpoint that queries the table."""
    problems = {**(problems or {}), **DATABASE_AWAY}
    return Endpoint(
        method="GET",
        path=path,
        handler=handler,
        summary=summary,
        answer=answer,
        tag=tag,
        parameters=parameters,
        problems=problems,
        is_shared=is_shared,
    )


def _bounds(period: Mapping[str, Any]) -> tuple[dt.datetime | None, dt.datetime | None]:
    """Return start and end of a period, from the values of its parameters."""
    found = read_period(period["since"], period["until"], period["tz"])
    return found.since, found.until


def _recent_period(period: Mapping[str, Any]) -> tuple[dt.datetime, dt.datetime | None]:
    """Return the same for a period that always has a start."""
    days = period["days"]
    found = read_recent_period(period["since"], period["until"], period["tz"], days)
    return found.since, found.until


def _no_user(user_id: int) -> ProblemError:
    return ProblemError(404, f"The user {user_id} never had a run.")
