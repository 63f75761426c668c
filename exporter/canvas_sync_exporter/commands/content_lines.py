"""The content of a message as lines of text on a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from canvas_sync_core.logs import escape_controls
from canvas_sync_exporter.messages.content import Content, Section, Status, Table

from .output import Painter
from .terminal import FAINT, GREEN, RED, YELLOW, Cell, Column, table_lines

__all__ = ["content_lines"]

_COLOURS = {Status.GOOD: GREEN, Status.WARNING: YELLOW, Status.CRITICAL: RED, Status.NEUTRAL: None}
_WIDEST_TEXT = 100


def content_lines(content: Content, width: int, painter: Painter) -> Iterator[str]:
    """Return the lines of a message.

    Args:
        content: What it holds.
        width: Maximum width of a line in characters.
        painter: Adds colours.
    """
    yield from _wrapped(content.title, width, painter, is_bold=True)
    yield from _wrapped(content.summary, width, painter)
    for section in content.sections:
        yield ""
        yield from _section_lines(section, width, painter)
    for link in content.links:
        yield f"{escape_controls(link.text)}: {escape_controls(link.url)}"
    if content.footer:
        yield ""
        for line in _wrapped(content.footer, width, painter):
            yield painter.paint(line, FAINT)


def _section_lines(section: Section, width: int, painter: Painter) -> Iterator[str]:
    if section.title:
        yield from _wrapped(section.title, width, painter, is_bold=True)
    for paragraph in section.paragraphs:
        yield from _wrapped(paragraph, width, painter)
    longest = max((len(fact.name) for fact in section.facts), default=0)
    for fact in section.facts:
        yield f"{escape_controls(fact.name).ljust(longest)}  {escape_controls(fact.value)}"
    if section.table is not None:
        yield from _table_lines(section.table, width, painter)
    for link in section.links:
        yield f"{escape_controls(link.text)}: {escape_controls(link.url)}"


def _table_lines(table: Table, width: int, painter: Painter) -> Iterator[str]:
    columns = [
        Column(heading, is_number=number in table.numeric, rank=number)
        for number, heading in enumerate(table.headings)
    ]
    statuses = table.statuses or (Status.NEUTRAL,) * len(table.rows)
    rows = [
        [Cell(row[0], _COLOURS[status]), *map(Cell, row[1:])]
        for row, status in zip(table.rows, statuses, strict=True)
    ]
    return table_lines(columns, rows, width, painter)


def _wrapped(text: str, width: int, painter: Painter, *, is_bold: bool = False) -> Iterator[str]:
    room = max(min(width, _WIDEST_TEXT), 20)
    for line in textwrap.wrap(escape_controls(text), room, break_on_hyphens=False):
        yield painter.bold(line) if is_bold else line
