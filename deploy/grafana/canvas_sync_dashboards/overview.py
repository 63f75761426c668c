"""*Overview*: are the syncs all right, how fresh is the data, what did they do."""

from __future__ import annotations

from typing import Final

from canvas_sync_core.schema.metrics import MetricName

from .datasources import PROMETHEUS
from .incident_rows import incidents
from .page import Page, Row, half, quarter, third, whole
from .panels import COUNT, bars, events, lines, spread, value
from .promql import SYNC_TYPE, happened, increase, mean, quantile, ratio, series, since, total
from .steps import above, below
from .tables import Column, table
from .targets import Buckets, Now, OverTime, Rows
from .variables import choose, choose_label, scraped_by

__all__ = ["page"]

_EXPORTER: Final = "canvas_sync_exporter_build_info"
_RATE: Final = "$__rate_interval"


def page() -> Page:
    """The whole dashboard."""
    return Page(
        uid="canvas-sync-overview",
        title="Canvas Sync / Overview",
        description="Whether the syncs are healthy, how fresh their data is, what they did.",
        variables=(
            choose(PROMETHEUS),
            *scraped_by(_EXPORTER),
            choose_label("sync_type", "Sync type", MetricName.RUNS),
        ),
        rows=(incidents(), _health(), _freshness(), _runs(), _items(), _errors()),
    )


def _health() -> Row:
    succeeded = increase(MetricName.RUNS, SYNC_TYPE, 'status="success"')
    lost = total(increase(MetricName.TELEMETRY_DROPPED))
    return Row(
        "Health",
        (
            quarter(
                value(
                    "Exporters",
                    "Whether Prometheus can scrape every exporter. While one is down, its numbers "
                    "on this page are old.",
                    Now(f"min({series('up')})", "exporter"),
                    unit="none",
                    steps=below(1, 1),
                    words={"1": ("up", "green"), "0": ("down", "red")},
                    empty="unknown",
                )
            ),
            quarter(
                value(
                    "Runs that succeeded",
                    "Share of runs that succeeded in the time shown. Run explorer lists the others "
                    "with their errors.",
                    Now(
                        ratio(total(succeeded), total(increase(MetricName.RUNS, SYNC_TYPE))), "runs"
                    ),
                    unit="percentunit",
                    steps=below(0.99, 0.9),
                    empty="no runs",
                )
            ),
            quarter(
                value(
                    "Runs in progress",
                    "Sync runs in progress, in all live processes.",
                    Now(
                        f"{total(series(MetricName.RUNS_IN_PROGRESS, SYNC_TYPE))} or vector(0)",
                        "runs",
                    ),
                    unit=COUNT,
                    empty="0",
                )
            ),
            quarter(
                value(
                    "Telemetry lost",
                    "Log lines, rows, spans and numbers that could not be delivered in the time "
                    "shown. If there are any, the other panels are incomplete; Data and storage "
                    "says which.",
                    Now(lost, "lost"),
                    unit=COUNT,
                    steps=above(1, 100),
                    empty="0",
                )
            ),
        ),
    )


def _freshness() -> Row:
    return Row(
        "Freshness",
        (
            half(
                value(
                    "Time since the last success",
                    "How old the synced data is. If it is older than promised, an incident is "
                    "open.",
                    Now(since(series(MetricName.LAST_SUCCESS, SYNC_TYPE), "sync_type"), _TYPE),
                    unit="s",
                    empty="never",
                )
            ),
            half(
                value(
                    "Time since the last run",
                    "How long ago a run ended, successful or not. If this is much less than the "
                    "time since the last success, runs are failing.",
                    Now(since(series(MetricName.LAST_RUN, SYNC_TYPE), "sync_type"), _TYPE),
                    unit="s",
                    empty="never",
                )
            ),
            half(
                bars(
                    "Time since items arrived",
                    "How long ago a successful run last handled courses, grades and so on. If one "
                    "lags behind, it is no longer synced although runs succeed.",
                    Now(since(series(MetricName.ITEM_LAST_SUCCESS, SYNC_TYPE), "item"), "{{item}}"),
                    unit="s",
                )
            ),
            half(
                bars(
                    "Suspect runs",
                    "Runs in the time shown that differ widely from earlier ones. Few items or "
                    "fast: data may be missing; GET suspect lists the runs.",
                    Now(
                        total(increase(MetricName.RUNS_SUSPECT, SYNC_TYPE), "reason"), "{{reason}}"
                    ),
                    unit=COUNT,
                    steps=above(1, 5),
                )
            ),
            whole(
                table(
                    "Firing alerts",
                    "Alerts firing in Prometheus, including those that Alertmanager suppresses. "
                    "The watchdog always fires and is not shown.",
                    Rows(
                        "count by (alertname, severity, sync_type) "
                        '(ALERTS{alertstate="firing", alertname!="Watchdog"})'
                    ),
                    Column("Severity", colours={"critical": "red", "warning": "orange"}, width=90),
                    titles={
                        "alertname": "Alert",
                        "severity": "Severity",
                        "sync_type": "Sync type",
                        "Value": "Firing",
                    },
                    hidden=("Time",),
                ),
                7,
            ),
        ),
    )


