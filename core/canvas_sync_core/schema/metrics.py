"""Every metric of the product: its type, labels, help, and the series that must exist as 0.

The sync processes count most of them in metric files. The exporter itself produces the gauges that
cannot be merged over processes, and everything that begins with ``canvas_sync_exporter_``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from http import HTTPStatus
from itertools import product
from typing import Final

import msgspec

from canvas_sync_core.canvas.routes import is_known_route
from canvas_sync_core.names import (
    API_ERRORS,
    API_OUTCOMES,
    AUTH_FAILURE_REASONS,
    DROP_REASONS,
    FINAL_STATUSES,
    HTTP_METHODS,
    ITEM_ACTIONS,
    ITEMS,
    LINE_LEVELS,
    OTHER,
    SUSPECT_REASONS,
    TIME_PARTS,
    IncidentKind,
    Log,
    MessageState,
    Severity,
)

from .labels import MAX_CHANNELS, MAX_INCIDENTS, MAX_TOKENS, Label, closed, opened

__all__ = ["METRICS", "PER_PROCESS", "MetricName", "MetricSpec", "MetricType", "zeros_of"]


class MetricType(StrEnum):
    """Prometheus metric types."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class MetricName(StrEnum):
    """Names of the metrics."""

    RUNS = "canvas_sync_runs_total"
    RUN_DURATION = "canvas_sync_run_duration_seconds"
    RUNS_IN_PROGRESS = "canvas_sync_runs_in_progress"
    RUN_OLDEST_START = "canvas_sync_run_oldest_start_timestamp_seconds"
    LAST_RUN = "canvas_sync_last_run_timestamp_seconds"
    LAST_SUCCESS = "canvas_sync_last_success_timestamp_seconds"
    ITEM_LAST_SUCCESS = "canvas_sync_item_last_success_timestamp_seconds"
    RUNS_SUSPECT = "canvas_sync_runs_suspect_total"
    NEXT_DUE = "canvas_sync_next_due_timestamp_seconds"
    INCIDENTS_OPEN = "canvas_sync_incidents_open"
    INCIDENTS_ACKNOWLEDGED = "canvas_sync_incidents_acknowledged"
    INCIDENT_INFO = "canvas_sync_incident_info"
    MESSAGES = "canvas_sync_messages"
    JUDGED = "canvas_sync_judged_timestamp_seconds"
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
    API_RECEIVED_ITEMS = "canvas_sync_api_received_items_total"
    API_RECEIVED_BYTES = "canvas_sync_api_received_bytes_total"
    CLOCK_SKEW = "canvas_sync_clock_skew_seconds"
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
    SPOOL_BYTES = "canvas_sync_spool_bytes"
    CLEANUP_RUNS = "canvas_sync_cleanup_runs_total"
    CLEANUP_LAST_SUCCESS = "canvas_sync_cleanup_last_success_timestamp_seconds"
    CLEANUP_RECLAIMED = "canvas_sync_cleanup_reclaimed_bytes_total"
    BUILD_INFO = "canvas_sync_exporter_build_info"
    SENDS_INCIDENTS = "canvas_sync_exporter_sends_incidents"
    API_ERROR_BUDGET = "canvas_sync_api_error_budget_ratio"
    EXPORTER_CHECK = "canvas_sync_exporter_check"
    COLLECTOR_SUCCESS = "canvas_sync_exporter_collector_success"
    COLLECTOR_DURATION = "canvas_sync_exporter_collector_duration_seconds"
    HTTP_REQUESTS = "canvas_sync_exporter_http_requests_total"
    HTTP_REQUEST_DURATION = "canvas_sync_exporter_http_request_duration_seconds"
    BROKEN_FILES = "canvas_sync_exporter_broken_metric_files_total"
    FOLD_FAILURES = "canvas_sync_exporter_fold_failures_total"
    STATE_RECOVERIES = "canvas_sync_exporter_state_recoveries_total"


Zeros = tuple[Mapping[str, str], ...]


class MetricSpec(msgspec.Struct, frozen=True):
    """What a metric is.

    Attributes:
        type: Prometheus type.
        labels: Its labels, in the order in which values are given.
        help: One sentence for ``# HELP``.
        merge: How the gauges of several processes are combined, as one of prometheus-client's
            multiprocess modes (``max``, ``livesum``, ``livemin``); ``liveall`` if the exporter
            combines them by another rule; empty for the exporter's own gauges and for other types.
        buckets: Upper bounds of a histogram in seconds, without ``+Inf``.
        zeros: Series of a counter, or of a gauge of the exporter, that exist as 0 as soon as the
            values of the other labels are known, because ``increase()`` does not see a series
            appear. A series that gives all labels exists from the start of a process.
    """

    type: MetricType
    labels: tuple[Label, ...]
    help: str
    merge: str = ""
    buckets: tuple[float, ...] = ()
    zeros: Zeros = ()

    @property
    def label_names(self) -> tuple[str, ...]:
        """Names of the labels, in order."""
        return tuple(label.name for label in self.labels)

    @property
    def limit(self) -> int:
        """Maximum number of combinations of its open labels' values; others become ``other``."""
        return min((label.limit for label in self.labels if label.is_open), default=0)


