"""Tables as lines of monospaced text, aligned if they are narrow enough."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

from canvas_sync_exporter.messages.content import Status, Table

__all__ = ["display_width", "table_lines"]


def table_lines(table: Table, width: int, marks: Mapping[Status, str]) -> list[str]:
    """Return the lines of a table.

    Args:
        table: The table.
        width: How many characters a line may have. If aligned columns need more, each row becomes
            a group of lines with one cell each.
        marks: What is written before a row of each status.
    """
    states = [marks[status] for status in table.statuses] or [""] * len(table.rows)
    prefix = max((display_width(state) + 1 for state in states if state), default=0)
    starts = [_pad(state, prefix) for state in states]
    lines = _aligned(table, starts, " " * prefix)
    if max(map(display_width, lines)) > width:
        lines = list(_stacked(table, starts, width))
    if table.omitted:
        lines.append(f"… {table.omitted:,} more {'row' if table.omitted == 1 else 'rows'}")
    return lines


def display_width(text: str) -> int:
    """Return how many columns a text takes: two for each wide character of East Asia."""
    return sum(map(_columns, text))


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _pad(text: str, width: int, *, right: bool = False) -> str:
    space = " " * (width - display_width(text))
    return space + text if right else text + space


def _aligned(table: Table, starts: Sequence[str], indent: str) -> list[str]:
    columns = list(zip(table.headings, *table.rows, strict=True))
    widths = [max(map(display_width, column)) for column in columns]
    return [
        (start + "  ".join(_cells(row, widths, table.numeric))).rstrip()
        for start, row in zip([indent, *starts], [table.headings, *table.rows], strict=True)
    ]


def _cells(row: Sequence[str], widths: Sequence[int], numeric: frozenset[int]) -> Iterator[str]:
    for index, (cell, width) in enumerate(zip(row, widths, strict=True)):
        yield _pad(cell, width, right=index in numeric)


def _stacked(table: Table, starts: Sequence[str], width: int) -> Iterator[str]:
    """Yield the first cell of each row, and below it the others with their headings."""
    label = max(map(display_width, table.headings[1:]), default=0)
    for start, (first, *others) in zip(starts, table.rows, strict=True):
        yield from _wrapped(start, first, width)
        for heading, cell in zip(table.headings[1:], others, strict=True):
            yield from _wrapped(f"  {_pad(heading, label)}  ", cell, width)


def _wrapped(start: str, text: str, width: int) -> Iterator[str]:
    """Yield a text after a start, on the next lines if it does not fit beside it."""
    if display_width(start) + display_width(text) <= width or not text:
        yield (start + text).rstrip()
        return
    if start.strip():
        yield from textwrap.wrap(start.rstrip(), width)
    for line in textwrap.wrap(text, max(1, width - 4)):
        yield f"    {line}"
