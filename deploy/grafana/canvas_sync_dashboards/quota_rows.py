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
                    "Time of requests by where it goes",
                    "Seconds a second, by X-Canvas-Meta. Queue: Canvas is overloaded. CPU and "
                    "database: what is asked for is expensive. Rest: the network, and what Canvas "
                    "does not tell.",
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
    """What is left, and which routes use it up."""
    cost = MetricName.API_REQUEST_COST
    requests = total(increase(MetricName.API_REQUESTS, ROUTE), "route")
    return Row(
        "Quota",
        (
            half(
                lines(
                    "Quota left",
                    "Lowest X-Rate-Limit-Remaining that a live sync process last saw. Nothing "
                    "while no sync runs.",
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
                    "Quota that requests cost a second, as Canvas says in X-Request-Cost. Canvas "
                    "gives back about 10 a second.",
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
                    "What a request costs on average: the ten dearest routes.",
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
    """How each token stands."""
    left, pace = _by_token("min", MetricName.API_QUOTA_REMAINING), MetricName.API_QUOTA_COST
    until_empty = _by_token("min", MetricName.API_QUOTA_UNTIL_EMPTY)
    expires = _by_token("min", MetricName.API_CREDENTIAL_EXPIRES)
    return Row(
        "Access tokens",
        (
            half(
                lines(
                    "Quota left by token",
                    "What is left now of the quota of each token that a live process uses. A token "
                    "goes by the first 8 digits of its SHA-256.",
                    OverTime(left, _LEGEND),
                    unit="short",
                    steps=below(300, 100),
                )
            ),
            half(
                lines(
                    "Cost by token",
                    f"Quota used a second, in about the last minute. {LEAK_RATE:g} a second come "
                    "back: a token that stays above is throttled in the end.",
                    OverTime(_by_token("max", pace), _LEGEND),
                    unit="short",
                    steps=above(0.8 * LEAK_RATE, LEAK_RATE),
                )
            ),
            half(
                lines(
                    "Requests at the same time by token",
                    "Requests in flight, and how many never use the quota up: give all processes "
                    "with the token together no more threads or tasks than are safe.",
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
                    "Seconds a second that a ThrottleGuard held requests back, over all threads. "
                    "Much of it while the cost is low: fewer threads would do as much.",
                    OverTime(total(rate(MetricName.API_GUARD_WAIT)), "waited"),
                    unit="s",
                )
            ),
            half(
                lines(
                    "Time until the quota is spent",
                    "When Canvas refuses requests if they go on as now. An hour stands for longer, "
                    "and for never.",
                    OverTime(f"clamp_max({until_empty}, {_HOUR}) or {left} * 0 + {_HOUR}", _LEGEND),
                    unit="s",
                    steps=below(600, 60),
                )
            ),
            half(
                bars(
                    "Days until tokens expire",
                    "By CANVAS_SYNC_TOKEN_EXPIRES, or because Canvas said that a token has "
                    "expired. Then make a new one.",
                    Now(f"({expires} - time()) / 86400", _LEGEND),
                    unit="d",
                    steps=below(14, 3),
                )
            ),
        ),
    )


def _by_token(function: str, name: MetricName) -> str:
    """Take the value of a gauge for each token, over all exporters that know it."""
    return f"{function} by (token) ({series(name)})"