PER_PROCESS: Final = "liveall"

_RUN_BUCKETS: Final = (1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0)
_API_BUCKETS: Final = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_DB_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
_HTTP_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

_OUTCOMES: Final = ("success", "failed")
_STATUS_CODES: Final = tuple(map(str, range(100, 600)))
_COLLECTORS: Final = (
    *("alert_thresholds", "archives", "build_info", "clock_skew", "expected_intervals"),
    *("log_disk", "log_files", "processes", "sends_incidents", "spool", "tokens"),
    *("judge", "messages", "checks"),
)
_CHECKS: Final = ("database", "rollups", "log_folder", "metric_files", "spool", "jobs", "judge")

_SYNC_TYPE: Final = opened("sync_type")
_KIND: Final = closed("kind", tuple(IncidentKind))
_SEVERITY: Final = closed("severity", tuple(Severity))
_CHECK: Final = closed("check", _CHECKS)
_STATUS: Final = closed("status", FINAL_STATUSES)
_ITEM: Final = closed("item", ITEMS)
_METHOD: Final = opened("method", is_known=HTTP_METHODS.__contains__)
_ROUTE: Final = opened("route", is_known=is_known_route)
_TOKEN: Final = opened("token", MAX_TOKENS)
_OPERATION: Final = opened("operation")
_TABLE: Final = opened("table")
_LOG: Final = closed("log", tuple(Log))
_COLLECTOR: Final = closed("collector", _COLLECTORS)
_HTTP_METHOD: Final = closed("method", (*HTTP_METHODS, OTHER))
_ENDPOINT: Final = opened("endpoint")
_DROPS: Final = tuple(
    {"sink": sink, "reason": reason} for sink, reasons in DROP_REASONS.items() for reason in reasons
)
_DROP_REASONS: Final = tuple(dict.fromkeys(drop["reason"] for drop in _DROPS))


def _each(**values: Sequence[str]) -> Zeros:
    """Combine the values of some labels; with no arguments, one series for the other labels."""
    return tuple(dict(zip(values, chosen, strict=True)) for chosen in product(*values.values()))


def _counter(help_text: str, *labels: Label, zeros: Zeros = ()) -> MetricSpec:
    return MetricSpec(MetricType.COUNTER, labels, help_text, zeros=zeros)


def _gauge(help_text: str, *labels: Label, merge: str = "", zeros: Zeros = ()) -> MetricSpec:
    return MetricSpec(MetricType.GAUGE, labels, help_text, merge, zeros=zeros)


def _histogram(help_text: str, buckets: tuple[float, ...], *labels: Label) -> MetricSpec:
    return MetricSpec(MetricType.HISTOGRAM, labels, help_text, buckets=buckets)


