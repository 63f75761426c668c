"""The performance report: durations, API latency, database time and routes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Engine

from canvas_sync_core.errors import CanvasSyncMonitorError
from canvas_sync_core.logs import escape_controls
from canvas_sync_core.schema.metrics import MetricName
from canvas_sync_core.sketch import Sketch
from canvas_sync_core.store.rollups.periods import read_periods
from canvas_sync_exporter.messages.content import Content, Section, Status, Table
from canvas_sync_exporter.messages.formats import UNKNOWN, Formats
from canvas_sync_exporter.reasons import reason
from canvas_sync_exporter.settings import Configuration
from canvas_sync_exporter.shared_metric_directory import SharedMetricDirectory

from .comparison import Comparison, describe_comparison, read_comparison
from .figures import QUANTILE_NOISE, Figures, by_sync_type, total_figures
from .periods import ReportRequest
from .sections import MOST_SYNC_TYPES, footer, nothing_to_report

__all__ = [
    "PerformanceFigures",
    "RouteFigures",
    "SyncPerformance",
    "performance_content",
    "read_performance",
]

_MOST_ROUTES: Final = 10
_NONE: Final = Figures({})
_MUCH_SLOWER: Final = 1.5
_P50: Final = 0.5
_P95: Final = 0.95


@dataclass(frozen=True, slots=True)
class SyncPerformance:
    """A sync type in a week and in the week before."""

    name: str
    now: Figures
    before: Figures


@dataclass(frozen=True, slots=True)
class RouteFigures:
    """A route of the Canvas API since the counters began.

    Attributes:
        seconds: Total duration of its requests.
        cost: Sum of ``X-Request-Cost``.
    """

    route: str
    requests: int
    seconds: float
    cost: float

    @property
    def average(self) -> float:
        """Average duration of a request, in seconds."""
        return self.seconds / self.requests


@dataclass(frozen=True, slots=True)
class PerformanceFigures:
    """Everything that the performance report says.

    Attributes:
        routes_problem: Why the routes cannot be read; empty if they could.
    """

    request: ReportRequest
    comparison: Comparison
    total: SyncPerformance
    syncs: tuple[SyncPerformance, ...]
    routes: tuple[RouteFigures, ...]
    routes_problem: str = ""


def read_performance(
    request: ReportRequest, engine: Engine, config: Configuration
) -> PerformanceFigures:
    """Read the figures.

    Raises:
        SQLAlchemyError: The database is unreachable.
    """
    compared = read_comparison(request, engine, config.reports)
    groups = read_periods(engine, [compared.whole, compared.before])
    now, before = map(by_sync_type, groups)
    return PerformanceFigures(
        request,
        compared,
        SyncPerformance("", *map(total_figures, groups)),
        tuple(
            SyncPerformance(name, now.get(name, _NONE), before.get(name, _NONE))
            for name in sorted({*now, *before})
        ),
        *_read_routes(SharedMetricDirectory(config.app.metrics_folder)),
    )


def performance_content(figures: PerformanceFigures, formats: Formats) -> Content:
    """Turn the figures into a message."""
    request = figures.request
    title = f"Performance report, {formats.days(request.begin, request.end)}"
    total = figures.total
    if not total.now.counts.runs:
        return nothing_to_report(request, title, "No run ended in this period.", formats)
    medians = _quantiles(total, _duration, _P50)
    outcome = f"median duration {formats.seconds(medians[0])}"
    change = formats.change(*medians, noise=QUANTILE_NOISE)
    if medians[0] is None:
        outcome = "no run succeeded"
    elif change != UNKNOWN:
        outcome += f" ({change} against the week before)"
    calls = formats.counted(total.now.sum_of("api_calls"), "API call")
    runs = formats.counted(total.now.counts.runs, "run")
    return Content(
        kind=request.kind,
        title=f"{title}: {outcome}",
        summary=f"{runs} with {calls}, {outcome}.",
        status=Status.WARNING if any(map(_is_much_slower, figures.syncs)) else Status.GOOD,
        sections=(
            *_durations_section(figures, formats),
            *_api_section(figures, formats),
            *_database_section(figures, formats),
            *_routes_section(figures, formats),
        ),
        footer=footer(request, formats),
    )


def _read_routes(metric_files: SharedMetricDirectory) -> tuple[tuple[RouteFigures, ...], str]:
    """Return the routes, and why they cannot be read."""
    try:
        requests = metric_files.sums(MetricName.API_REQUESTS, "route")
        seconds = metric_files.sums(f"{MetricName.API_REQUEST_DURATION}_sum", "route")
        costs = metric_files.sums(MetricName.API_REQUEST_COST, "route")
    except (CanvasSyncMonitorError, OSError) as error:
        return (), reason(error)
    routes = (
        RouteFigures(route, round(count), seconds.get(route, 0.0), costs.get(route, 0.0))
        for route, count in sorted(requests.items())
        if count
    )
    return tuple(routes), ""


def _quantiles(
    sync: SyncPerformance, measure: Callable[[Figures], Sketch], share: float
) -> tuple[float | None, float | None]:
    return measure(sync.now).quantile(share), measure(sync.before).quantile(share)


def _is_much_slower(sync: SyncPerformance) -> bool:
    now, before = _quantiles(sync, _duration, _P50)
    return now is not None and before is not None and now > before * _MUCH_SLOWER


def _slowest_first(
    syncs: Sequence[SyncPerformance], measure: Callable[[Figures], Sketch]
) -> list[SyncPerformance]:
    known = [each for each in syncs if measure(each.now).count]
    return sorted(known, key=lambda each: -(measure(each.now).quantile(_P95) or 0.0))


def _cells(
    sync: SyncPerformance, measure: Callable[[Figures], Sketch], formats: Formats
) -> tuple[str, str]:
    """Return the median and the 95th percentile, each with its change."""
    found = []
    for share in (_P50, _P95):
        now, before = _quantiles(sync, measure, share)
        change = formats.change(now, before, noise=QUANTILE_NOISE)
        found.append(formats.seconds(now) + ("" if change == UNKNOWN else f" ({change})"))
    return found[0], found[1]


def _sync_table(
    headings: tuple[str, ...],
    syncs: Sequence[SyncPerformance],
    measure: Callable[[Figures], Sketch],
    cells: Callable[[SyncPerformance], Iterable[str]],
) -> Table:
    """Return a table with one row for each sync type, slowest first by a measure."""
    ordered = _slowest_first(syncs, measure)
    shown = ordered[:MOST_SYNC_TYPES]
    return Table(
        ("Sync type", *headings),
        tuple((escape_controls(sync.name), *cells(sync)) for sync in shown),
        numeric=frozenset(range(1, len(headings) + 1)),
        omitted=len(ordered) - len(shown),
    )


def _section(title: str, text: str, table: Table) -> list[Section]:
    return [Section(title=title, paragraphs=(text,), table=table)] if table.rows else []


def _durations_section(figures: PerformanceFigures, formats: Formats) -> list[Section]:
    table = _sync_table(
        ("Median", "95 %", "Longest"),
        figures.syncs,
        _duration,
        lambda sync: (
            *_cells(sync, _duration, formats),
            formats.seconds(sync.now.durations.largest),
        ),
    )
    slower = {escape_controls(each.name) for each in figures.syncs if _is_much_slower(each)}
    statuses = (Status.WARNING if row[0] in slower else Status.GOOD for row in table.rows)
    text = (
        "Slowest first. 95 % of the runs that succeeded took no longer than the second figure. "
        f"{describe_comparison(figures.request, figures.comparison, formats)}"
    )
    return _section("Duration of runs", text, replace(table, statuses=tuple(statuses)))


def _api_section(figures: PerformanceFigures, formats: Formats) -> list[Section]:
    columns = ("api_calls", "api_failed", "api_throttled")
    table = _sync_table(
        ("Calls", "Failed", "Throttled", "Median", "95 %"),
        figures.syncs,
        _latency,
        lambda sync: (*_sums(sync, columns, formats), *_cells(sync, _latency, formats)),
    )
    return _section("Canvas API", "The latency of a run is the average over its calls.", table)


def _database_section(figures: PerformanceFigures, formats: Formats) -> list[Section]:
    columns = ("db_operations", "db_failed")
    table = _sync_table(
        ("Operations", "Failed", "Median", "95 %"),
        [each for each in figures.syncs if each.now.sum_of("db_operations")],
        _db_time,
        lambda sync: (*_sums(sync, columns, formats), *_cells(sync, _db_time, formats)),
    )
    return _section("Database", "The time that a run spent in the database of the app.", table)


def _sums(sync: SyncPerformance, columns: Iterable[str], formats: Formats) -> list[str]:
    return [formats.number(sync.now.sum_of(column)) for column in columns]


def _routes_section(figures: PerformanceFigures, formats: Formats) -> list[Section]:
    title = "Routes of the Canvas API"
    if figures.routes_problem:
        problem = f"The metric files cannot be read: {escape_controls(figures.routes_problem)}"
        return [Section(title=title, paragraphs=(problem,))]
    if not figures.routes:
        return []
    total = sum(each.cost for each in figures.routes)
    shown = sorted(figures.routes, key=lambda each: -each.average)[:_MOST_ROUTES]
    rows = tuple(
        (
            escape_controls(each.route),
            formats.number(each.requests),
            formats.seconds(each.average),
            formats.number(each.cost / each.requests),
            formats.percent(each.cost / total if total else None),
        )
        for each in shown
    )
    table = Table(
        ("Route", "Requests", "Average", "Cost each", "Share of cost"),
        rows,
        numeric=frozenset({1, 2, 3, 4}),
        shares=tuple(each.cost / total if total else 0.0 for each in shown),
        omitted=len(figures.routes) - len(shown),
    )
    text = (
        "Slowest first. These are the requests from this host since its metric files were created, "
        "because no figures of routes are stored by week."
    )
    return [Section(title=title, paragraphs=(text,), table=table)]


def _duration(figures: Figures) -> Sketch:
    return figures.durations


def _latency(figures: Figures) -> Sketch:
    return figures.measure("api_latency")


def _db_time(figures: Figures) -> Sketch:
    return figures.measure("db_time")
