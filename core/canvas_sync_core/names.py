"""The words that users, dashboards and alerts depend on: names of spans, logs, items and statuses.

What is made of them (metrics, fields, columns) is declared in :mod:`.schema`. Rules, dashboards and
documentation spell them out again; tests compare the reference pages in ``docs/reference`` with
both.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

__all__ = [
    "API_ERRORS",
    "API_OUTCOMES",
    "AUTH_FAILURE_REASONS",
    "DISTRIBUTION",
    "DROP_REASONS",
    "FINAL_STATUSES",
    "GRAPHQL_ERROR",
    "HTTP_METHODS",
    "INSTRUMENTATION_SCOPE",
    "ITEMS",
    "ITEM_ACTIONS",
    "LINE_LEVELS",
    "LOGS",
    "OTHER",
    "RUN_LEVELS",
    "SPAN_RUN",
    "SPAN_STEP",
    "SUSPECT_REASONS",
    "TABLE",
    "TIME_PARTS",
    "IncidentKind",
    "Log",
    "LogLevel",
    "RunStatus",
    "Severity",
]

DISTRIBUTION: Final = "canvas-sync-monitor"
INSTRUMENTATION_SCOPE: Final = "canvas_sync_instrumentation"
TABLE: Final = "canvas_sync_metrics"
OTHER: Final = "other"
"""The label value for whatever would make a label unbounded."""

SPAN_RUN: Final = "canvas.sync"
SPAN_STEP: Final = "canvas.sync.step"

ITEMS: Final = ("course", "assignment", "submission", "grade", "user", "enrollment")
ITEM_ACTIONS: Final = ("created", "updated", "unchanged", "failed", "processed")
"""What happened to an item; ``processed`` when the app did not say."""

HTTP_METHODS: Final = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
"""The usual ones."""

AUTH_FAILURE_REASONS: Final = (
    "invalid_token",
    "expired_token",
    "revoked_token",
    "insufficient_scope",
    "invalid_refresh_token",
    "invalid_grant",
    "invalid_client",
    "forbidden",
    "missing_user_agent",
)

API_OUTCOMES: Final = (
    *("200", "401", "403", "404", "429", "500", "502", "503", "504"),
    *("timeout", "connection", OTHER),
)
"""What alerts on API requests tell apart; each is 0 from a route's first request on."""

GRAPHQL_ERROR: Final = "graphql"
"""The ``error_type`` of a GraphQL answer with errors, whose status is 200."""

API_ERRORS: Final = (
    *AUTH_FAILURE_REASONS,
    GRAPHQL_ERROR,
    *("http_404", "http_500", "http_502", "http_503", "http_504"),
    *("timeout", "connection", OTHER),
)
"""The ``error_type`` of failed API requests that are known beforehand."""

DROP_REASONS: Final = {
    "hooks": ("internal_error",),
    "tracker": ("internal_error", "misuse", "no_thread"),
    "log": ("closed", "disk_full", "internal_error", "io_error"),
    "metrics": ("disk_full", "internal_error", "io_error"),
    "spans": ("export_failed", "internal_error", "queue_full"),
    "store": (
        *("closed", "damaged_record", "internal_error"),
        *("rejected_row", "spool_emptied", "spool_full", "spool_unwritable"),
    ),
}
"""Why telemetry gets lost, by ``sink``: the values of ``reason`` in its metric."""


SUSPECT_REASONS: Final = (
    *("few_items", "few_calls", "few_received", "few_bytes"),
    *("many_items", "fast", "slow"),
)
"""What can be odd about a run that is compared with the last ones of its kind."""


TIME_PARTS: Final = ("queue", "user_cpu", "system_cpu", "database", "rest")
"""Where the duration of an API request is spent; the rest is the network and what is not told."""


class RunStatus(StrEnum):
    """What became of a sync run."""

    RUNNING = "running"
    SUCCESS = "success"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


class IncidentKind(StrEnum):
    """What the judge can find wrong."""

    # The syncs' runs.
    MISSED = "missed"
    OVERDUE = "overdue"
    FAILING = "failing"
    PARTIAL = "partial"
    INTERRUPTED = "interrupted"
    STUCK = "stuck"
    OVERLAPPING = "overlapping"
    SLOW = "slow"
    SUSPECT = "suspect"
    # Canvas.
    TOKEN_REFUSED = "token_refused"  # noqa: S105 - the name of a kind
    TOKEN_EXPIRING = "token_expiring"  # noqa: S105 - the name of a kind
    QUOTA_LOW = "quota_low"
    THROTTLED = "throttled"
    API_FAILING = "api_failing"
    API_SLOW = "api_slow"
    LIST_TRUNCATED = "list_truncated"
    # The synced data, and the database that it goes to.
    STALE_ITEMS = "stale_items"
    DB_FAILING = "db_failing"
    DB_SLOW = "db_slow"
    # The monitoring itself.
    DATABASE_AWAY = "database_away"
    SPOOL_GROWING = "spool_growing"
    LOG_FOLDER_UNWRITABLE = "log_folder_unwritable"
    TELEMETRY_DROPPED = "telemetry_dropped"
    ROLLUPS_BEHIND = "rollups_behind"
    CLEANUP_MISSED = "cleanup_missed"
    DISK_FILLING = "disk_filling"
    CLOCK_WRONG = "clock_wrong"


class Severity(StrEnum):
    """How soon a person has to act on an incident."""

    CRITICAL = "critical"
    """Now: it pages."""
    WARNING = "warning"
    """In office hours."""


FINAL_STATUSES: Final = tuple(status for status in RunStatus if status is not RunStatus.RUNNING)
"""How a run can end."""


RUN_LEVELS: Final[dict[str, str]] = {
    RunStatus.PARTIAL: "WARNING",
    RunStatus.CANCELLED: "WARNING",
    RunStatus.FAILED: "ERROR",
    RunStatus.INTERRUPTED: "ERROR",
}
"""Status -> level of the line that ends a run; ``INFO`` for the others."""


class LogLevel(StrEnum):
    """How much a line matters, the least first; ``OFF`` is no line's, but the level of a log."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"
    OFF = "OFF"

    @property
    def written(self) -> tuple[LogLevel, ...]:
        """The levels of the lines that a log of this level has."""
        return LINE_LEVELS[tuple(LogLevel).index(self) :]


LINE_LEVELS: Final = tuple(level for level in LogLevel if level is not LogLevel.OFF)
"""The levels that a line can have."""


class Log(StrEnum):
    """The five logs; the file is the value plus ``.log``."""

    OPERATIONS = "operations"
    API_CALLS = "api_calls"
    DATABASE = "database"
    ERRORS = "errors"
    PROGRESS = "progress"


_MEGABYTE: Final = 1024 * 1024

LOGS: Final[dict[Log, tuple[int, int]]] = {
    Log.OPERATIONS: (50 * _MEGABYTE, 10),
    Log.API_CALLS: (30 * _MEGABYTE, 8),
    Log.DATABASE: (30 * _MEGABYTE, 8),
    Log.ERRORS: (20 * _MEGABYTE, 10),
    Log.PROGRESS: (25 * _MEGABYTE, 7),
}
"""Log -> (size in bytes at which it is rotated, number of backups kept)."""
