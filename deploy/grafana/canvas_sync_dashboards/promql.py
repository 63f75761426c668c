"""PromQL built from the names of metrics (leaf)."""

from __future__ import annotations

from typing import Final

__all__ = [
    "BY_ROUTE",
    "ROUTE",
    "SYNC_TYPE",
    "happened",
    "increase",
    "mean",
    "quantile",
    "rate",
    "ratio",
    "series",
    "since",
    "total",
]

SYNC_TYPE: Final = 'sync_type=~"$sync_type"'
ROUTE: Final = 'route=~"$route"'
BY_ROUTE: Final = "{{route}}"
"""A legend."""

_TARGET: Final = 'job=~"$job", instance=~"$instance"'
_RATE: Final = "$__rate_interval"


def series(name: str, *matchers: str) -> str:
    """Select the series of a metric by the dashboard's variables and by ``matchers``."""
    return f"{name}{{{', '.join((_TARGET, *matchers))}}}"


def rate(name: str, *matchers: str) -> str:
    """Return a counter's rate in events per second."""
    return f"rate({series(name, *matchers)}[{_RATE}])"


def increase(name: str, *matchers: str, over: str = "$__range") -> str:
    """Return a counter's increase, by default over the time that the dashboard shows.

    A job that runs once a night has a rate of nothing; its increase can be read.
    """
    return f"increase({series(name, *matchers)}[{over}])"


def happened(name: str, *matchers: str, over: str = "$__range") -> str:
    """Return the increase of a counter whose series appear with their first event, like errors.

    ``increase`` alone sees no first event, since there was no 0 before it.
    """
    selected, grown = series(name, *matchers), increase(name, *matchers, over=over)
    first = f"min_over_time({selected}[{over}])"
    known = f"last_over_time({selected}[{over}] offset {over})"
    return f"({first} unless {known}) + {grown} or {grown}"


def total(expression: str, *labels: str) -> str:
    """Sum over all series, or over those with the same values of ``labels``."""
    return f"sum by ({', '.join(labels)}) ({expression})" if labels else f"sum({expression})"


def ratio(part: str, whole: str) -> str:
    """Divide; without traffic the result is empty instead of a division by zero."""
    return f"{part} / ({whole} > 0)"


def mean(histogram: str, *labels: str, matchers: tuple[str, ...] = ()) -> str:
    """Return the mean of what a histogram observed within the rate interval."""
    seconds, count = (
        total(increase(f"{histogram}_{part}", *matchers, over=_RATE), *labels)
        for part in ("sum", "count")
    )
    return ratio(seconds, count)


def quantile(
    share: float, histogram: str, *labels: str, matchers: tuple[str, ...] = (), over: str = _RATE
) -> str:
    """Estimate a quantile of what a histogram observed within ``over``."""
    buckets = increase(f"{histogram}_bucket", *matchers, over=over)
    return f"histogram_quantile({share}, {total(buckets, 'le', *labels)})"


def since(timestamps: str, *labels: str) -> str:
    """Return how many seconds ago the latest of some Unix times was."""
    return f"time() - max by ({', '.join(labels)}) ({timestamps})"
