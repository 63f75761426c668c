"""A chart of how far the durations of each row are apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Final

from .formatting import format_seconds
from .legend import series_legend
from .page_tables import breakable
from .scales import decades, seconds_label
from .tables import Series, Table

__all__ = ["ranges_chart"]

_ROW: Final = 20  # pixels high


def ranges_chart(table: Table) -> str:
    """Draw the series of each row as dots on a line, from fast to slow, on a logarithmic axis.

    Args:
        table: A table with series and at least one row; its first column has the names.
    """
    found = [value for series in table.series for value in series.seconds if value]
    marks = decades(min(found, default=0.0), max(found, default=0.0))
    grid = "".join(_upright(mark, marks) for mark in marks)
    rows = "".join(
        f"<li><span>{breakable(escape(row[0]))}</span>"
        f'<svg height="{_ROW}" aria-hidden="true">{grid}{_range(table.series, place, marks)}</svg>'
        "</li>"
        for place, row in enumerate(table.rows)
    )
    names = ", ".join(series.name for series in table.series)
    alternative = f"Duration of calls ({names}) {table.title}, on a logarithmic axis."
    return (
        f'<figure>{series_legend(table)}<div role="img" aria-label="{escape(alternative)}">'
        f'<ol class="ranges">{rows}<li><span></span>{_decade_axis(marks)}</li></ol></div></figure>'
    )


def _range(series: Sequence[Series], place: int, marks: Sequence[float]) -> str:
    """Draw one row: a line from its least to its largest value, and a dot for each."""
    values = [(number, each.seconds[place]) for number, each in enumerate(series)]
    known = [(number, _along(value, marks)) for number, value in values if value is not None]
    if not known:
        return ""
    y = _ROW / 2
    ends = min(x for _, x in known), max(x for _, x in known)
    told = ", ".join(f"{each.name} {format_seconds(each.seconds[place])}" for each in series)
    dots = "".join(
        f'<circle class="series-{number}" cx="{x:.2f}%" cy="{y}" r="5"/>' for number, x in known
    )
    return (
        f'<g><title>{escape(told)}</title><line class="range" x1="{ends[0]:.2f}%"'
        f' x2="{ends[1]:.2f}%" y1="{y}" y2="{y}"/>{dots}</g>'
    )


def _upright(mark: float, marks: Sequence[float]) -> str:
    x = f"{_along(mark, marks):.2f}%"
    return f'<line class="grid" x1="{x}" x2="{x}" y1="0" y2="{_ROW}"/>'


def _decade_axis(marks: Sequence[float]) -> str:
    written = "".join(
        f'<text class="middle" x="{_along(mark, marks):.2f}%" y="14">{seconds_label(mark)}</text>'
        for mark in marks
    )
    return f'<svg height="{_ROW}" aria-hidden="true">{written}</svg>'


def _along(seconds: float, marks: Sequence[float]) -> float:
    """Return where a duration is on a logarithmic axis, in percent; its ends have some room."""
    low, high = math.log10(marks[0]), math.log10(marks[-1])
    share = (math.log10(max(seconds, marks[0])) - low) / (high - low)
    return 6 + 88 * share
