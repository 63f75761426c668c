"""*Data and storage*: the app's database, the logs and archives, the table of runs."""

from __future__ import annotations

from typing import Final

from canvas_sync_core.names import TABLE
from canvas_sync_core.schema.metrics import MetricName

from .datasources import POSTGRESQL, PROMETHEUS
from .page import Page, Row, half, quarter, third
from .panels import COUNT, bars, events, lines, spread, value
from .promql import increase, quantile, rate, ratio, series, since, total
from .steps import above, below
from .targets import Buckets, Now, OverTime, Sql
from .variables import choose, scraped_by

__all__ = ["page"]

_GIGABYTE: Final = 1024.0**3
_RATE: Final = "$__rate_interval"
_BY_OPERATION: Final = "{{operation}} {{table}}"


def page() -> Page:
    """The whole dashboard."""
    return Page(
        uid="canvas-sync-storage",
        title="Canvas Sync / Data and storage",
        description="The syncs' database, the logs and archives, the table of runs.",
        variables=(
            choose(PROMETHEUS),
            choose(POSTGRESQL),
            *scraped_by("canvas_sync_exporter_build_info"),
        ),
        rows=(_database(), _logs(), _cleanup(), _table()),
    )


def _database() -> Row:
    duration = MetricName.DB_OPERATION_DURATION
    failed = increase(MetricName.DB_OPERATIONS, 'outcome="failed"')
    return Row(
        "Database of the syncs",
        (
            quarter(
                value(
                    "Operations",
                    "The syncs' operations on their own database in the time shown.",
                    Now(total(increase(MetricName.DB_OPERATIONS)), "operations"),
                    unit=COUNT,
                    empty="0",
                )
            ),
            quarter(
                value(
                    "Operations that failed",
                    "Share of operations that failed. The database log lists them.",
                    Now(ratio(total(failed), total(increase(MetricName.DB_OPERATIONS))), "failed"),
                    unit="percentunit",
                    steps=above(0.001, 0.01),
                    empty="no operations",
                )
            ),
            quarter(
                value(
                    "95th percentile of the duration",
                    "95 % of operations in the time shown were faster.",
                    Now(quantile(0.95, duration, over="$__range"), "p95"),
                    unit="s",
                    steps=above(0.25, 1),
                    empty="no operations",
                )
            ),
            quarter(
                value(
                    "Time in the database",
                    "Seconds that the syncs spent in operations in the time shown.",
                    Now(total(increase(f"{duration}_sum")), "time"),
                    unit="s",
                    empty="0",
                )
            ),
            half(
                lines(
                    "Operations by table",
                    "Operations per second, by kind and table.",
                    OverTime(
                        total(rate(MetricName.DB_OPERATIONS), "operation", "table"), _BY_OPERATION
                    ),
                    unit="ops",
                )
            ),
            half(
                lines(
                    "Duration of operations",
                    "95th percentile by kind and table. Dots are operations of traced runs; a "
                    "click leads to the trace.",
                    OverTime(
                        quantile(0.95, duration, "operation", "table"),
                        _BY_OPERATION,
                        exemplars=True,
                    ),
                    unit="s",
                    steps=above(0.25, 1),
                )
            ),
            half(
                spread(
                    "Duration of operations, spread",
                    "Distribution of operation durations.",
                    Buckets(total(increase(f"{duration}_bucket", over=_RATE), "le")),
                    unit="s",
                )
            ),
            half(
                events(
                    "Operations that failed",
                    "By kind and table.",
                    OverTime(
                        total(
                            increase(MetricName.DB_OPERATIONS, 'outcome="failed"', over=_RATE),
                            "operation",
                            "table",
                        ),
                        _BY_OPERATION,
                    ),
                    unit=COUNT,
                )
            ),
        ),
    )


