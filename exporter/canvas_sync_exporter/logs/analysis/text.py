"""The report for a terminal, or for a file of plain text."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Final, TextIO

from .report import Report
from .tables import Bar, Table, headline, tables

__all__ = ["write_text"]

_BOLD, _FAINT, _RED, _BLUE = "1", "2", "31", "34"
_BAR_WIDTH: Final = 20
_NEWEST_DAYS: Final = 31
_STATUS_COLOURS: Final = {"success": "32", "partial": "33", "failed": _RED, "interrupted": "35"}


def write_text(report: Report, out: TextIO) -> None:
    """Write the report, in colour when ``out`` is a terminal and ``NO_COLOR`` is not set."""
    pen = _Pen(out)
    for line in _lines(report, pen):
        print(pen.writable(line), file=out)


class _Pen:
    """What a stream can show."""

    def __init__(self, out: TextIO) -> None:
        self._encoding = getattr(out, "encoding", None) or "utf-8"
        self._has_colour = out.isatty() and not os.environ.get("NO_COLOR")
        self._full = "█" if self.writable("█") == "█" else "#"

    def paint(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._has_colour and text else text

    def writable(self, text: str) -> str:
        return text.encode(self._encoding, "replace").decode(self._encoding)

    def bar(self, bar: Bar, largest: float) -> str:
        """Draw a bar; what is bad of it comes last, in red or as ``!``."""
        length = round(bar.size / largest * _BAR_WIDTH) if largest else 0
        length = max(length, 1) if bar.size else 0
        bad = round(bar.bad / bar.size * length) if bar.size else 0
        bad = max(bad, 1) if bar.bad else 0
        worse = self._full if self._has_colour else "!"
        return self.paint(self._full * (length - bad), _BLUE) + self.paint(worse * bad, _RED)


def _lines(report: Report, pen: _Pen) -> Iterator[str]:
    yield pen.paint("Canvas sync logs", _BOLD)
    for name, value in headline(report):
        yield f"  {pen.paint(name.ljust(10), _FAINT)}  {value}"
    section = ""
    for table in tables(report):
        yield ""
        if table.section != section:
            section = table.section
            yield pen.paint(section, _BOLD)
        yield from _table_lines(table, pen)


def _table_lines(table: Table, pen: _Pen) -> Iterator[str]:
    rows, bars = table.rows, table.bars
    yield f"  {table.title}"
    if table.kind == "trend" and len(rows) > _NEWEST_DAYS:
        older = len(rows) - _NEWEST_DAYS
        yield pen.paint(f"    ({older} older days are in the JSON and HTML reports)", _FAINT)
        rows, bars = rows[-_NEWEST_DAYS:], bars[-_NEWEST_DAYS:]
    names = [heading.removesuffix("#") for heading in table.headings]
    widths = [max(map(len, column)) for column in zip(names, *rows, strict=True)]
    yield "    " + pen.paint(_aligned(names, widths, table.headings).rstrip(), _FAINT)
    largest = max((bar.size for bar in bars), default=0.0)
    for index, row in enumerate(rows):
        line = _aligned(_coloured(row, widths, table.headings, pen), widths, table.headings)
        bar = pen.bar(bars[index], largest) if bars else ""
        yield f"    {line}  {bar}".rstrip()


def _aligned(cells: Sequence[str], widths: Sequence[int], headings: Sequence[str]) -> str:
    padded = [
        cell.rjust(width) if heading.endswith("#") else cell.ljust(width)
        for cell, width, heading in zip(cells, widths, headings, strict=True)
    ]
    return "  ".join(padded)


def _coloured(
    row: Sequence[str], widths: Sequence[int], headings: Sequence[str], pen: _Pen
) -> list[str]:
    """Paint the statuses of runs, already padded, for colours take no room."""
    return [
        pen.paint(cell.ljust(width), _STATUS_COLOURS[cell])
        if heading == "status" and cell in _STATUS_COLOURS
        else cell
        for cell, width, heading in zip(row, widths, headings, strict=True)
    ]
