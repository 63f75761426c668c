"""*Overview*: are the syncs all right, how fresh is the data, what did they do."""

from __future__ import annotations

from typing import Final

from canvas_sync_core.schema.metrics import MetricName

from .datasources import PROMETHEUS
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
        description="Whether the syncs are all right, how fresh their data is, what they did.",
        variables=(
            choose(PROMETHEUS),
            *scraped_by(_EXPORTER),
            choose_label("sync_type", "Sync type", MetricName.RUNS),
        ),
        rows=(_health(), _freshness(), _runs(), _items(), _errors()),
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
                    "Whether Prometheus can read every exporter. While one is down, its numbers on "
                    "this page are old.",
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
                    "Share of the runs that ended well in the time shown. Run explorer lists the "
                    "others with their errors.",
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
                    "Runs under way",
                    "Sync runs that run now, over all live processes.",
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
                    "shown. With any, the other panels tell less than happened; Data and storage "
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
            third(
                value(
                    "Time since the last success",
                    "How old the synced data is. Whether that is too old says the panel beside it: "
                    "it counts in intervals of each sync type.",
                    Now(since(series(MetricName.LAST_SUCCESS, SYNC_TYPE), "sync_type"), _TYPE),
                    unit="s",
                    empty="never",
                )
            ),
            third(
                value(
                    "Intervals since the last success",
                    "The same in intervals of the sync type, which CANVAS_SYNC_EXPECTED_INTERVALS "
                    "sets; a day otherwise. Orange when a run was missed, red when two were, and "
                    "then an alert fires.",
                    Now(_intervals_since_success(), _TYPE),
                    unit="none",
                    steps=above(1.1, 2),
                    empty="never",
                )
            ),
            third(
                value(
                    "Time since the last run",
                    "How long ago a run ended, well or not. Much less than the time since the last "
                    "success: runs take place and fail.",
                    Now(since(series(MetricName.LAST_RUN, SYNC_TYPE), "sync_type"), _TYPE),
                    unit="s",
                    empty="never",
                )
            ),
            half(
                bars(
                    "Time since items came in",
                    "How long ago a successful run last handled courses, grades and the others. "
                    "One that stays behind: that part is no longer synced, though runs succeed.",
                    Now(since(series(MetricName.ITEM_LAST_SUCCESS, SYNC_TYPE), "item"), "{{item}}"),
                    unit="s",
                )
            ),
            half(
                bars(
                    "Suspect runs",
                    "Runs in the time shown that were far off the last ones of their kind. Few "
                    "items or fast: data may be missing; GET suspect names the runs.",
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
                    "Alerts that Prometheus fires now, those included that Alertmanager holds "
                    "back. The watchdog always fires and is left out.",
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


def _intervals_since_success() -> str:
    age = since(series(MetricName.LAST_SUCCESS, SYNC_TYPE), "sync_type")
    expected = f"max by (sync_type) ({series(MetricName.EXPECTED_INTERVAL, SYNC_TYPE)})"
    daily = f"max by (sync_type) ({series(MetricName.LAST_RUN, SYNC_TYPE)}) * 0 + 86400"
    return f"({age}) / ({expected} or {daily})"


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
                    "Runs by how they ended",
                    "Runs that ended, at the time when they did. Partial: a part was synced. "
                    "Interrupted: the process died.",
                    OverTime(total(ended, "status"), "{{status}}"),
                    unit=COUNT,
                )
            ),
            half(
                spread(
                    "Duration of runs, spread",
                    "How many runs took how long. A second band that comes up means that some of "
                    "the runs got slow, or suspiciously fast. A dot is a traced run; a click on it "
                    "leads to the trace.",
                    Buckets(total(increase(f"{duration}_bucket", *matchers, over=_RATE), "le")),
                    unit="s",
                )
            ),
            third(
                bars(
                    "Runs in the time shown",
                    "Runs that ended, by sync type and how they ended.",
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
                    "By sync type, of the runs that ended at that time.",
                    OverTime(mean(duration, "sync_type", matchers=matchers), _TYPE),
                    unit="s",
                    steps=above(1800, 7200),
                )
            ),
            third(
                bars(
                    "95th percentile of the duration",
                    "Nineteen of twenty runs in the time shown were faster. Estimated from the "
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
                    "Runs under way",
                    "Runs at the same time, by sync type. A nightly job that is not back at 0 in "
                    "the morning is stuck.",
                    OverTime(
                        total(series(MetricName.RUNS_IN_PROGRESS, SYNC_TYPE), "sync_type"), _TYPE
                    ),
                    unit="short",
                )
            ),
            half(
                lines(
                    "Longest run under way",
                    "For how long the oldest run that has not ended has been running. Nothing "
                    "while none runs.",
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
                    "Items by what became of them",
                    "New, changed, as before, or failed; processed when the app did not say.",
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
                    "All that were handled, by kind.",
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
                    "Errors that runs recorded, also those that a retry mended. Those of all sync "
                    "types: an error's type does not say whose it was.",
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
                    "By what was being done and the type of the error, most frequent first. Run "
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