def _runs() -> Row:
    ended = increase(MetricName.RUNS, SYNC_TYPE, over=_RATE)
    matchers = (SYNC_TYPE,)
    duration = MetricName.RUN_DURATION
    oldest = series(MetricName.RUN_OLDEST_START, SYNC_TYPE)
    return Row(
        "Runs",
        (
            half(
                events(
                    "Runs by status",
                    "Runs that ended, by end time. Partial: only part was synced. "
                    "Interrupted: the process died.",
                    OverTime(total(ended, "status"), "{{status}}"),
                    unit=COUNT,
                )
            ),
            half(
                spread(
                    "Duration of runs, spread",
                    "Distribution of run durations. If a second band appears, some of the runs got "
                    "slow or suspiciously fast. A dot is a traced run; click it to open the trace.",
                    Buckets(total(increase(f"{duration}_bucket", *matchers, over=_RATE), "le")),
                    unit="s",
                )
            ),
            third(
                bars(
                    "Runs in the time shown",
                    "Runs that ended, by sync type and status.",
                    Now(
                        f"{total(increase(MetricName.RUNS, SYNC_TYPE), 'sync_type', 'status')} > 0",
                        "{{sync_type}}: {{status}}",
                    ),
                    unit=COUNT,
                )
            ),
            third(
                lines(
                    "Mean duration of runs",
                    "By sync type, for the runs that ended at that time.",
                    OverTime(mean(duration, "sync_type", matchers=matchers), _TYPE),
                    unit="s",
                    steps=above(1800, 7200),
                )
            ),
            third(
                bars(
                    "95th percentile of the duration",
                    "95 % of runs in the time shown were faster. Estimated from the "
                    "histogram's buckets.",
                    Now(
                        quantile(0.95, duration, "sync_type", matchers=matchers, over="$__range"),
                        _TYPE,
                    ),
                    unit="s",
                    steps=above(1800, 7200),
                )
            ),
            half(
                lines(
                    "Runs in progress",
                    "Concurrent runs, by sync type. A nightly job that is not back at 0 in the "
                    "morning is stuck.",
                    OverTime(
                        total(series(MetricName.RUNS_IN_PROGRESS, SYNC_TYPE), "sync_type"), _TYPE
                    ),
                    unit="short",
                )
            ),
            half(
                lines(
                    "Longest run in progress",
                    "How long the oldest run in progress has been running. Empty while none is "
                    "running.",
                    OverTime(f"time() - min by (sync_type) ({oldest})", _TYPE),
                    unit="s",
                    steps=above(3600, 2 * 3600),
                )
            ),
        ),
    )


def _items() -> Row:
    return Row(
        "Items",
        (
            half(
                events(
                    "Items by kind",
                    "Courses, assignments, submissions, grades, users and enrollments handled. A "
                    "run that succeeds with far fewer than usual deserves a look.",
                    OverTime(
                        total(increase(MetricName.ITEMS, SYNC_TYPE, over=_RATE), "item"), "{{item}}"
                    ),
                    unit=COUNT,
                )
            ),
            half(
                events(
                    "Items by action",
                    "New, changed, unchanged, or failed; processed if the app did not say.",
                    OverTime(
                        total(increase(MetricName.ITEMS, SYNC_TYPE, over=_RATE), "action"),
                        "{{action}}",
                    ),
                    unit=COUNT,
                )
            ),
            half(
                bars(
                    "Items in the time shown",
                    "All items handled, by kind.",
                    Now(total(increase(MetricName.ITEMS, SYNC_TYPE), "item"), "{{item}}"),
                    unit=COUNT,
                )
            ),
            half(
                bars(
                    "Items that failed in the time shown",
                    "By kind. The errors log says why.",
                    Now(
                        total(increase(MetricName.ITEMS, SYNC_TYPE, 'action="failed"'), "item"),
                        "{{item}}",
                    ),
                    unit=COUNT,
                    steps=above(1, 100),
                )
            ),
        ),
    )


def _errors() -> Row:
    seen = happened(MetricName.ERRORS)
    return Row(
        "Errors",
        (
            half(
                events(
                    "Errors by type",
                    "Errors that runs recorded, including those that a retry fixed. For all sync "
                    "types, because errors are not counted by sync type.",
                    OverTime(
                        total(happened(MetricName.ERRORS, over=_RATE), "error_type"),
                        "{{error_type}}",
                    ),
                    unit=COUNT,
                )
            ),
            half(
                table(
                    "Errors in the time shown",
                    "By operation and error type, most frequent first. Run "
                    "explorer has their log lines.",
                    Rows(f"sort_desc({total(seen, 'operation', 'error_type')} > 0)"),
                    Column("Errors", unit=COUNT, steps=above(0, 100), width=110),
                    titles={"operation": "Doing", "error_type": "Error", "Value": "Errors"},
                    hidden=("Time",),
                )
            ),
        ),
    )


_TYPE: Final = "{{sync_type}}"
