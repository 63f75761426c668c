"""The axes, grid and legend around the marks of a trend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from .scales import TimeAxis, day_label, spread_labels

__all__ = ["FLOOR", "PLOT_HEIGHT", "TOP", "Frame", "LegendEntry", "make_frame", "series_legend"]

PLOT_HEIGHT: Final = 160
TOP: Final = 10
FLOOR: Final = TOP + PLOT_HEIGHT
_BOTTOM: Final = 24
_AXIS_WIDTH: Final = 64
_WIDEST_STEP: Final = 72  # otherwise a few days would be very wide bars
_FEWEST_STEPS: Final = 3
_EDGE: Final = 0.05  # so near to an end of the axis, a centred label would stick out


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """The meaning of a colour; ``kind`` is its CSS class."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the grid with its label."""

    y: float
    label: str


@dataclass(frozen=True, slots=True)
class DayLabel:
    """A label of the axis of time.

    Attributes:
        x: Place, in percent.
        anchor: The end of the label that stands there: ``start``, ``middle`` or ``end``.
        is_spare: Whether a narrow page leaves it out.
        label: The text.
    """

    x: float
    anchor: str
    is_spare: bool
    label: str


@dataclass(frozen=True, slots=True)
class Frame:
    """Everything in a chart except its marks.

    Attributes:
        legend: The colours, with a title in front of them where it is not empty.
        alternative: The chart in a sentence.
        axis_width: Width of the vertical axis, in pixels.
        plot_width: Width of the plot, unless the page is narrower.
        height: Height of the chart, in pixels.
        ticks: The grid, from the bottom.
        days: Labels of the horizontal axis.
    """

    legend: Sequence[LegendEntry]
    legend_title: str
    alternative: str
    axis_width: int
    plot_width: int
    height: int
    ticks: Sequence[Tick]
    days: Sequence[DayLabel]


def make_frame(
    axis: TimeAxis,
    labels: Sequence[str],
    legend: Sequence[LegendEntry],
    alternative: str,
    *,
    legend_title: str = "",
) -> Frame:
    """Lay the frame out.

    Args:
        axis: The axis of time.
        labels: Labels of the vertical axis, evenly spread, the least first.
        legend: What the colours mean.
        alternative: The chart in a sentence.
        legend_title: What the chart shows, if the legend does not say so.
    """
    last = len(labels) - 1
    return Frame(
        legend=legend,
        legend_title=legend_title,
        alternative=alternative,
        axis_width=_AXIS_WIDTH,
        plot_width=max(len(axis.names), _FEWEST_STEPS) * _WIDEST_STEP,
        height=FLOOR + _BOTTOM,
        ticks=[
            Tick(FLOOR - PLOT_HEIGHT * place / last, label) for place, label in enumerate(labels)
        ],
        days=list(_day_labels(axis.names)),
    )


def series_legend(names: Sequence[str]) -> list[LegendEntry]:
    """Return the legend of series, in the order in which they are drawn."""
    return [LegendEntry(f"series-{number}", name) for number, name in enumerate(names)]


def _day_labels(names: Sequence[str]) -> Iterator[DayLabel]:
    for number, place in enumerate(spread_labels(len(names))):
        middle = (place + 0.5) / len(names)
        anchor = "start" if middle < _EDGE else "end" if middle > 1 - _EDGE else "middle"
        yield DayLabel(100 * middle, anchor, number % 2 == 1, day_label(names[place]))
