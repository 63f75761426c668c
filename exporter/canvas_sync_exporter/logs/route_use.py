"""How fast Canvas answered each route, and how often it failed, from lines of the API log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["RouteUse", "use_by_route"]

_MOST_ROUTES: Final = 15


@dataclass(frozen=True, slots=True)
class RouteUse:
    """The calls of a route.

    Attributes:
        failed: Number of calls with no answer, or with a status of 400 or more.
        throttled: Number of calls that Canvas refused because the quota was used up.
        p50: Median duration in seconds; None if no duration is known.
        p95: 95th percentile of the durations, in seconds.
    """

    route: str
    calls: int
    failed: int
    throttled: int
    p50: float | None
    p95: float | None


def use_by_route(calls: Iterable[Mapping[str, Any]]) -> list[RouteUse]:
    """Sum up calls by route; return the fifteen that took the most time, slowest first.

    Args:
        calls: The fields of each call.
    """
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for call in calls:
        groups.setdefault(str(call.get("route") or "other"), []).append(call)
    seconds = {route: sorted(_durations(group)) for route, group in groups.items()}
    slowest = sorted(groups, key=lambda route: sum(seconds[route]), reverse=True)
    return [_use(route, groups[route], seconds[route]) for route in slowest[:_MOST_ROUTES]]


def _use(route: str, calls: Sequence[Mapping[str, Any]], seconds: Sequence[float]) -> RouteUse:
    return RouteUse(
        route=route,
        calls=len(calls),
        failed=sum(map(_has_failed, calls)),
        throttled=sum(call.get("throttled") is True for call in calls),
        p50=_quantile(seconds, 0.5),
        p95=_quantile(seconds, 0.95),
    )


def _has_failed(call: Mapping[str, Any]) -> bool:
    status = call.get("status_code")
    return not isinstance(status, int) or status >= 400


def _durations(calls: Iterable[Mapping[str, Any]]) -> Iterable[float]:
    values = (call.get("duration_seconds") for call in calls)
    return (float(value) for value in values if isinstance(value, int | float))


def _quantile(ordered: Sequence[float], share: float) -> float | None:
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else None
