"""Whether rollups and rows answer the same."""

from __future__ import annotations

import dataclasses
from collections import Counter
from datetime import UTC, datetime, tzinfo

import pytest
from sqlalchemy import Engine, func, select

from canvas_sync_core.names import RunStatus
from canvas_sync_core.store import queries
from canvas_sync_core.store.freshness import freshness
from canvas_sync_core.store.model import metrics_table
from canvas_sync_core.store.rollups.buckets import whole_buckets
from canvas_sync_core.store.rollups.errors import ErrorReader
from canvas_sync_core.store.rollups.reading import Rollups
from canvas_sync_core.store.rollups.series import RunSeries, SeriesBy, SeriesPoint, SeriesReader
from canvas_sync_core.store.run_pages import in_period
from canvas_sync_core.store.statistics import NO_VALUES, Statistics

__all__ = ["assert_same_answers", "assert_same_errors", "assert_same_series"]


def _assert_alike(found: Statistics, exact: Statistics) -> None:
    assert (found.count, found.max) == (exact.count, exact.max), f"{found} is not {exact}"
    if exact == NO_VALUES:
        return
    assert found.average == pytest.approx(exact.average)
    for name in ("p50", "p95", "p99"):
        assert getattr(found, name) == pytest.approx(getattr(exact, name), rel=0.01)


def assert_same_answers(
    rollups: Rollups,
    rows: Engine,
    since: datetime,
    zone: tzinfo = UTC,
    until: datetime | None = None,
) -> None:
    """Rollups answer as the rows do: counts exactly, and percentiles within 1 %."""
    summary, exact = rollups.summary(since, until), queries.summary(rows, since, until)
    assert dataclasses.replace(summary, duration=exact.duration) == exact
    _assert_alike(summary.duration, exact.duration)
    speed = rollups.performance(since, zone, until)
    exact_speed = queries.performance(rows, since, zone, until)
    assert (speed.since, speed.until) == (exact_speed.since, exact_speed.until)
    assert rollups.freshness(since, since, until) == freshness(rows, since, since, until)
    assert [day.day for day in speed.trend] == [day.day for day in exact_speed.trend]
    for one, other in zip((speed, *speed.trend), (exact_speed, *exact_speed.trend), strict=True):
        for name in ("duration", "api_latency", "db_time"):
            _assert_alike(getattr(one, name), getattr(other, name))


def assert_same_series(
    series: SeriesReader,
    rows: Engine,
    since: datetime,
    until: datetime,
    *,
    zone: tzinfo = UTC,
    step: str | None = None,
) -> None:
    """Series from rollups equal those from the rows, and all points add up."""
    whole = queries.summary(rows, since, until).runs
    ended = {name: runs for name, runs in whole.by_status.items() if runs and name != "running"}
    for by in SeriesBy:
        found = series.read(since, until, step=step, by=by, zone=zone)
        exact = SeriesReader(rows).read(since, until, step=found.step, by=by, zone=zone)
        points, expected = _points(found), _points(exact)
        assert points.keys() == expected.keys()
        for key, point in points.items():
            _assert_same_point(point, expected[key])
        assert sum(point.runs for point in points.values()) == sum(ended.values())
        if by is SeriesBy.STATUS:
            statuses = Counter(dict.fromkeys(ended, 0))
            for (name, _), point in points.items():
                statuses[name] += point.runs
            assert statuses == ended


def _points(series: RunSeries) -> dict[tuple[str, datetime], SeriesPoint]:
    return {
        (each.name, point.start): point
        for each in series.series
        for point in each.points
        if point.runs
    }


def _assert_same_point(found: SeriesPoint, exact: SeriesPoint) -> None:
    for name in ("duration", "api_latency", "db_time"):
        _assert_alike(getattr(found, name), getattr(exact, name))
    same = {name: getattr(exact, name) for name in ("duration", "api_latency", "db_time")}
    assert dataclasses.replace(found, **same) == exact


def assert_same_errors(
    engine: Engine, since: datetime, until: datetime, rows: Engine | None = None
) -> None:
    """The numbers of runs by error are those of the rows, in sum and over time."""
    since, end = whole_buckets(since, until)
    until = end or until
    columns = metrics_table.c
    has_error = (columns.error_type.is_not(None), columns.sync_status != RunStatus.RUNNING.value)
    group = (columns.sync_type, columns.error_type)
    statement = (
        select(*group, func.count()).where(in_period(since, until), *has_error).group_by(*group)
    )
    with (rows or engine).connect() as connection:
        expected = {(one, error): runs for one, error, runs in connection.execute(statement)}
    reader = ErrorReader(engine)
    top = reader.top(since, until, 1_000)
    found = {
        (one, each.error_type): runs
        for each in top.items
        for one, runs in each.by_sync_type.items()
    }
    assert found == expected
    assert top.runs == sum(expected.values())
    series = reader.series(since, until, limit=1_000)
    by_error = {each.name: sum(point.runs for point in each.points) for each in series.series}
    assert by_error == {each.error_type: each.runs for each in top.items}
