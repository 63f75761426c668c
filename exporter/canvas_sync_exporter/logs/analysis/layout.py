"""Fits tables to the width of a terminal. Nothing is truncated: cells wrap to further lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Final

from .tables import Table

__all__ = ["INDENT", "Fitted", "fitted", "leading"]

INDENT: Final = 4
_GAPS: Final = (2, 1)
_LEAST_TEXT: Final = 24
_LEAST_BAR: Final = 5
_MOST_BAR: Final = 20
_IN_LINES: Final = frozenset({"error", "message", "p95 by month", "problem", "reason"})
_MAY_STAND_APART: Final = _IN_LINES | {"event", "file", "route", "task", "type"}


@dataclass(frozen=True, slots=True)
class Fitted:
    """How a table is laid out.

    Attributes:
        widths: Width of each column; wider cells are wrapped. Empty if even the numbers do not fit
            side by side: then each cell is printed on its own line with the column's name.
        gap: Number of spaces between two columns.
        bar: Width of the longest bar; 0 for none.
        apart: The columns that get separate lines in each row: above the others if the first
            column is among them, otherwise below.
    """

    widths: Sequence[int]
    gap: int = _GAPS[0]
    bar: int = 0
    apart: Sequence[int] = ()


def fitted(table: Table, width: int | None) -> Fitted:
    """Fit a table: reduce gaps, then wrap the longest text, then put it on separate lines.

    Args:
        table: The table.
        width: Width of the terminal; None if unlimited.
    """
    names = [heading.removesuffix("#") for heading in table.headings]
    widths = [max(map(len, column)) for column in zip(names, *table.rows, strict=True)]
    wide, narrow = _GAPS
    if width is None or _total(widths, wide) <= width:
        return Fitted(widths, wide, _bar(table, widths, width))
    longest = _longest(names, widths)
    room = widths[longest] - (_total(widths, wide) - width)
    if names[longest] in _IN_LINES and longest == len(names) - 1 and room >= _LEAST_TEXT:
        return Fitted([*widths[:-1], room], wide)
    if _total(widths, narrow) <= width:
        return Fitted(widths, narrow)
    apart = [longest] if names[longest] in _MAY_STAND_APART else range(leading(table))
    rest = [each for place, each in enumerate(widths) if place not in apart]
    own = [] if len(apart) == 1 else widths[: len(apart)]  # a single text may have several lines
    for gap in _GAPS:
        if max(_total(rest, gap), _total(own, gap)) <= width:
            widths = [min(each, width - INDENT) for each in widths]
            return Fitted(widths, gap, _bar(table, rest, width), apart)
    return Fitted([])


def leading(table: Table) -> int:
    """Count the columns before the first numeric one: those that identify a row."""
    is_text = takewhile(lambda heading: not heading.endswith("#"), table.headings)
    return sum(1 for _ in is_text) or 1


def _longest(names: Sequence[str], widths: Sequence[int]) -> int:
    """Find the widest column, preferably among those that may get separate lines."""
    indices = [place for place, name in enumerate(names) if name in _MAY_STAND_APART]
    return max(indices or range(len(names)), key=lambda place: widths[place])


def _total(widths: Sequence[int], gap: int) -> int:
    return INDENT + sum(widths) + gap * (len(widths) - 1)


def _bar(table: Table, widths: Sequence[int], width: int | None) -> int:
    if not table.bars:
        return 0
    room = _MOST_BAR if width is None else width - _total(widths, _GAPS[0]) - _GAPS[0]
    return 0 if room < _LEAST_BAR else min(room, _MOST_BAR)
