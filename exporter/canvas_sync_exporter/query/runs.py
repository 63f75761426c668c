"""Queries of runs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Engine

from canvas_sync_core.store import queries
from canvas_sync_core.store.run_facets import RunFacets, run_facets
from canvas_sync_core.store.run_filter import RunFilter
from canvas_sync_core.store.run_history import RunHistory, run_history
from canvas_sync_core.store.run_search import RunSearchPage, search_runs
from canvas_sync_core.store.running import RunningRuns, running_now
from canvas_sync_core.store.runs import RunRow

from .sources import source
from .times import Time, Zone, bounds

__all__ = ["get_run", "get_run_facets", "get_run_history", "get_running", "get_runs", "iter_runs"]

_PAGE: Final = 500


def get_run(run: int | str, *, engine: Engine | None = None) -> RunRow | None:
    """Return a run by its number or its task id; None if there is none."""
    engine, _ = source(engine)
    if isinstance(run, int):
        return queries.run_by_id(engine, run)
    return queries.run_by_task(engine, run)


def get_runs(
    *,
    limit: int = 50,
    cursor: str | None = None,
    since: Time | None = None,
    until: Time | None = None,
    tz: Zone = dt.UTC,
    engine: Engine | None = None,
    **filters: Any,
) -> RunSearchPage:
    """Return a page of the runs that match all filters, newest first.

    Args:
        limit: Maximum number of runs.
        cursor: ``next`` of the previous page.
        since: Only runs that started then or later.
        until: Only runs that started before then.
        tz: Time zone of dates, and of times without one.
        engine: The database; by default that of the settings.
        filters: ``statuses``, ``sync_types`` (sequences), ``user_id``, ``course_id``, ``host``,
            ``error_type``, ``is_suspect``, ``min_duration``, ``max_duration`` (seconds).
    """
    engine, _ = source(engine)
    return search_runs(engine, _filter(since, until, tz, filters), limit, cursor)


def iter_runs(
    *,
    since: Time | None = None,
    until: Time | None = None,
    tz: Zone = dt.UTC,
    engine: Engine | None = None,
    **filters: Any,
) -> Iterator[RunRow]:
    """Yield all runs that match all filters, newest first; arguments as for :func:`get_runs`."""
    engine, _ = source(engine)
    wanted = _filter(since, until, tz, filters)
    return _all_pages(engine, wanted)


def get_run_facets(
    *,
    since: Time | None = None,
    until: Time | None = None,
    tz: Zone = dt.UTC,
    engine: Engine | None = None,
    **filters: Any,
) -> RunFacets:
    """Count the runs that match all filters; arguments as for :func:`get_runs`."""
    engine, _ = source(engine)
    return run_facets(engine, _filter(since, until, tz, filters))


def get_running(*, limit: int = 50, engine: Engine | None = None) -> RunningRuns:
    """Return the runs in progress, oldest first, with their expected end."""
    engine, _ = source(engine)
    return running_now(engine, dt.datetime.now(dt.UTC), limit)


def get_run_history(run: RunRow, *, engine: Engine | None = None) -> RunHistory:
    """Compare a run with others of the same sync type, user and course."""
    engine, _ = source(engine)
    return run_history(engine, run)


def _filter(since: Time | None, until: Time | None, tz: Zone, filters: dict[str, Any]) -> RunFilter:
    start, end = bounds(since, until, tz)
    for name in ("statuses", "sync_types"):
        value: Sequence[str] | None = filters.get(name)
        if isinstance(value, str):
            raise ValueError(f"{name}: use a list of texts, such as [{value!r}]")
        if value is not None:
            filters = {**filters, name: tuple(value)}
    return RunFilter(since=start, until=end, **filters)


def _all_pages(engine: Engine, wanted: RunFilter) -> Iterator[RunRow]:
    cursor: str | None = None
    while True:
        page = search_runs(engine, wanted, _PAGE, cursor)
        yield from page.items
        cursor = page.next
        if cursor is None:
            return
