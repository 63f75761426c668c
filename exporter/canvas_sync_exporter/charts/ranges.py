"""A chart of the spread of durations in each row."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from canvas_sync_exporter.formatting import format_seconds
from canvas_sync_exporter.rendering import render

from .data import Series
from .frame import series_legend
from .scales import decades, seconds_label

__all__ = ["ranges_chart"]

_ROW_HEIGHT: Final = 20
_MARGIN: Final = 6.0  # percent of free room at each end of the axis


@dataclass(frozen=True, slots=True)
class Range:
    """A row of the chart.

    Attributes:
        name: What the durations are of.
        hint: All of them in words.
        dots: The number of the series and the place, in percent, of each known duration.
    """

    name: str
    hint: str
    dots: Sequence[tuple[int, float]]

    @property
    def ends(self) -> tuple[float, float]:
        """The positions of the smallest and the largest duration."""
        positions = [place for _, place in self.dots]
        return min(positions), max(positions)


def ranges_chart(
    names: Sequence[str], series: Sequence[Series], title: str, measured: str
) -> Markup:
    """Draw the durations of each row as dots on a line, on one logarithmic axis.

    Args:
        names: What the rows are of, at least one.
        series: Durations, one for each row, from fast to slow.
        title: What the rows are, such as ``by route``.
        measured: What takes so long, such as ``calls``.
    """
    positive = [value for each in series for value in each.seconds if value]
    marks = decades(min(positive, default=0.0), max(positive, default=0.0))
    series_names = [each.name for each in series]
    return render(
        "charts/ranges.html",
        legend=series_legend(series_names),
        legend_title=f"Duration of {measured}:",
        alternative=(
            f"Duration of {measured} ({', '.join(series_names)}) {title}, on a logarithmic axis."
        ),
        ticks=[(_place(mark, marks), seconds_label(mark)) for mark in marks],
        ranges=[_range(name, row, series, marks) for row, name in enumerate(names)],
        height=_ROW_HEIGHT,
    )


def _range(name: str, row: int, series: Sequence[Series], marks: Sequence[float]) -> Range:
    durations = [each.seconds[row] for each in series]
    dots = [
        (number, _place(value, marks))
        for number, value in enumerate(durations)
        if value is not None
    ]
    hint = ", ".join(
        f"{each.name} {format_seconds(value)}"
        for each, value in zip(series, durations, strict=True)
    )
    return Range(name, hint, dots)


def _place(seconds: float, marks: Sequence[float]) -> float:
    """Return where a duration is on the logarithmic axis, in percent."""
    low, high = math.log10(marks[0]), math.log10(marks[-1])
    share = (math.log10(max(seconds, marks[0])) - low) / (high - low)
    return _MARGIN + (100 - 2 * _MARGIN) * share