def _logs() -> Row:
    written = increase(MetricName.LOG_RECORDS, over=_RATE)
    dropped = increase(MetricName.TELEMETRY_DROPPED)
    return Row(
        "Logs",
        (
            half(
                lines(
                    "Size of the logs",
                    "Each log with its backups. A log is rotated at its limit and keeps a fixed "
                    "number of backups, so its line levels off; the largest, operations, at "
                    "550 MB.",
                    OverTime(f"max by (log) ({series(MetricName.LOG_BYTES)})", "{{log}}"),
                    unit="bytes",
                    steps=above(0.5 * _GIGABYTE, _GIGABYTE),
                )
            ),
            half(
                events(
                    "Log records",
                    "Records written, by log.",
                    OverTime(total(written, "log"), "{{log}}"),
                    unit=COUNT,
                )
            ),
            half(
                events(
                    "Warnings and errors in the logs",
                    "Records with a level above INFO, by log and level.",
                    OverTime(
                        total(
                            increase(MetricName.LOG_RECORDS, 'level!="INFO"', over=_RATE),
                            "log",
                            "level",
                        ),
                        "{{log}} {{level}}",
                    ),
                    unit=COUNT,
                )
            ),
            half(
                bars(
                    "Telemetry lost in the time shown",
                    "Telemetry that could not be delivered, by sink and reason: the six most "
                    "frequent reasons. The metrics reference explains each of them.",
                    Now(f"topk(6, {total(dropped, 'sink', 'reason')})", "{{sink}}: {{reason}}"),
                    unit=COUNT,
                    steps=above(1, 100),
                )
            ),
        ),
    )


def _cleanup() -> Row:
    cleaned = series(MetricName.CLEANUP_LAST_SUCCESS)
    return Row(
        "Cleanup and archives",
        (
            third(
                value(
                    "Time since the last cleanup",
                    "Since the last successful cleanup, which archives logs and deletes old "
                    "archives. It runs once a night.",
                    Now(since(f"{cleaned} > 0", "instance"), "{{instance}}"),
                    unit="s",
                    steps=above(26 * 3600.0, 50 * 3600.0),
                    empty="not yet",
                )
            ),
            third(
                value(
                    "Cleanups",
                    "Cleanups that ended in the time shown, successful or not.",
                    Now(total(increase(MetricName.CLEANUP_RUNS), "status"), "{{status}}"),
                    unit=COUNT,
                )
            ),
            third(
                value(
                    "Space freed",
                    "Bytes that cleanups freed in the time shown.",
                    Now(total(increase(MetricName.CLEANUP_RECLAIMED)), "freed"),
                    unit="bytes",
                    empty="0",
                )
            ),
            third(
                lines(
                    "Size of the archives",
                    "By log. Old archives are deleted, so a line levels off.",
                    OverTime(f"max by (log) ({series(MetricName.ARCHIVE_BYTES)})", "{{log}}"),
                    unit="bytes",
                    steps=above(5 * _GIGABYTE, 10 * _GIGABYTE),
                )
            ),
            third(
                lines(
                    "Number of archives",
                    "By log.",
                    OverTime(f"max by (log) ({series(MetricName.ARCHIVES)})", "{{log}}"),
                    unit="short",
                )
            ),
            third(
                lines(
                    "Free space for logs",
                    "On the disk of the log folder. When it is full, log lines and metrics are "
                    "lost; an alert fires when it will be full within a day.",
                    OverTime(
                        f"min by (instance) ({series(MetricName.LOG_DISK_FREE)})", "{{instance}}"
                    ),
                    unit="bytes",
                    steps=below(5 * _GIGABYTE, _GIGABYTE),
                )
            ),
        ),
    )


def _table() -> Row:
    return Row(
        "Table of runs",
        (
            third(
                value(
                    "Size of the table",
                    "With its indexes. A row is about 1 kB.",
                    Sql(f"SELECT pg_total_relation_size('{TABLE}') AS size"),
                    unit="bytes",
                    steps=above(5 * _GIGABYTE, 20 * _GIGABYTE),
                )
            ),
            third(
                value(
                    "Rows in the time shown",
                    "Runs in the table that started in the time shown.",
                    Sql(
                        f"SELECT count(*) AS runs FROM {TABLE} WHERE $__timeFilter(sync_start_time)"
                    ),
                    unit=COUNT,
                )
            ),
            third(
                value(
                    "Oldest run",
                    "When the oldest run of the table started.",
                    Sql(
                        "SELECT extract(epoch FROM min(sync_start_time)) * 1000 AS oldest "
                        f"FROM {TABLE}"
                    ),
                    unit="dateTimeAsIso",
                )
            ),
        ),
    )
