"""Statistics over runs."""

from __future__ import annotations

import datetime as dt
from typing import overload

from sqlalchemy import Engine

from canvas_sync_core.store import queries
from canvas_sync_core.store.freshness import Freshness
from canvas_sync_core.store.query_results import Performance, Summary, UserSummary
from canvas_sync_core.store.rollups.errors import ErrorSeries, TopErrors
from canvas_sync_core.store.rollups.series import RunSeries, SeriesBy
from canvas_sync_core.store.rollups.slices import STEPS

from .sources import source
from .times import Time, Zone, as_zone, bounds_with_start

__all__ = [
    "get_error_series",
    "get_freshness",
    "get_performance",
    "get_series",
    "get_sync_metrics",
    "get_top_errors",
]


@overload
def get_sync_metrics(
    *,
    user_id: None = None,
    since: Time | None = None,
    until: Time | None = None,
    tz: Zone = dt.UTC,
    engine: Engine | None = None,
) -> Summary: ...


@overload
def get_sync_metrics(
    *,
    user_id: int,
    since: Time | None = None,
    until: Time | None = None,
    tz: Zone = dt.UTC,
    engine: Engine | None = None,
) -> UserSummary: ...


def get_sync_metrics(
    *,
    user_id: int | None = None,
    since: Time | None = None,
    until: Time | None = None,
    tz: Zone = dt.UTC,
    engine: Engine | None = None,
) -> Summary | UserSummary:
    """Return totals, success rate and durations of the runs of a period.

    Args:
        user_id: Only runs of this user; None for all runs.
        since: Start of the period; by default seven days before its end.
        until: End of the period, exclusive; by default there is none.
        tz: Time zone of dates, and of times without one.
        engine: The database; by default that of the settings.
    """
    start, end = bounds_with_start(since, until, tz)
    engine, readers = source(engine)
    if user_id is not None:
        return queries.user_summary(engine, user_id, start, end)
    return readers.rollups.summary(start, end)


def get_performance(
    *,
    since: Time | None = None,
    until: Time | None = None,
    tz: Zone = dt.UTC,
    engine: Engine | None = None,
) -> Performance:
    """Return how fast runs were, with a trend by day; arguments as above."""
    start, end = bounds_with_start(since, until, tz)
    return source(engine)[1].rollups.performance(start, as_zone(tz), end)


def get_freshness(
    *,
    since: Time | None = None,
    until: Time | None = None,
    tz: Zone = dt.UTC,
    engine: Engine | None = None,
) -> Freshness:
    """Return when each kind of item last arrived; arguments as above."""
    start, end = bounds_with_start(since, until, tz)
    return source(engine)[1].rollups.freshness(start, dt.datetime.now(dt.UTC), end)


def get_series(
    *,
    since: Time | None = None,
    until: Time | None = None,
    step: str | None = None,
    by: SeriesBy | str = SeriesBy.ALL,
    tz: Zone = dt.UTC,
    engine: Engine | None = None,
) -> RunSeries:
    """Return figures of runs over time; further arguments as above.

    Args:
        since: See above.
        until: See above.
        step: How much time a point covers, such as ``1h``; by default so that there are at most
            200 points.
        by: ``sync_type`` or ``status`` for one series each; ``all`` for one series.
        tz: See above; also the time zone of days.
        engine: See above.
    """
    start, end = bounds_with_start(since, until, tz)
    _require_step(step)
    return source(engine)[1].series.read(
        start, _end(start, end), step=step, by=SeriesBy(by), zone=as_zone(tz)
    )


def get_top_errors(
    *,
    since: Time | None = None,
    until: Time | None = None,
    limit: int = 50,
    tz: Zone = dt.UTC,
    engine: Engine | None = None,
) -> TopErrors:
    """Return the errors that ended most runs; further arguments as above.

    Args:
        since: See above.
        until: See above.
        limit: Maximum number of errors.
        tz: See above.
        engine: See above.
    """
    start, end = bounds_with_start(since, until, tz)
    return source(engine)[1].errors.top(start, _end(start, end), limit)


def get_error_series(
    *,
    since: Time | None = None,
    until: Time | None = None,
    step: str | None = None,
    limit: int = 50,
    tz: Zone = dt.UTC,
    engine: Engine | None = None,
) -> ErrorSeries:
    """Return how often errors ended runs over time; arguments as for the functions above."""
    start, end = bounds_with_start(since, until, tz)
    _require_step(step)
    return source(engine)[1].errors.series(
        start, _end(start, end), step=step, zone=as_zone(tz), limit=limit
    )


def _end(start: dt.datetime, end: dt.datetime | None) -> dt.datetime:
    return end or max(dt.datetime.now(dt.UTC), start)


def _require_step(step: str | None) -> None:
    if step is not None and step not in STEPS:
        raise ValueError(f"step: use one of {', '.join(STEPS)}")
