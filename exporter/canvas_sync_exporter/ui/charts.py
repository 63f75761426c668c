"""Charts of pages, each with the table behind it; templates call them as ``charts``."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from markupsafe import Markup

from canvas_sync_core.names import FINAL_STATUSES, RunStatus
from canvas_sync_core.store.rollups.errors import ErrorSeries
from canvas_sync_core.store.rollups.series import RunSeries
from canvas_sync_core.store.rollups.slices import STEPS
from canvas_sync_core.store.statistics import Statistics
from canvas_sync_exporter.charts.columns import columns_chart
from canvas_sync_exporter.charts.data import Bar, Series, Trend
from canvas_sync_exporter.charts.lines import lines_chart
from canvas_sync_exporter.charts.run_bars import RunBar, run_bars
from canvas_sync_exporter.formatting import format_number, format_seconds

from .view import View

__all__ = ["Figure", "bars", "durations", "errors", "outcomes"]

_DAY: Final = dt.timedelta(days=1)
_LONGEST_NAME: Final = 40
"""Longer names are cut in the legend of a chart."""
_STEPS: Final = {
    "15m": "by 15 minutes",
    "30m": "by 30 minutes",
    "1h": "by hour",
    "2h": "by 2 hours",
    "3h": "by 3 hours",
    "4h": "by 4 hours",
    "6h": "by 6 hours",
    "12h": "by 12 hours",
    "1d": "by day",
    "7d": "by week",
    "28d": "by 4 weeks",
    "364d": "by 52 weeks",
}


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart and its table.

    Attributes:
        chart: Empty if there are too few points for one.
        caption: What both show.
        columns: Names of the table's columns; all but the first have numbers.
        rows: Its cells.
        empty: What to say if there are none.
    """

    chart: Markup
    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    empty: str = "Nothing in this range of time."


_BEHIND: Final = Figure(
    Markup(),
    caption="",
    columns=(),
    rows=(),
    empty="Most of these runs are not added up yet; the exporter does that in the background.",
)


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


def durations(view: View, series: RunSeries | None, measure: str, measured: str) -> Figure:
    """Draw p50 and p95 of a measure over time.

    Args:
        view: The page.
        series: Figures of all runs; None if they are not in the rollups yet.
        measure: ``duration``, ``api_latency`` or ``db_time``.
        measured: What takes so long, such as ``runs``.
    """
    if series is None:
        return _BEHIND
    points = series.series[0].points
    found: list[Statistics] = [getattr(each, measure) for each in points]
    lines = [Series(name, [getattr(each, name) for each in found]) for name in ("p50", "p95")]
    cells = {"count": [format_number(each.count) for each in found]}
    for name in ("p50", "p95", "max"):
        cells[name] = [format_seconds(getattr(each, name)) for each in found]
    table = _Table(f"Duration of {measured}", _names(view, series), cells, _STEPS[series.step])
    return table.figure(lambda trend: lines_chart(trend, lines, measured))


def outcomes(view: View, series: RunSeries | None) -> Figure:
    """Draw how many runs there were over time, and how many of them were not successful."""
    if series is None:
        return _BEHIND
    points = series.series[0].points
    good = RunStatus.SUCCESS.value
    bars = [Bar(each.runs, each.runs - each.by_status.get(good, 0)) for each in points]
    cells = {"runs": [format_number(each.runs) for each in points]}
    for status in FINAL_STATUSES:
        counts = [each.by_status.get(status.value, 0) for each in points]
        if any(counts):
            cells[status.value] = [format_number(count) for count in counts]
    table = _Table("Outcomes of runs", _names(view, series), cells, _STEPS[series.step])
    return table.figure(lambda trend: columns_chart(trend, bars, "runs", "not successful"))


def errors(view: View, series: ErrorSeries | None) -> Figure:
    """Draw how many runs errors ended over time, and how many of them the most frequent one."""
    if series is None:
        return _BEHIND
    if not series.series:
        return Figure(Markup(), caption="", columns=(), rows=(), empty="No error in this range.")
    counts = {each.name: [point.runs for point in each.points] for each in series.series}
    bars = [Bar(sum(parts), parts[0]) for parts in zip(*counts.values(), strict=True)]
    cells = {name: list(map(format_number, runs)) for name, runs in counts.items()}
    table = _Table("Errors", _names(view, series), cells, _STEPS[series.step])
    frequent = series.series[0].name[:_LONGEST_NAME]
    return table.figure(lambda trend: columns_chart(trend, bars, "errors", frequent))


def _names(view: View, series: RunSeries | ErrorSeries) -> list[str]:
    """Return the names of the points: the day or the time at which each starts."""
    step = STEPS[series.step]
    is_one_day = series.until - series.since <= dt.timedelta(hours=26)
    form = "%H:%M" if is_one_day else "%m-%d %H:%M"
    starts = [each.start.astimezone(view.zone) for each in series.series[0].points]
    if step > _DAY:
        return [f"{start:%b} {start.day}, {start.year}" for start in starts]
    return [f"{start:%Y-%m-%d}" if step == _DAY else f"{start:{form}}" for start in starts]


@dataclass(frozen=True, slots=True)
class _Table:
    """The figures behind a chart.

    Attributes:
        names: The parts of the range of time.
        cells: Name of each column -> a cell for each part.
        step: How the time is divided, such as ``by day``.
    """

    caption: str
    names: Sequence[str]
    cells: Mapping[str, Sequence[str]]
    step: str

    def figure(self, draw: Callable[[Trend], Markup]) -> Figure:
        """Add the chart, if there are at least two points."""
        rows = list(zip(self.names, *self.cells.values(), strict=True))
        hints = [self._hint(*row) for row in rows]
        chart = draw(Trend(self.step, self.names, hints)) if len(rows) > 1 else Markup()
        return Figure(chart, f"{self.caption} {self.step}", ["Time", *self.cells], rows[::-1])

    def _hint(self, name: str, *cells: str) -> str:
        values = ", ".join(f"{head} {cell}" for head, cell in zip(self.cells, cells, strict=True))
        return f"{name}: {values}"


def _bar(view: View, run: BarOfRun) -> RunBar:
    start = run.start.astimezone(view.zone)
    took = "" if run.seconds is None else f", {format_seconds(run.seconds)}"
    gone = (view.now - run.start).total_seconds() if run.seconds is None else run.seconds
    label = f"{run.status}{took}, {start:%m-%d %H:%M}, run {run.number}"
    return RunBar(run.status, gone, f"{view.root}runs/{run.number}", label)