METRICS: Final[Mapping[MetricName, MetricSpec]] = {
    MetricName.RUNS: _counter(
        "Sync runs that ended.", _SYNC_TYPE, _STATUS, zeros=_each(status=FINAL_STATUSES)
    ),
    MetricName.RUN_DURATION: _histogram(
        "Duration of sync runs that ended.", _RUN_BUCKETS, _SYNC_TYPE, _STATUS
    ),
    MetricName.RUNS_IN_PROGRESS: _gauge("Sync runs in progress.", _SYNC_TYPE, merge="livesum"),
    MetricName.RUN_OLDEST_START: _gauge(
        "Start of the oldest sync run in progress; only while there is one.",
        _SYNC_TYPE,
        merge="livemin",
    ),
    MetricName.LAST_RUN: _gauge("End of the latest sync run.", _SYNC_TYPE, merge="max"),
    MetricName.LAST_SUCCESS: _gauge(
        "End of the latest successful sync run.", _SYNC_TYPE, merge="max"
    ),
    MetricName.ITEM_LAST_SUCCESS: _gauge(
        "End of the latest successful sync run that handled such items.",
        *(_SYNC_TYPE, _ITEM),
        merge="max",
    ),
    MetricName.RUNS_SUSPECT: _counter(
        "Sync runs that differ widely from the last ones of their kind.",
        *(_SYNC_TYPE, closed("reason", SUSPECT_REASONS)),
        zeros=_each(reason=SUSPECT_REASONS),
    ),
    MetricName.NEXT_DUE: _gauge("When the next run of a sync type is due.", _SYNC_TYPE),
    MetricName.INCIDENTS_OPEN: _gauge(
        "Incidents that are open and not acknowledged.",
        *(_KIND, _SEVERITY, _SYNC_TYPE),
        zeros=_each(kind=tuple(IncidentKind), severity=tuple(Severity), sync_type=("",)),
    ),
    MetricName.INCIDENTS_ACKNOWLEDGED: _gauge(
        "Incidents that are open and acknowledged.",
        *(_KIND, _SEVERITY, _SYNC_TYPE),
        zeros=_each(kind=tuple(IncidentKind), severity=tuple(Severity), sync_type=("",)),
    ),
    MetricName.INCIDENT_INFO: _gauge(
        "Open incidents with what they are about and why; always 1.",
        *(_KIND, _SYNC_TYPE),
        *(opened("subject", MAX_INCIDENTS), opened("cause", MAX_INCIDENTS)),
    ),
    MetricName.MESSAGES: _gauge(
        "Messages to a channel by state, unless they are deleted.",
        *(opened("channel", MAX_CHANNELS), closed("state", tuple(MessageState))),
    ),
    MetricName.JUDGED: _gauge("When this exporter last judged."),
    MetricName.EXPECTED_INTERVAL: _gauge(
        "How often runs of a sync type are expected to succeed.", _SYNC_TYPE
    ),
    MetricName.ITEMS: _counter(
        "Items handled by sync runs.",
        *(_SYNC_TYPE, _ITEM, closed("action", ITEM_ACTIONS)),
        zeros=_each(item=ITEMS, action=ITEM_ACTIONS),
    ),
    MetricName.API_REQUESTS: _counter(
        "Canvas API requests by status code, or by error class if there was no response.",
        *(_METHOD, _ROUTE),
        closed("status_code", (*API_OUTCOMES, *_STATUS_CODES, "cancelled")),
        zeros=_each(status_code=API_OUTCOMES),
    ),
    MetricName.API_REQUEST_DURATION: _histogram(
        "Duration of Canvas API requests.", _API_BUCKETS, _METHOD, _ROUTE
    ),
    MetricName.API_REQUEST_COST: _counter("Sum of X-Request-Cost.", _ROUTE, zeros=_each()),
    MetricName.API_RATE_LIMIT_REMAINING: _gauge(
        "Lowest latest X-Rate-Limit-Remaining of all live processes.", merge="livemin"
    ),
    MetricName.API_QUOTA_REMAINING: _gauge(
        "Remaining quota of a token.", _TOKEN, merge=PER_PROCESS
    ),
    MetricName.API_QUOTA_MAXIMUM: _gauge("Full quota of a token.", _TOKEN, merge=PER_PROCESS),
    MetricName.API_QUOTA_COST: _gauge(
        "Cost per second of a token's requests, over about the last minute.",
        _TOKEN,
        merge=PER_PROCESS,
    ),
    MetricName.API_QUOTA_CONCURRENCY: _gauge(
        "Requests in flight with a token, over about the last minute.", _TOKEN, merge=PER_PROCESS
    ),
    MetricName.API_QUOTA_SAFE_CONCURRENCY: _gauge(
        "Number of requests in flight that never uses up a token's quota.", _TOKEN
    ),
    MetricName.API_QUOTA_UNTIL_EMPTY: _gauge(
        "Time until a token's quota is used up at the present rate.", _TOKEN
    ),
    MetricName.API_QUOTA_SEEN: _gauge(
        "Time of the latest request with a token.", _TOKEN, merge=PER_PROCESS
    ),
    MetricName.API_CREDENTIAL_EXPIRES: _gauge("When a token expires.", _TOKEN, merge=PER_PROCESS),
    MetricName.API_THROTTLED: _counter(
        "Canvas API requests that were throttled.", _ROUTE, zeros=_each()
    ),
    MetricName.API_RETRIES: _counter(
        "Canvas API requests that repeated a failed one.", _ROUTE, zeros=_each()
    ),
    MetricName.API_BACKOFF: _counter(
        "Seconds between a failed Canvas API request and its retry.", _ROUTE, zeros=_each()
    ),
    MetricName.API_GUARD_WAITS: _counter(
        "Canvas API requests that waited for a guard.", zeros=_each()
    ),
    MetricName.API_GUARD_WAIT: _counter(
        "Seconds that Canvas API requests waited for a guard.", zeros=_each()
    ),
    MetricName.API_AUTH_FAILURES: _counter(
        "Canvas API requests refused, by cause.",
        closed("reason", AUTH_FAILURE_REASONS),
        zeros=_each(reason=AUTH_FAILURE_REASONS),
    ),
    MetricName.API_TIME: _counter(
        "Duration of Canvas API requests, by where the time was spent.",
        *(_ROUTE, closed("part", TIME_PARTS)),
        zeros=_each(part=TIME_PARTS),
    ),
    MetricName.API_PAGES: _counter("Pages of Canvas lists fetched.", _ROUTE, zeros=_each()),
    MetricName.API_RECEIVED_ITEMS: _counter(
        "Items in the lists that Canvas sent.", _ROUTE, zeros=_each()
    ),
    MetricName.API_RECEIVED_BYTES: _counter(
        "Size of the content of Canvas's answers, without compression.", _ROUTE, zeros=_each()
    ),
    MetricName.CLOCK_SKEW: _gauge("Our clock minus that of Canvas.", merge=PER_PROCESS),
    MetricName.API_TRUNCATED_LISTS: _counter(
        "Canvas lists whose next page was never fetched.", _ROUTE, zeros=_each()
    ),
    MetricName.DB_OPERATIONS: _counter(
        "Database operations of the sync.",
        *(_OPERATION, _TABLE, closed("outcome", _OUTCOMES)),
        zeros=_each(outcome=_OUTCOMES),
    ),
    MetricName.DB_OPERATION_DURATION: _histogram(
        "Duration of database operations of the sync.", _DB_BUCKETS, _OPERATION, _TABLE
    ),
    MetricName.ERRORS: _counter(
        "Errors recorded by sync runs.",
        *(_OPERATION, opened("error_type")),
        zeros=_each(operation=("api",), error_type=API_ERRORS),
    ),
    MetricName.LOG_RECORDS: _counter("Log records written.", _LOG, closed("level", LINE_LEVELS)),
    MetricName.TELEMETRY_DROPPED: _counter(
        "Telemetry that could not be delivered.",
        *(closed("sink", tuple(DROP_REASONS)), closed("reason", _DROP_REASONS)),
        zeros=_DROPS,
    ),
    MetricName.LOG_BYTES: _gauge("Size of a log with its backups and rotated files.", _LOG),
    MetricName.ARCHIVE_BYTES: _gauge("Size of a log's archives.", _LOG),
    MetricName.ARCHIVES: _gauge("Number of a log's archives.", _LOG),
    MetricName.LOG_DISK_FREE: _gauge("Free space on the disk of the log folder."),
    MetricName.SPOOL_BYTES: _gauge("Size of the rows that wait for the database."),
    MetricName.CLEANUP_RUNS: _counter(
        "Log cleanups that ended.", closed("status", _OUTCOMES), zeros=_each(status=_OUTCOMES)
    ),
    MetricName.CLEANUP_LAST_SUCCESS: _gauge(
        "End of the latest successful log cleanup.", merge="max"
    ),
    MetricName.CLEANUP_RECLAIMED: _counter("Bytes that log cleanups freed.", zeros=_each()),
    MetricName.BUILD_INFO: _gauge(
        "Version of the exporter and of its Python.", opened("version", 1), opened("python", 1)
    ),
    MetricName.SENDS_INCIDENTS: _gauge("Whether the exporter sends messages about incidents."),
    MetricName.API_ERROR_BUDGET: _gauge("Share of requests to Canvas that may fail."),
    MetricName.EXPORTER_CHECK: _gauge("Whether a check of health is fine.", _CHECK),
    MetricName.COLLECTOR_SUCCESS: _gauge("Whether a collector succeeded.", _COLLECTOR),
    MetricName.COLLECTOR_DURATION: _gauge("Duration of a collector.", _COLLECTOR),
    MetricName.HTTP_REQUESTS: _counter(
        "HTTP requests that the exporter answered.",
        *(_HTTP_METHOD, _ENDPOINT),
        closed("status", [str(status.value) for status in HTTPStatus]),
    ),
    MetricName.HTTP_REQUEST_DURATION: _histogram(
        "Duration of HTTP requests to the exporter.", _HTTP_BUCKETS, _HTTP_METHOD, _ENDPOINT
    ),
    MetricName.BROKEN_FILES: _counter("Metric files found broken."),
    MetricName.FOLD_FAILURES: _counter("Failed folds of dead processes' files."),
    MetricName.STATE_RECOVERIES: _counter("Repairs of the damaged folded state."),
}


_ZEROS: Final[dict[frozenset[str], list[tuple[MetricName, Mapping[str, str]]]]] = {}
"""Names of the labels that have to be known -> metric and the values of its other labels."""
for _name, _spec in METRICS.items():
    for _zero in _spec.zeros:
        _known = frozenset(_spec.label_names).difference(_zero)
        _ZEROS.setdefault(_known, []).append((_name, _zero))


def zeros_of(known: Mapping[str, str]) -> Iterator[tuple[MetricName, tuple[str, ...]]]:
    """List the series that exist as 0 once the values of some labels are known.

    Args:
        known: Label -> value; nothing for what exists from the start of a process.

    Returns:
        Each series by its metric and the values of all its labels.
    """
    for name, zero in _ZEROS[frozenset(known)]:
        values = {**zero, **known}
        yield name, tuple(values[label] for label in METRICS[name].label_names)
