"""The endpoint about the Canvas quota: how much is left, and what uses it up."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from canvas_sync_core.canvas.quota import LEAK_RATE, PRECHARGE, TokenQuota
from canvas_sync_core.schema.metrics import MetricName
from canvas_sync_exporter.collectors.tokens import read_token_expiries, read_token_quotas
from canvas_sync_exporter.shared_metric_directory import SharedMetricDirectory

from .context import WebContext
from .endpoint import Endpoint

__all__ = ["Quota", "QuotaApi", "RouteCost", "TokenExpiry", "TokenState"]

_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class TokenState:
    """The quota of an access token.

    Attributes:
        token: Short hash of the token, with ``@`` and the host for a further Canvas with the same
            token; ``other`` for those beyond the first fifty.
        remaining: What is left now.
        maximum: What is left when it is not used: the high-water mark.
        cost_per_second: How fast it is used, over about the last minute.
        concurrency: Requests in flight, on average.
        seconds_until_empty: Time until nothing is left at this pace; null if it never runs out.
        safe_concurrency: Number of requests in flight that never uses it up.
        last_request: When its newest request ended.
    """

    token: str
    remaining: float
    maximum: float
    cost_per_second: float
    concurrency: float
    seconds_until_empty: float | None
    safe_concurrency: int
    last_request: dt.datetime


@dataclass(frozen=True, slots=True)
class RouteCost:
    """What the requests of a route have cost since the metrics began.

    Attributes:
        cost: Sum of ``X-Request-Cost``.
        share: Share of the cost of all routes, 0 to 1; null if no request had a cost.
    """

    route: str
    requests: int
    cost: float
    cost_per_request: float
    share: float | None


@dataclass(frozen=True, slots=True)
class TokenExpiry:
    """When a token expires.

    Attributes:
        token: Its name in the settings, or the short hash of one that Canvas refused.
        days_left: Negative when it has expired.
    """

    token: str
    expires: dt.datetime
    days_left: float


@dataclass(frozen=True, slots=True)
class Quota:
    """The Canvas quota.

    Attributes:
        leak_rate: How much of the used quota is restored every second.
        precharge: How much quota a request occupies while it is in flight.
        tokens: Those that live processes used in the last hour, the busiest first.
        routes: The most expensive first.
        expiries: The next first.
        outflow_per_second: Deprecated name of ``leak_rate``.
        up_front_cost: Deprecated name of ``precharge``.
    """

    leak_rate: float
    precharge: float
    tokens: list[TokenState]
    routes: list[RouteCost]
    expiries: list[TokenExpiry]
    outflow_per_second: float = LEAK_RATE
    up_front_cost: float = PRECHARGE


class QuotaApi:
    """Answers from the metric files.

    Args:
        context: Where they are.
    """

    def __init__(self, context: WebContext) -> None:
        self._folder = context.configuration.app.metrics_folder
        self._expiries = context.configuration.exporter.token_expiries
        self._metric_files = context.metric_files or SharedMetricDirectory(self._folder)

    def endpoints(self) -> tuple[Endpoint, ...]:
        """The endpoints, in the order in which the documentation shows them."""
        return (
            Endpoint(
                "GET",
                "quota",
                self.quota,
                "What is left of the Canvas quota by token, cost by route, expiry of tokens",
                Quota,
                tag="statistics",
                problems={503: "The metric files cannot be read."},
            ),
        )

    def quota(self) -> Quota:
        """Return the state of the quota."""
        now = dt.datetime.now(dt.UTC).timestamp()
        expiries = read_token_expiries(self._folder) | self._expiries
        return Quota(
            leak_rate=LEAK_RATE,
            precharge=PRECHARGE,
            tokens=[_state(quota) for quota in read_token_quotas(self._folder, now)],
            routes=self._routes(),
            expiries=[
                TokenExpiry(token, _moment(expires), (expires - now) / _DAY)
                for token, expires in sorted(expiries.items(), key=lambda each: each[1])
            ],
        )

    def _routes(self) -> list[RouteCost]:
        requests = self._metric_files.sums(MetricName.API_REQUESTS, "route")
        costs = self._metric_files.sums(MetricName.API_REQUEST_COST, "route")
        total = sum(costs.values())
        routes = [
            RouteCost(
                route=route,
                requests=round(count),
                cost=costs.get(route, 0.0),
                cost_per_request=costs.get(route, 0.0) / count,
                share=costs.get(route, 0.0) / total if total else None,
            )
            for route, count in requests.items()
            if count
        ]
        return sorted(routes, key=lambda each: each.cost, reverse=True)


def _state(quota: TokenQuota) -> TokenState:
    return TokenState(
        token=quota.token,
        remaining=quota.remaining,
        maximum=quota.maximum,
        cost_per_second=quota.cost_per_second,
        concurrency=quota.concurrency,
        seconds_until_empty=quota.seconds_until_empty,
        safe_concurrency=quota.safe_concurrency,
        last_request=_moment(quota.seen),
    )


def _moment(seconds: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)
