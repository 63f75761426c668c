"""Charts of pages, each with the table behind it; templates call them as ``charts``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from markupsafe import Markup

from canvas_sync_core.store.query_results import DayPerformance
from canvas_sync_exporter.charts.columns import columns_chart
from canvas_sync_exporter.charts.data import Bar, Series, Trend
from canvas_sync_exporter.charts.lines import lines_chart
from canvas_sync_exporter.charts.run_bars import RunBar, run_bars
from canvas_sync_exporter.formatting import format_number, format_seconds

from .view import View

__all__ = ["Figure", "bars", "by_day", "counts", "durations"]


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart and its table.

    Attributes:
        chart: Empty if there are too few points for one.
        caption: What both show.
        columns: Names of the table's columns, and whether they have numbers.
        rows: Its cells.
    """

    chart: Markup
    caption: str
    columns: Sequence[tuple[str, bool]]
    rows: Sequence[Sequence[str]]


class BarOfRun(Protocol):
    """A run that is drawn as a bar."""

    @property
    def number(self) -> int:
        """Its number."""

    @property
    def status(self) -> str:
        """Its status."""

    @property
    def start(self) -> Any:
        """When it started."""

    @property
    def seconds(self) -> float | None:
        """Its duration; None while it runs."""


def bars(view: View, runs: Sequence[BarOfRun], name: str) -> Markup:
    """Draw runs as bars, oldest first, each a link to its page."""
    return run_bars([_bar(view, run) for run in runs], name)


def durations(
    names: Sequence[str], series: Sequence[Series], measured: str, caption: str
) -> Figure:
    """Draw durations by day as lines.

    Args:
        names: The days, in order; at most 200.
        series: Durations, one for each day.
        measured: What takes so long, such as ``runs``.
        caption: What the figure shows.
    """
    cells = {each.name: [format_seconds(value) for value in each.seconds] for each in series}
    table = _Table(caption, names, cells)
    return table.figure(lambda trend: lines_chart(trend, series, measured))


def by_day(days: Sequence[DayPerformance], measure: str, measured: str, caption: str) -> Figure:
    """Draw p50 and p95 of a measure by day: ``duration``, ``api_latency`` or ``db_time``."""
    found = [(day.day.isoformat(), getattr(day, measure)) for day in days]
    series = [Series(name, [getattr(each, name) for _, each in found]) for name in ("p50", "p95")]
    return durations([day for day, _ in found], series, measured, caption)


def counts(names: Sequence[str], bars: Sequence[Bar], counted: str, caption: str) -> Figure:
    """Draw counts by day as columns, with the bad part of each at its foot.

    Args:
        names: The days, in order; at most 200.
        bars: A bar for each day.
        counted: What is counted, such as ``runs``.
        caption: What the figure shows.
    """
    cells = {
        counted: [format_number(round(each.size)) for each in bars],
        "failed": [format_number(round(each.bad)) for each in bars],
    }
    table = _Table(caption, names, cells)
    return table.figure(lambda trend: columns_chart(trend, bars, counted))


@dataclass(frozen=True, slots=True)
class _Table:
    """The figures behind a chart.

    Attributes:
        names: The days.
        cells: Name of each column -> a cell for each day.
    """

    caption: str
    names: Sequence[str]
    cells: Mapping[str, Sequence[str]]

    def figure(self, draw: Callable[[Trend], Markup]) -> Figure:
        """Add the chart, if there are at least two points."""
        rows = list(zip(self.names, *self.cells.values(), strict=True))
        hints = [self._hint(*row) for row in rows]
        chart = draw(Trend("by day", self.names, hints)) if len(rows) > 1 else Markup()
        columns = [("Day", False), *((name, True) for name in self.cells)]
        return Figure(chart, self.caption, columns, rows[::-1])

    def _hint(self, day: str, *cells: str) -> str:
        values = ", ".join(f"{name} {cell}" for name, cell in zip(self.cells, cells, strict=True))
        return f"{day}: {values}"


def _bar(view: View, run: BarOfRun) -> RunBar:
    start = run.start.astimezone(view.zone)
    took = "" if run.seconds is None else f", {format_seconds(run.seconds)}"
    gone = (view.now - run.start).total_seconds() if run.seconds is None else run.seconds
    label = f"{run.status}{took}, {start:%Y-%m-%d %H:%M}"
    return RunBar(run.status, gone, f"{view.root}runs/{run.number}", label)
