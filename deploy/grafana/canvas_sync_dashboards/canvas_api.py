"""*Canvas API*: how Canvas answers, what it refuses, how much of the quota is left."""

from __future__ import annotations

from typing import Final

from canvas_sync_core.schema.metrics import MetricName

from .datasources import PROMETHEUS
from .page import Page, Row, half, quarter, third
from .panels import COUNT, bars, events, lines, spread, value
from .promql import BY_ROUTE, ROUTE, happened, increase, mean, quantile, rate, ratio, series, total
from .quota_rows import quota, time, tokens
from .steps import above, below
from .tables import Column, table
from .targets import Buckets, Now, OverTime, Rows
from .variables import choose, choose_label, scraped_by

__all__ = ["page"]

_FAILED: Final = 'status_code=~"5..|timeout|connection|other"'
_NOT_WELL: Final = 'status_code!~"[23].."'
_BUDGET: Final = f"scalar(max(last_over_time({series(MetricName.API_ERROR_BUDGET)}[1h])))"
"""The share of requests that may fail, as set on the exporter."""
_WINDOWS: Final = ("1h", "6h", "1d", "3d")
_RATE: Final = "$__rate_interval"


def page() -> Page:
    """The whole dashboard."""
    return Page(
        uid="canvas-sync-api",
        title="Canvas Sync / Canvas API",
        description="How Canvas answers the syncs, what it refuses, how much of the quota is left.",
        variables=(
            choose(PROMETHEUS),
            *scraped_by("canvas_sync_exporter_build_info"),
            choose_label("route", "Route", MetricName.API_REQUESTS),
        ),
        rows=(_now(), _traffic(), _latency(), time(), quota(), tokens(), _throttling(), _burn()),
    )


def _failures(over: str) -> str:
    """The share of requests that failed through no fault of the sync."""
    failed = total(increase(MetricName.API_REQUESTS, ROUTE, _FAILED, over=over))
    return ratio(failed, total(increase(MetricName.API_REQUESTS, ROUTE, over=over)))


def _now() -> Row:
    slowest = quantile(0.95, MetricName.API_REQUEST_DURATION, matchers=(ROUTE,), over="$__range")
    return Row(
        "In the time shown",
        (
            quarter(
                value(
                    "Requests",
                    "All requests to Canvas, successful or not.",
                    Now(total(increase(MetricName.API_REQUESTS, ROUTE)), "requests"),
                    unit=COUNT,
                    empty="0",
                )
            ),
            quarter(
                value(
                    "Requests that failed",
                    "Share of requests with a status of 500 and above or without a response.",
                    Now(_failures("$__range"), "failed"),
                    unit="percentunit",
                    steps=above(0.01, 0.05),
                    empty="no requests",
                )
            ),
            quarter(
                value(
                    "95th percentile of the latency",
                    "95 % of requests were faster.",
                    Now(slowest, "p95"),
                    unit="s",
                    steps=above(2.5, 10),
                    empty="no requests",
                )
            ),
            quarter(
                value(
                    "Lowest quota left",
                    "Lowest X-Rate-Limit-Remaining that a sync process saw in the time shown. "
                    "Canvas refuses requests at 0; a full quota is usually 700.",
                    Now(
                        "min(min_over_time("
                        f"{series(MetricName.API_RATE_LIMIT_REMAINING)}[$__range]))",
                        "left",
                    ),
                    unit="short",
                    steps=below(300, 100),
                    empty="no runs",
                )
            ),
        ),
    )


def _traffic() -> Row:
    return Row(
        "Requests and errors",
        (
            half(
                lines(
                    "Requests by route",
                    "Requests per second, by route template.",
                    OverTime(total(rate(MetricName.API_REQUESTS, ROUTE), "route"), BY_ROUTE),
                    unit="reqps",
                )
            ),
            half(
                events(
                    "Requests by status",
                    "Requests by HTTP status, or by the kind of failure if there was no response.",
                    OverTime(
                        total(
                            increase(MetricName.API_REQUESTS, ROUTE, over=_RATE),
                            "status_code",
                        )
                        + " > 0",
                        "{{status_code}}",
                    ),
                    unit=COUNT,
                )
            ),
            half(
                events(
                    "Errors by route",
                    "Requests with a status other than 2xx or 3xx, by route and status.",
                    OverTime(
                        total(
                            happened(MetricName.API_REQUESTS, ROUTE, _NOT_WELL, over=_RATE),
                            "route",
                            "status_code",
                        )
                        + " > 0",
                        "{{status_code}} {{route}}",
                    ),
                    unit=COUNT,
                )
            ),
            half(
                table(
                    "Errors by route in the time shown",
                    "401: the token. 403: missing rights, or the quota. 404: gone, or hidden. 5xx "
                    "and no answer: Canvas or the network.",
                    Rows(
                        "sort_desc("
                        + total(
                            happened(MetricName.API_REQUESTS, ROUTE, _NOT_WELL),
                            "route",
                            "status_code",
                        )
                        + " > 0)"
                    ),
                    Column("Requests", unit=COUNT, steps=above(0, 100), width=110),
                    Column("Status", width=110),
                    titles={"route": "Route", "status_code": "Status", "Value": "Requests"},
                    hidden=("Time",),
                )
            ),
        ),
    )


