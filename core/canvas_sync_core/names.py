"""Every name that users, dashboards and alerts depend on, in one place.

Code takes metric, label, span, log and table names from here. Rules, dashboards and documentation
spell them out again; tests compare the reference pages in ``docs/reference`` with this module.
"""

from __future__ import annotations

from dataclasses import dataclass
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
    "INSTRUMENTATION_SCOPE",
    "ITEMS",
    "ITEM_ACTIONS",
    "LINE_LEVELS",
    "LOGS",
    "METRICS",
    "OTHER",
    "PER_PROCESS",
    "RUN_LEVELS",
    "SPAN_RUN",
    "SPAN_STEP",
    "SUSPECT_REASONS",
    "TABLE",
    "TIME_PARTS",
    "IncidentKind",
    "Log",
    "LogLevel",
    "MetricName",
    "MetricSpec",
    "MetricType",
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


SUSPECT_REASONS: Final = ("few_items", "many_items", "fast", "slow")
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


class MetricType(StrEnum):
    """Prometheus metric types."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class MetricName(StrEnum):
    """The metrics that sync processes write and the exporter serves."""

    RUNS = "canvas_sync_runs_total"
    RUN_DURATION = "canvas_sync_run_duration_seconds"
    RUNS_IN_PROGRESS = "canvas_sync_runs_in_progress"
    RUN_OLDEST_START = "canvas_sync_run_oldest_start_timestamp_seconds"
    LAST_RUN = "canvas_sync_last_run_timestamp_seconds"
    LAST_SUCCESS = "canvas_sync_last_success_timestamp_seconds"
    ITEM_LAST_SUCCESS = "canvas_sync_item_last_success_timestamp_seconds"
    RUNS_SUSPECT = "canvas_sync_runs_suspect_total"
    EXPECTED_INTERVAL = "canvas_sync_expected_interval_seconds"
    ITEMS = "canvas_sync_items_total"
    API_REQUESTS = "canvas_sync_api_requests_total"
    API_REQUEST_DURATION = "canvas_sync_api_request_duration_seconds"
    API_REQUEST_COST = "canvas_sync_api_request_cost_total"
    API_RATE_LIMIT_REMAINING = "canvas_sync_api_rate_limit_remaining"
    API_QUOTA_REMAINING = "canvas_sync_api_token_rate_limit_remaining"
    API_QUOTA_MAXIMUM = "canvas_sync_api_token_rate_limit_maximum"
    API_QUOTA_COST = "canvas_sync_api_token_cost_per_second"
    API_QUOTA_CONCURRENCY = "canvas_sync_api_token_concurrency"
    API_QUOTA_SAFE_CONCURRENCY = "canvas_sync_api_token_safe_concurrency"
    API_QUOTA_UNTIL_EMPTY = "canvas_sync_api_token_until_empty_seconds"
    API_QUOTA_SEEN = "canvas_sync_api_token_seen_timestamp_seconds"
    API_CREDENTIAL_EXPIRES = "canvas_sync_api_token_expires_timestamp_seconds"
    API_THROTTLED = "canvas_sync_api_throttled_total"
    API_RETRIES = "canvas_sync_api_retries_total"
    API_BACKOFF = "canvas_sync_api_backoff_seconds_total"
    API_GUARD_WAITS = "canvas_sync_api_guard_waits_total"
    API_GUARD_WAIT = "canvas_sync_api_guard_wait_seconds_total"
    API_AUTH_FAILURES = "canvas_sync_api_auth_failures_total"
    API_PAGES = "canvas_sync_api_pages_total"
    API_TIME = "canvas_sync_api_time_seconds_total"
    API_TRUNCATED_LISTS = "canvas_sync_api_truncated_lists_total"
    DB_OPERATIONS = "canvas_sync_db_operations_total"
    DB_OPERATION_DURATION = "canvas_sync_db_operation_duration_seconds"
    ERRORS = "canvas_sync_errors_total"
    LOG_RECORDS = "canvas_sync_log_records_total"
    TELEMETRY_DROPPED = "canvas_sync_telemetry_dropped_total"
    LOG_BYTES = "canvas_sync_log_bytes"
    ARCHIVE_BYTES = "canvas_sync_archive_bytes"
    ARCHIVES = "canvas_sync_archives"
    LOG_DISK_FREE = "canvas_sync_log_disk_free_bytes"
    CLEANUP_RUNS = "canvas_sync_cleanup_runs_total"
    CLEANUP_LAST_SUCCESS = "canvas_sync_cleanup_last_success_timestamp_seconds"
    CLEANUP_RECLAIMED = "canvas_sync_cleanup_reclaimed_bytes_total"


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """What a metric is.

    Attributes:
        type: Prometheus type.
        labels: Label names, in the order in which values are given.
        help: One sentence for ``# HELP``.
        merge: How a gauge of several processes becomes one, by prometheus-client's names of
            multiprocess modes (``max``, ``livesum``, ``livemin``); ``liveall`` when the exporter
            makes one of them that no such rule gives; empty for other types.
        buckets: Upper bounds of a histogram in seconds, without ``+Inf``.
    """

    type: MetricType
    labels: tuple[str, ...]
    help: str
    merge: str = ""
    buckets: tuple[float, ...] = ()


PER_PROCESS: Final = "liveall"

_RUN_BUCKETS: Final = (1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0)
_API_BUCKETS: Final = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_DB_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


def _counter(help_text: str, *labels: str) -> MetricSpec:
    return MetricSpec(MetricType.COUNTER, labels, help_text)


def _gauge(help_text: str, merge: str, *labels: str) -> MetricSpec:
    return MetricSpec(MetricType.GAUGE, labels, help_text, merge)


def _histogram(help_text: str, buckets: tuple[float, ...], *labels: str) -> MetricSpec:
    return MetricSpec(MetricType.HISTOGRAM, labels, help_text, buckets=buckets)


METRICS: Final[dict[MetricName, MetricSpec]] = {
    MetricName.RUNS: _counter("Sync runs that ended.", "sync_type", "status"),
    MetricName.RUN_DURATION: _histogram(
        "Duration of sync runs that ended.", _RUN_BUCKETS, "sync_type", "status"
    ),
    MetricName.RUNS_IN_PROGRESS: _gauge("Sync runs that run now.", "livesum", "sync_type"),
    MetricName.RUN_OLDEST_START: _gauge(
        "Start of the longest running sync; only while one runs.", "livemin", "sync_type"
    ),
    MetricName.LAST_RUN: _gauge("End of the newest sync run.", "max", "sync_type"),
    MetricName.LAST_SUCCESS: _gauge("End of the newest successful sync run.", "max", "sync_type"),
    MetricName.ITEM_LAST_SUCCESS: _gauge(
        "End of the newest successful sync run that handled such items.", "max", "sync_type", "item"
    ),
    MetricName.RUNS_SUSPECT: _counter(
        "Sync runs far off the last ones of their kind.", "sync_type", "reason"
    ),
    MetricName.EXPECTED_INTERVAL: _gauge(
        "How often runs of a sync type are expected to succeed.", "max", "sync_type"
    ),
    MetricName.ITEMS: _counter("Items handled by sync runs.", "sync_type", "item", "action"),
    MetricName.API_REQUESTS: _counter(
        "Canvas API requests by status code, or by error class when there was no answer.",
        "method",
        "route",
        "status_code",
    ),
    MetricName.API_REQUEST_DURATION: _histogram(
        "Duration of Canvas API requests.", _API_BUCKETS, "method", "route"
    ),
    MetricName.API_REQUEST_COST: _counter("Sum of X-Request-Cost.", "route"),
    MetricName.API_RATE_LIMIT_REMAINING: _gauge(
        "Lowest X-Rate-Limit-Remaining last seen by a live process.", "livemin"
    ),
    MetricName.API_QUOTA_REMAINING: _gauge(
        "What is left now of a token's quota.", PER_PROCESS, "token"
    ),
    MetricName.API_QUOTA_MAXIMUM: _gauge(
        "What is left of a token's quota that is not used.", PER_PROCESS, "token"
    ),
    MetricName.API_QUOTA_COST: _gauge(
        "Cost a second of a token's requests in about the last minute.", PER_PROCESS, "token"
    ),
    MetricName.API_QUOTA_CONCURRENCY: _gauge(
        "Requests in flight with a token in about the last minute.", PER_PROCESS, "token"
    ),
    MetricName.API_QUOTA_SAFE_CONCURRENCY: _gauge(
        "Requests in flight that never use a token's quota up.", PER_PROCESS, "token"
    ),
    MetricName.API_QUOTA_UNTIL_EMPTY: _gauge(
        "When nothing is left of a token's quota at the present pace.", PER_PROCESS, "token"
    ),
    MetricName.API_QUOTA_SEEN: _gauge("The newest request with a token.", PER_PROCESS, "token"),
    MetricName.API_CREDENTIAL_EXPIRES: _gauge("When a token expires.", PER_PROCESS, "token"),
    MetricName.API_THROTTLED: _counter("Canvas API requests that were throttled.", "route"),
    MetricName.API_RETRIES: _counter("Canvas API requests that repeated a failed one.", "route"),
    MetricName.API_BACKOFF: _counter(
        "Seconds between a failed Canvas API request and its retry.", "route"
    ),
    MetricName.API_GUARD_WAITS: _counter("Canvas API requests that a guard held back."),
    MetricName.API_GUARD_WAIT: _counter("Seconds that a guard held Canvas API requests back."),
    MetricName.API_AUTH_FAILURES: _counter("Canvas API requests refused, by cause.", "reason"),
    MetricName.API_TIME: _counter(
        "Duration of Canvas API requests by where it was spent.", "route", "part"
    ),
    MetricName.API_PAGES: _counter("Pages of Canvas lists fetched.", "route"),
    MetricName.API_TRUNCATED_LISTS: _counter(
        "Canvas lists whose next page was never fetched.", "route"
    ),
    MetricName.DB_OPERATIONS: _counter(
        "Database operations of the sync.", "operation", "table", "outcome"
    ),
    MetricName.DB_OPERATION_DURATION: _histogram(
        "Duration of database operations of the sync.", _DB_BUCKETS, "operation", "table"
    ),
    MetricName.ERRORS: _counter("Errors recorded by sync runs.", "operation", "error_type"),
    MetricName.LOG_RECORDS: _counter("Log records written.", "log", "level"),
    MetricName.TELEMETRY_DROPPED: _counter(
        "Telemetry that could not be delivered.", "sink", "reason"
    ),
    MetricName.LOG_BYTES: _gauge("Size of a log with its backups and rotated files.", "max", "log"),
    MetricName.ARCHIVE_BYTES: _gauge("Size of a log's archives.", "max", "log"),
    MetricName.ARCHIVES: _gauge("Number of a log's archives.", "max", "log"),
    MetricName.LOG_DISK_FREE: _gauge("Free space on the disk of the log folder.", "max"),
    MetricName.CLEANUP_RUNS: _counter("Log cleanups that ended.", "status"),
    MetricName.CLEANUP_LAST_SUCCESS: _gauge("End of the newest successful log cleanup.", "max"),
    MetricName.CLEANUP_RECLAIMED: _counter("Bytes that log cleanups freed."),
}
