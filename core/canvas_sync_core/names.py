"""The names that users, dashboards and alerts depend on: spans, logs, items and statuses.

:mod:`.schema` builds metrics, fields and columns from them. Rules, dashboards and documentation
repeat them; tests compare the reference pages in ``docs/reference`` with both modules.
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
    "REPORT_KINDS",
    "RUN_LEVELS",
    "SPAN_RUN",
    "SPAN_STEP",
    "SUSPECT_REASONS",
    "TABLE",
    "TIME_PARTS",
    "IncidentKind",
    "Log",
    "LogLevel",
    "MessageKind",
    "MessageState",
    "RunStatus",
    "Severity",
]

DISTRIBUTION: Final = "canvas-sync-monitor"
INSTRUMENTATION_SCOPE: Final = "canvas_sync_instrumentation"
TABLE: Final = "canvas_sync_metrics"
OTHER: Final = "other"
"""The label value that replaces values which would make a label unbounded."""

SPAN_RUN: Final = "canvas.sync"
SPAN_STEP: Final = "canvas.sync.step"

ITEMS: Final = ("course", "assignment", "submission", "grade", "user", "enrollment")
ITEM_ACTIONS: Final = ("created", "updated", "unchanged", "failed", "processed")
"""What happened to an item; ``processed`` if the app did not say."""

HTTP_METHODS: Final = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
"""The common HTTP methods."""

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
"""The outcomes that alerts on API requests distinguish; each exists as 0 once a route is used."""

GRAPHQL_ERROR: Final = "graphql"
"""The ``error_type`` of a GraphQL answer with errors, whose status is 200."""

API_ERRORS: Final = (
    *AUTH_FAILURE_REASONS,
    GRAPHQL_ERROR,
    *("http_404", "http_500", "http_502", "http_503", "http_504"),
    *("timeout", "connection", OTHER),
)
"""Every value of ``error_type`` of failed API requests that is known in advance."""

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
"""Why telemetry is dropped, by ``sink``: the values of the label ``reason``."""


SUSPECT_REASONS: Final = (
    *("few_items", "few_calls", "few_received", "few_bytes"),
    *("many_items", "fast", "slow"),
)
"""How a run can differ from recent runs of the same kind."""


TIME_PARTS: Final = ("queue", "user_cpu", "system_cpu", "database", "rest")
"""The parts of an API request's duration; ``rest`` is the network and unreported time."""


class RunStatus(StrEnum):
    """The status of a sync run."""

    RUNNING = "running"
    SUCCESS = "success"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


class IncidentKind(StrEnum):
    """The kinds of problems that the judge can find."""

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
    MESSAGES_FAILING = "messages_failing"
    EXPORTER_SILENT = "exporter_silent"


class Severity(StrEnum):
    """How soon a person must act on an incident."""

    CRITICAL = "critical"
    """Immediately: it pages someone."""
    WARNING = "warning"
    """During office hours."""


class MessageKind(StrEnum):
    """What a message is about."""

    INCIDENT = "incident"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    PERFORMANCE = "performance"
    FAILURES = "failures"
    TEST = "test"


REPORT_KINDS: Final = (
    MessageKind.DAILY,
    MessageKind.WEEKLY,
    MessageKind.MONTHLY,
    MessageKind.PERFORMANCE,
    MessageKind.FAILURES,
)
"""The messages that report on a period."""


class MessageState(StrEnum):
    """What has become of a message."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    GIVEN_UP = "given_up"
    SKIPPED = "skipped"
    """It is in another message, or there is no reason to send it any more."""


FINAL_STATUSES: Final = tuple(status for status in RunStatus if status is not RunStatus.RUNNING)
"""The statuses with which a run can end."""


RUN_LEVELS: Final[dict[str, str]] = {
    RunStatus.PARTIAL: "WARNING",
    RunStatus.CANCELLED: "WARNING",
    RunStatus.FAILED: "ERROR",
    RunStatus.INTERRUPTED: "ERROR",
}
"""Status -> level of the line that reports the end of a run; ``INFO`` for other statuses."""


class LogLevel(StrEnum):
    """Log levels, least important first. A log may have the level ``OFF``, a line never does."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"
    OFF = "OFF"

    @property
    def written(self) -> tuple[LogLevel, ...]:
        """The levels of the lines that a log with this level contains."""
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
