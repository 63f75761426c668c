"""Rows of *Canvas API*: where the time of requests goes, and the quota, whole and by token."""

from __future__ import annotations

from typing import Final

from canvas_sync_core.canvas.quota import LEAK_RATE
from canvas_sync_core.schema.metrics import MetricName

from .page import Row, half
from .panels import bars, lines
from .promql import BY_ROUTE, ROUTE, increase, rate, ratio, series, total
from .steps import above, below
from .targets import Now, OverTime

__all__ = ["quota", "time", "tokens"]

_LEGEND: Final = "{{token}}"
_HOUR: Final = 3600


def time() -> Row:
    """Where the time of requests goes."""
    spent = MetricName.API_TIME
    in_canvas = total(increase(spent, ROUTE, 'part!="rest"'), "route")
    return Row(
        "Where the time goes",
        (
            half(
                lines(
                    "Request time by part",
                    "Seconds per second, from X-Canvas-Meta. Queue: Canvas is overloaded. CPU and "
                    "database: the requests are expensive. Rest: the network, and time that Canvas "
                    "does not report.",
                    OverTime(total(rate(spent, ROUTE), "part"), "{{part}}"),
                    unit="s",
                )
            ),
            half(
                bars(
                    "Time in Canvas by route",
                    "The ten routes on which Canvas itself took longest in the time shown, without "
                    "the rest.",
                    Now(f"topk(10, {in_canvas})", BY_ROUTE),
                    unit="s",
                )
            ),
        ),
    )


def quota() -> Row:
    """The remaining quota, and which routes use it up."""
    cost = MetricName.API_REQUEST_COST
    requests = total(increase(MetricName.API_REQUESTS, ROUTE), "route")
    return Row(
        "Quota",
        (
            half(
                lines(
                    "Quota left",
                    "Lowest latest X-Rate-Limit-Remaining of all live sync processes. Empty while "
                    "no sync is running.",
                    OverTime(
                        f"min by (instance) ({series(MetricName.API_RATE_LIMIT_REMAINING)})",
                        "{{instance}}",
                    ),
                    unit="short",
                    steps=below(300, 100),
                )
            ),
            half(
                lines(
                    "Cost by route",
                    "Quota that requests use per second, from X-Request-Cost. Canvas refills about "
                    "10 per second.",
                    OverTime(total(rate(cost, ROUTE), "route"), BY_ROUTE),
                    unit="short",
                    steps=above(8, 10),
                )
            ),
            half(
                bars(
                    "Cost by route in the time shown",
                    "The ten routes that cost most of the quota.",
                    Now(f"topk(10, {total(increase(cost, ROUTE), 'route')})", BY_ROUTE),
                    unit="short",
                )
            ),
            half(
                bars(
                    "Cost of one request by route",
                    "Average cost of a request: the ten most expensive routes.",
                    Now(
                        f"topk(10, {ratio(total(increase(cost, ROUTE), 'route'), requests)})",
                        BY_ROUTE,
                    ),
                    unit="short",
                    steps=above(5, 20),
                )
            ),
        ),
    )


def tokens() -> Row:
    """The quota of each token."""
    left, pace = _by_token("min", MetricName.API_QUOTA_REMAINING), MetricName.API_QUOTA_COST
    until_empty = _by_token("min", MetricName.API_QUOTA_UNTIL_EMPTY)
    expires = _by_token("min", MetricName.API_CREDENTIAL_EXPIRES)
    return Row(
        "Access tokens",
        (
            half(
                lines(
                    "Quota left by token",
                    "Remaining quota of each token that a live process uses. Tokens are identified "
                    "by the first 8 digits of their SHA-256.",
                    OverTime(left, _LEGEND),
                    unit="short",
                    steps=below(300, 100),
                )
            ),
            half(
                lines(
                    "Cost by token",
                    f"Quota used per second, over about the last minute. {LEAK_RATE:g} per second "
                    "are refilled: a token that stays above that is eventually throttled.",
                    OverTime(_by_token("max", pace), _LEGEND),
                    unit="short",
                    steps=above(0.8 * LEAK_RATE, LEAK_RATE),
                )
            ),
            half(
                lines(
                    "Concurrent requests by token",
                    "Requests in flight, and the number that never uses up the quota: do not use "
                    "more threads or tasks than that with the token, over all processes.",
                    OverTime(_by_token("max", MetricName.API_QUOTA_CONCURRENCY), _LEGEND),
                    OverTime(
                        _by_token("min", MetricName.API_QUOTA_SAFE_CONCURRENCY), f"{_LEGEND} safe"
                    ),
                    unit="short",
                )
            ),
            half(
                lines(
                    "Time waited before requests",
                    "Seconds per second that requests waited for a ThrottleGuard, over all "
                    "threads. If this is high while the cost is low, use fewer threads.",
                    OverTime(total(rate(MetricName.API_GUARD_WAIT)), "waited"),
                    unit="s",
                )
            ),
            half(
                lines(
                    "Time until the quota is used up",
                    "Time until Canvas refuses requests at the present rate. An hour means an hour "
                    "or more, or never.",
                    OverTime(f"clamp_max({until_empty}, {_HOUR}) or {left} * 0 + {_HOUR}", _LEGEND),
                    unit="s",
                    steps=below(600, 60),
                )
            ),
            half(
                bars(
                    "Days until tokens expire",
                    "From CANVAS_SYNC_TOKEN_EXPIRES, or from Canvas, when it refused an expired "
                    "token. Create a new token then.",
                    Now(f"({expires} - time()) / 86400", _LEGEND),
                    unit="d",
                    steps=below(14, 3),
                )
            ),
        ),
    )


def _by_token(function: str, name: MetricName) -> str:
    """Return the value of a gauge for each token, over all exporters that know it."""
    return f"{function} by (token) ({series(name)})"
