"""Charts of a trend, as SVG whose writing keeps its size however narrow the page is.

Across, everything is placed in percent; up and down, and in size, in pixels. Each chart has a
sentence in place of the picture, and the table below it has all of its figures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from itertools import pairwise
from typing import Final

from .formatting import format_number, format_seconds
from .legend import legend, series_legend
from .scales import (
    TimeAxis,
    day_label,
    seconds_label,
    spread_labels,
    ticks,
    time_axis,
)
from .tables import Bar, Series, Table

__all__ = ["columns_chart", "lines_chart"]

_HEIGHT: Final = 160  # of the plot alone
_TOP: Final = 10
_BOTTOM: Final = 24
_AXIS: Final = 64
_WIDEST_STEP: Final = 72  # so that few days are no fat bars
_DOTTED: Final = 62  # more points than these are a line without dots
_COLUMN: Final = 0.72  # of its step


def columns_chart(table: Table) -> str:
    """Draw the bars of a trend as columns; what is bad of one is at its foot.

    Args:
        table: A trend with bars and at least one row.
    """
    what = table.counted
    marks = ticks(max(bar.size for bar in table.bars), least=1)
    axis = time_axis([row[0] for row in table.rows])
    columns = "".join(_columns(table.bars, axis, marks[-1], _told(table)))
    largest = max(range(len(table.bars)), key=lambda row: table.bars[row].size)
    alternative = (
        f"Columns: {what} {table.title}, {axis.period}."
        f" The most, {format_number(round(table.bars[largest].size))}, on {table.rows[largest][0]}."
    )
    has_bad = any(bar.bad for bar in table.bars)
    kinds = [("good", f"all {what}"), ("bad", "failed")] if has_bad else [("good", what)]
    labels = [format_number(round(mark)) for mark in marks]
    return _framed(axis, labels, columns, alternative, legend(kinds))


def lines_chart(table: Table) -> str:
    """Draw the series of a trend as lines.

    Args:
        table: A trend with series and at least two rows.
    """
    found = [value for series in table.series for value in series.seconds if value is not None]
    marks = ticks(max(found, default=0.0))
    axis = time_axis([row[0] for row in table.rows])
    lines = "".join(
        f'<g class="series-{number}">{"".join(_line(series, axis, marks[-1]))}</g>'
        for number, series in enumerate(table.series)
    )
    names = ", ".join(series.name for series in table.series)
    alternative = (
        f"Lines: duration of calls ({names}) {table.title}, {axis.period};"
        f" at most {format_seconds(max(found, default=0.0))}."
    )
    touch = "".join(
        f'<rect class="touch" x="{_percent(place, axis)}" y="{_TOP}"'
        f' width="{100 / len(axis.names):.3f}%" height="{_HEIGHT}"><title>{told}</title></rect>'
        for place, told in zip(axis.places, _told(table), strict=True)
    )
    return _framed(
        axis, list(map(seconds_label, marks)), lines + touch, alternative, series_legend(table)
    )


def _framed(
    axis: TimeAxis,
    labels: Sequence[str],
    marks: str,
    alternative: str,
    caption: str,
) -> str:
    """Put axes around marks; the labels of the upright one are evenly spread, the least first."""
    height = _TOP + _HEIGHT + _BOTTOM
    upright, grid = [], []
    for place, label in enumerate(labels):
        y = _TOP + _HEIGHT * (1 - place / (len(labels) - 1))
        upright.append(f'<text x="{_AXIS - 8}" y="{y + 4:.1f}">{escape(label)}</text>')
        grid.append(f'<line class="grid" x1="0" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>')
    widest = _AXIS + max(len(axis.names), 3) * _WIDEST_STEP
    return (
        f'<figure>{caption}<div class="chart" role="img" style="max-width:{widest}px"'
        f' aria-label="{escape(alternative)}">'
        f'<svg class="axis" width="{_AXIS}" height="{height}">{"".join(upright)}</svg>'
        f'<svg class="plot" height="{height}">{"".join(grid)}{marks}{_day_axis(axis.names)}</svg>'
        "</div></figure>"
    )


def _day_axis(days: Sequence[str]) -> str:
    """Write the days; a narrow page leaves every second one out."""
    y = _TOP + _HEIGHT + 18
    written = []
    for number, place in enumerate(spread_labels(len(days))):
        middle = (place + 0.5) / len(days)
        anchor = "start" if middle < 0.05 else "end" if middle > 0.95 else "middle"
        spare = " spare" if number % 2 else ""
        written.append(
            f'<text class="{anchor}{spare}" x="{middle:.3%}" y="{y}">'
            f"{escape(day_label(days[place]))}</text>"
        )
    return "".join(written)


def _columns(bars: Sequence[Bar], axis: TimeAxis, top: float, told: Sequence[str]) -> Iterator[str]:
    floor = _TOP + _HEIGHT
    for place, bar, title in zip(axis.places, bars, told, strict=True):
        x = _percent(place + (1 - _COLUMN) / 2, axis)
        size, bad = _height(bar.size, top), _height(bar.bad, top)
        where = f'x="{x}" width="{100 * _COLUMN / len(axis.names):.3f}%"'
        yield (
            f'<g><title>{title}</title><rect class="good" {where} y="{floor - size:.1f}"'
            f' height="{size:.1f}"/>'
        )
        if bad:
            yield f'<rect class="bad" {where} y="{floor - bad:.1f}" height="{bad:.1f}"/>'
        yield "</g>"


def _line(series: Series, axis: TimeAxis, top: float) -> Iterator[str]:
    points = [
        None if value is None else (_percent(place + 0.5, axis), _TOP + _HEIGHT * (1 - value / top))
        for place, value in zip(axis.places, series.seconds, strict=True)
    ]
    for before, after in pairwise(points):
        if before and after:
            yield (
                f'<line x1="{before[0]}" y1="{before[1]:.1f}" x2="{after[0]}" y2="{after[1]:.1f}"/>'
            )
    if len(axis.names) <= _DOTTED:
        for point in filter(None, points):
            yield f'<circle cx="{point[0]}" cy="{point[1]:.1f}" r="3.5"/>'


def _told(table: Table) -> list[str]:
    """Tell each row in words, for who points at its mark."""
    names = [heading.removesuffix("#") for heading in table.headings]
    return [
        escape(", ".join(f"{name} {cell}" for name, cell in zip(names, row, strict=True)))
        for row in table.rows
    ]


def _percent(place: float, axis: TimeAxis) -> str:
    return f"{100 * place / len(axis.names):.3f}%"


def _height(size: float, top: float) -> float:
    """Return how high a column is; what is not nothing is seen."""
    return max(1.0, size / top * _HEIGHT) if size else 0.0
