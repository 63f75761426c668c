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
    lines = _aligned(table, [table.headings], starts, prefix)
    if _width(lines) > width:
        lines = _aligned(table, _words_of(table.headings), starts, prefix)
    if _width(lines) > width:
        lines = list(_stacked(table, starts, prefix, width))
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


def _width(lines: Sequence[str]) -> int:
    return max(map(display_width, lines))


def _aligned(
    table: Table, headings: Sequence[tuple[str, ...]], starts: Sequence[str], prefix: int
) -> list[str]:
    """Return the rows below one or more lines of headings."""
    columns = list(zip(*headings, *table.rows, strict=True))
    widths = [max(map(display_width, column)) for column in columns]
    indents = [" " * prefix] * len(headings)
    return [
        (start + "  ".join(_cells(row, widths, table.numeric))).rstrip()
        for start, row in zip([*indents, *starts], [*headings, *table.rows], strict=True)
    ]


def _words_of(texts: Sequence[str]) -> list[tuple[str, ...]]:
    """Return lines of headings with one word each, which are narrower."""
    words = [text.split() or [""] for text in texts]
    height = max(map(len, words))
    padded = [[*[""] * (height - len(each)), *each] for each in words]
    return list(zip(*padded, strict=True))


def _cells(row: Sequence[str], widths: Sequence[int], numeric: frozenset[int]) -> Iterator[str]:
    for index, (cell, width) in enumerate(zip(row, widths, strict=True)):
        yield _pad(cell, width, right=index in numeric)


def _stacked(table: Table, starts: Sequence[str], prefix: int, width: int) -> Iterator[str]:
    """Yield the first cell of each row, and below it the others with their headings."""
    label = max(map(display_width, table.headings[1:]), default=0)
    for start, (first, *others) in zip(starts, table.rows, strict=True):
        yield from _wrapped(first, width, start, " " * prefix) or [start.rstrip()]
        for heading, cell in zip(table.headings[1:], others, strict=True):
            yield from _labelled(f"  {_pad(heading, label)}  ", cell, width)


def _labelled(label: str, text: str, width: int) -> Iterator[str]:
    """Yield a text beside its label, or below it if there is not enough space."""
    if display_width(label) + display_width(text) <= width or not text:
        yield (label + text).rstrip()
        return
    yield from textwrap.wrap(label.rstrip(), width)
    yield from _wrapped(text, width, "    ", "    ")


def _wrapped(text: str, width: int, first: str, others: str) -> list[str]:
    return textwrap.wrap(text, width, initial_indent=first, subsequent_indent=others)
