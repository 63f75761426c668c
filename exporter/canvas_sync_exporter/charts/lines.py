"""A chart of durations over time, as lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from markupsafe import Markup

from canvas_sync_exporter.formatting import format_seconds
from canvas_sync_exporter.rendering import render

from .data import Series, Trend
from .frame import FLOOR, PLOT_HEIGHT, TOP, make_frame, series_legend
from .scales import TimeAxis, duration_ticks, seconds_label, time_axis

__all__ = ["lines_chart"]

_MOST_DOTS: Final = 62  # a line of more points has no dots


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a line; ``x`` is in percent, ``y`` in pixels."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Line:
    """A line, which is interrupted where a duration is missing.

    Attributes:
        parts: The points of each part, as a ``polyline`` has them; ``x`` is in permille.
        dots: The dots on it.
    """

    parts: Sequence[str]
    dots: Sequence[Point]


def lines_chart(trend: Trend, series: Sequence[Series], measured: str) -> Markup:
    """Draw each series as a line.

    Args:
        trend: The days or months, at least two.
        series: Durations, one for each of them.
        measured: What takes so long, such as ``calls``.
    """
    known = [value for each in series for value in each.seconds if value is not None]
    longest = max(known, default=0.0)
    marks = duration_ticks(longest)
    axis = time_axis(trend.names)
    names = [each.name for each in series]
    alternative = (
        f"Lines: duration of {measured} ({', '.join(names)}) {trend.title}, {axis.period};"
        f" at most {format_seconds(longest)}."
    )
    frame = make_frame(
        axis,
        list(map(seconds_label, marks)),
        series_legend(names),
        alternative,
        legend_title=f"Duration of {measured}:",
    )
    return render(
        "charts/lines.html",
        frame=frame,
        lines=[_line(each, axis, marks[-1]) for each in series],
        hints=list(zip(axis.places, trend.hints, strict=True)),
        count=len(axis.names),
        top=TOP,
        height=PLOT_HEIGHT,
    )


def _line(series: Series, axis: TimeAxis, top: float) -> Line:
    step = 100 / len(axis.names)
    points = [
        None if value is None else Point(step * (place + 0.5), FLOOR - PLOT_HEIGHT * value / top)
        for place, value in zip(axis.places, series.seconds, strict=True)
    ]
    parts = [
        " ".join(f"{point.x * 10:.1f},{point.y - TOP:.1f}" for point in part if point)
        for is_known, part in groupby(points, key=bool)
        if is_known
    ]
    dots = list(filter(None, points)) if len(axis.names) <= _MOST_DOTS else []
    return Line(parts, dots)