def _latency() -> Row:
    duration = MetricName.API_REQUEST_DURATION
    quantiles = (
        OverTime(quantile(share, duration, matchers=(ROUTE,)), name, exemplars=share == 0.95)
        for share, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
    )
    return Row(
        "Latency",
        (
            half(
                lines(
                    "Latency",
                    "Median, 95th and 99th percentile of Canvas's response time. Each dot is a "
                    "request of a traced run; click it to open the trace.",
                    *quantiles,
                    unit="s",
                    steps=above(2.5, 10),
                )
            ),
            half(
                spread(
                    "Latency, spread",
                    "Distribution of response times.",
                    Buckets(total(increase(f"{duration}_bucket", ROUTE, over=_RATE), "le")),
                    unit="s",
                )
            ),
            half(
                bars(
                    "95th percentile by route",
                    "The ten slowest routes in the time shown.",
                    Now(
                        "topk(10, "
                        + quantile(0.95, duration, "route", matchers=(ROUTE,), over="$__range")
                        + ")",
                        BY_ROUTE,
                    ),
                    unit="s",
                    steps=above(2.5, 10),
                )
            ),
            half(
                bars(
                    "Time spent by route",
                    "The ten routes with the longest total waiting time: fewer or larger pages "
                    "would help most here.",
                    Now(
                        f"topk(10, {total(increase(f'{duration}_sum', ROUTE), 'route')})", BY_ROUTE
                    ),
                    unit="s",
                )
            ),
        ),
    )


def _throttling() -> Row:
    def by_route(name: MetricName) -> str:
        return f"{total(happened(name, ROUTE, over=_RATE), 'route')} > 0"

    return Row(
        "Throttling, refusals, lists",
        (
            half(
                events(
                    "Throttled requests",
                    "Requests that Canvas refused because the quota was used up, by route. Send "
                    "fewer requests at the same time.",
                    OverTime(by_route(MetricName.API_THROTTLED), BY_ROUTE),
                    unit=COUNT,
                )
            ),
            half(
                events(
                    "Retries",
                    "Requests that repeated a failed one, by route.",
                    OverTime(by_route(MetricName.API_RETRIES), BY_ROUTE),
                    unit=COUNT,
                )
            ),
            third(
                bars(
                    "Time waited before retries",
                    "Seconds between failed requests and their retries, by route.",
                    Now(total(happened(MetricName.API_BACKOFF, ROUTE), "route") + " > 0", BY_ROUTE),
                    unit="s",
                    steps=above(60, 600),
                )
            ),
            third(
                bars(
                    "Refusals by cause",
                    "Requests that Canvas refused because of the token, in the time shown. "
                    "Replace an expired or revoked token; add a missing scope.",
                    Now(total(increase(MetricName.API_AUTH_FAILURES), "reason"), "{{reason}}"),
                    unit=COUNT,
                    steps=above(1, 10),
                )
            ),
            third(
                bars(
                    "Truncated lists",
                    "Lists whose next page was never fetched, in the time shown: items are missing "
                    "although nothing failed.",
                    Now(total(happened(MetricName.API_TRUNCATED_LISTS, ROUTE), "route"), BY_ROUTE),
                    unit=COUNT,
                    steps=above(1, 10),
                )
            ),
            half(
                lines(
                    "Pages of lists",
                    "Pages fetched per second, by route. Larger pages mean fewer requests.",
                    OverTime(total(rate(MetricName.API_PAGES, ROUTE), "route"), BY_ROUTE),
                    unit="reqps",
                )
            ),
            half(
                lines(
                    "Mean latency by route",
                    "Canvas's average response time, by route.",
                    OverTime(
                        mean(MetricName.API_REQUEST_DURATION, "route", matchers=(ROUTE,)), BY_ROUTE
                    ),
                    unit="s",
                    steps=above(2.5, 10),
                )
            ),
        ),
    )


def _burn() -> Row:
    windows = (
        OverTime(f"({_failures(window)}) / {_BUDGET}", f"over {window}") for window in _WINDOWS
    )
    return Row(
        "Error budget",
        (
            half(
                lines(
                    "Burn rate",
                    "How fast the error budget, the share of requests that may fail, is spent over "
                    "four windows. At 1 all of it is gone at the end of 30 days, at 14.4 in two "
                    "days.",
                    *windows,
                    unit="short",
                    steps=above(1, 14.4),
                )
            ),
            half(
                bars(
                    "Error budget spent in the time shown",
                    "Share of the errors that the goal allows for as many requests. Above 100 % "
                    "the goal is missed.",
                    Now(f"({_failures('$__range')}) / {_BUDGET}", "spent"),
                    unit="percentunit",
                    steps=above(0.5, 1),
                )
            ),
        ),
    )
