"""A chart of counts over time, as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from canvas_sync_exporter.formatting import format_number
from canvas_sync_exporter.rendering import render

from .data import Bar, Trend
from .frame import FLOOR, PLOT_HEIGHT, LegendEntry, make_frame
from .scales import ticks, time_axis

__all__ = ["columns_chart"]

_SHARE: Final = 0.72  # of a step that its column takes


@dataclass(frozen=True, slots=True)
class Column:
    """A column; ``x`` is in percent, the heights in pixels."""

    hint: str
    x: float
    height: float
    bad_height: float


def columns_chart(trend: Trend, bars: Sequence[Bar], counted: str, bad: str = "failed") -> Markup:
    """Draw bars as columns; the bad part of each is at its foot.

    Args:
        trend: The days or months, at least one.
        bars: A bar for each of them.
        counted: What is counted, such as ``calls``.
        bad: What the bad ones are.
    """
    largest = max(range(len(bars)), key=lambda place: bars[place].size)
    marks = ticks(bars[largest].size, least=1)
    axis = time_axis(trend.names)
    step = 100 / len(axis.names)
    columns = [
        Column(
            hint,
            step * (place + (1 - _SHARE) / 2),
            _height(bar.size, marks[-1]),
            _height(bar.bad, marks[-1]),
        )
        for place, bar, hint in zip(axis.places, bars, trend.hints, strict=True)
    ]
    alternative = (
        f"Columns: {counted} {trend.title}, {axis.period}."
        f" The most, {format_number(round(bars[largest].size))}, on {trend.names[largest]}."
    )
    legend = [LegendEntry("good", counted)]
    if any(bar.bad for bar in bars):
        legend = [LegendEntry("good", f"all {counted}"), LegendEntry("bad", bad)]
    labels = [format_number(round(mark)) for mark in marks]
    return render(
        "charts/columns.html",
        frame=make_frame(axis, labels, legend, alternative),
        columns=columns,
        width=step * _SHARE,
        floor=FLOOR,
    )


def _height(size: float, top: float) -> float:
    """Return the height of a column; anything above zero is visible."""
    return max(1.0, size / top * PLOT_HEIGHT) if size else 0.0
