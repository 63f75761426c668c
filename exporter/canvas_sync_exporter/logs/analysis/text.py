"""The report for a terminal, or for a file of plain text."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from typing import Final, TextIO

from .fitting import INDENT, Fitted, fitted, shortened
from .report import Report
from .tables import Bar, Table, headline, tables

__all__ = ["write_text"]

_BOLD, _FAINT, _RED, _BLUE = "1", "2", "31", "34"
_NEWEST_DAYS: Final = 31
_STATUS_COLOURS: Final = {"success": "32", "partial": "33", "failed": _RED, "interrupted": "35"}


def write_text(report: Report, out: TextIO) -> None:
    """Write the report.

    Args:
        report: The report.
        out: Where to. On a terminal the tables fit its width, and are in colour unless
            ``NO_COLOR`` is set.
    """
    pen = _Pen(out)
    for line in _lines(report, pen):
        print(pen.writable(line), file=out)


class _Pen:
    """What a stream can show."""

    def __init__(self, out: TextIO) -> None:
        self.width = shutil.get_terminal_size().columns if out.isatty() else None
        self._encoding = getattr(out, "encoding", None) or "utf-8"
        self._has_colour = out.isatty() and not os.environ.get("NO_COLOR")
        self._full = "█" if self.writable("█") == "█" else "#"

    def paint(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._has_colour and text else text

    def writable(self, text: str) -> str:
        return text.encode(self._encoding, "replace").decode(self._encoding)

    def status(self, cell: str, heading: str) -> str:
        """Paint the status of a run, already padded, for colours take no room."""
        colour = _STATUS_COLOURS.get(cell.rstrip()) if heading == "status" else None
        return self.paint(cell, colour) if colour else cell

    def bar(self, bar: Bar, largest: float, width: int) -> str:
        """Draw a bar; what is bad of it comes last, in red or as ``!``."""
        length = round(bar.size / largest * width) if largest else 0
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
    layout = fitted(table, pen.width)
    names = [heading.removesuffix("#") for heading in table.headings]
    for line in _row_lines(names, table, layout):
        yield pen.paint(line, _FAINT)
    largest = max((bar.size for bar in bars), default=0.0)
    for index, row in enumerate(rows):
        bar = pen.bar(bars[index], largest, layout.bar) if layout.bar else ""
        yield from _row_lines(row, table, layout, pen, bar)


def _row_lines(
    cells: Sequence[str], table: Table, layout: Fitted, pen: _Pen | None = None, bar: str = ""
) -> Iterator[str]:
    """Give the line of a row, and that of the cell that has its own."""
    padded = [
        _padded(cell, width, heading)
        for cell, width, heading in zip(cells, layout.widths, table.headings, strict=True)
    ]
    own = [cell for place, cell in enumerate(padded) if place in layout.apart]
    if pen is not None:
        padded = list(map(pen.status, padded, table.headings))
    rest = [cell for place, cell in enumerate(padded) if place not in layout.apart]
    gap = " " * layout.gap
    line = f"{gap.join(rest)}  {bar}" if bar else gap.join(rest)
    lines = [gap.join(own), line] if 0 in layout.apart else [line, gap.join(own)]
    for each in lines:
        if each:
            yield f"{' ' * INDENT}{each}".rstrip()


def _padded(cell: str, width: int, heading: str) -> str:
    cell = shortened(cell, width, heading)
    return cell.rjust(width) if heading.endswith("#") else cell.ljust(width)
