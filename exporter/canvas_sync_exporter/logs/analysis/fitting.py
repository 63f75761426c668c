"""Tables fitted to the width of a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Final

from .tables import Table

__all__ = ["INDENT", "Fitted", "fitted", "shortened"]

INDENT: Final = 4
_GAPS: Final = (2, 1)
_LEAST_TEXT: Final = 24
_LEAST_BAR: Final = 5
_MOST_BAR: Final = 20
_ENDS_MATTER: Final = frozenset({"route", "file"})
_MAY_SHRINK: Final = _ENDS_MATTER | {"error", "event", "message", "p95 by month", "problem", "type"}


@dataclass(frozen=True, slots=True)
class Fitted:
    """How a table is laid out.

    Attributes:
        widths: Width of each column.
        gap: Blanks between two columns.
        bar: Width of the longest bar; 0 for none.
        apart: The columns that have a line of their own for each row: above the others when the
            first one is among them, else below.
    """

    widths: Sequence[int]
    gap: int
    bar: int = 0
    apart: Sequence[int] = ()


def fitted(table: Table, width: int | None) -> Fitted:
    """Fit a table: shorten its longest text, or take air out, or give that text its own line.

    Args:
        table: The table.
        width: Columns of the terminal; None when nothing limits the width.
    """
    names = [heading.removesuffix("#") for heading in table.headings]
    widths = [max(map(len, column)) for column in zip(names, *table.rows, strict=True)]
    wide, narrow = _GAPS
    if width is None or _total(widths, wide) <= width:
        return Fitted(widths, wide, _bar(table, widths, width))
    apart = _texts(table, widths)
    longest = apart[0]
    room = widths[longest] - (_total(widths, wide) - width)
    if names[longest] in _MAY_SHRINK and room >= min(_LEAST_TEXT, widths[longest]):
        widths[longest] = room
        return Fitted(widths, wide)
    if _total(widths, narrow) <= width:
        return Fitted(widths, narrow)
    widths[longest] = min(widths[longest], width - INDENT)
    rest = [each for place, each in enumerate(widths) if place not in apart]
    gap = wide if _total(rest, wide) <= width else narrow
    return Fitted(widths, gap, _bar(table, rest, width), apart)


def shortened(text: str, width: int, heading: str) -> str:
    """Cut a text to a width; of a route and a file the end tells more than the beginning."""
    if len(text) <= width:
        return text
    if heading in _ENDS_MATTER:
        return f"…{text[len(text) - width + 1 :]}"
    return f"{text[: width - 1]}…"


def _texts(table: Table, widths: Sequence[int]) -> list[int]:
    """Find the longest text that may be shortened; or else what each row begins with."""
    may_shrink = [place for place, name in enumerate(table.headings) if name in _MAY_SHRINK]
    if may_shrink:
        return [max(may_shrink, key=lambda place: widths[place])]
    is_text = takewhile(lambda heading: not heading.endswith("#"), table.headings)
    return [place for place, _ in enumerate(is_text)] or [0]


def _total(widths: Sequence[int], gap: int) -> int:
    return INDENT + sum(widths) + gap * (len(widths) - 1)


def _bar(table: Table, widths: Sequence[int], width: int | None) -> int:
    if not table.bars:
        return 0
    room = _MOST_BAR if width is None else width - _total(widths, _GAPS[0]) - _GAPS[0]
    return 0 if room < _LEAST_BAR else min(room, _MOST_BAR)
