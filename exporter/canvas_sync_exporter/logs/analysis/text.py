"""The report for a terminal, or for a file of plain text."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Final, TextIO

from canvas_sync_exporter.charts.data import Bar

from .layout import INDENT, Fitted, fitted, leading
from .log_report import Finding, Level, LogReport
from .summary import figures, origin
from .tables import Table, tables
from .wrapping import flowed, wrapped

__all__ = ["write_text"]

_BOLD, _FAINT, _RED, _YELLOW, _BLUE = "1", "2", "31", "33", "34"
_NAME: Final = 10  # columns of the name of a figure
_NEWEST_DAYS: Final = 31
_STATUS_COLOURS: Final = {
    "success": "32",
    "partial": _YELLOW,
    "failed": _RED,
    "interrupted": "35",
}
_LEVEL_COLOURS: Final[dict[Level, str]] = {"critical": _RED, "warning": _YELLOW, "note": _FAINT}


def write_text(report: LogReport, out: TextIO) -> None:
    """Write the report.

    Args:
        report: The report.
        out: The stream. On a terminal, lines fit its width and are colored unless ``NO_COLOR``
            is set.
    """
    pen = _Pen(out)
    for line in _lines(report, pen):
        print(pen.writable(line), file=out)


class _Pen:
    """Formats text for what a stream supports: width, colors, characters."""

    def __init__(self, out: TextIO) -> None:
        self.width = shutil.get_terminal_size().columns if out.isatty() else None
        self._encoding = getattr(out, "encoding", None) or "utf-8"
        self._has_colour = out.isatty() and not os.environ.get("NO_COLOR")
        self._full = "█" if self.writable("█") == "█" else "#"

    def paint(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._has_colour and text else text

    def writable(self, text: str) -> str:
        return text.encode(self._encoding, "replace").decode(self._encoding)

    def lines(self, text: str, indent: int) -> list[str]:
        """Wrap a text into lines that fit after an indentation."""
        return [text] if self.width is None else wrapped(text, max(1, self.width - indent))

    def status(self, text: str, cell: str, heading: str) -> str:
        """Color a text by the status in its cell; colors do not change its width."""
        colour = _STATUS_COLOURS.get(cell) if heading == "status" else None
        return self.paint(text, colour) if colour else text

    def bar(self, bar: Bar, largest: float, width: int) -> str:
        """Draw a bar; its bad part comes last, in red or as ``!``."""
        length = round(bar.size / largest * width) if largest else 0
        length = max(length, 1) if bar.size else 0
        bad = round(bar.bad / bar.size * length) if bar.size else 0
        bad = max(bad, 1) if bar.bad else 0
        worse = self._full if self._has_colour else "!"
        return self.paint(self._full * (length - bad), _BLUE) + self.paint(worse * bad, _RED)


def _lines(report: LogReport, pen: _Pen) -> Iterator[str]:
    yield pen.paint("Canvas sync logs", _BOLD)
    counted = [(each.name, f"{each.value} {each.remark}") for each in figures(report)]
    for name, value in [*origin(report), *counted]:
        yield from _hanging(name.ljust(_NAME), _FAINT, value, pen)
    yield from _attention_lines(report, pen)
    section = ""
    for table in tables(report):
        yield ""
        if table.section != section:
            section = table.section
            yield pen.paint(section, _BOLD)
        yield from _table_lines(table, pen)


def _attention_lines(report: LogReport, pen: _Pen) -> Iterator[str]:
    yield ""
    unwanted = "Nothing needs attention" if report.is_judged else "Not judged"
    yield pen.paint("Needs attention" if report.attention else unwanted, _BOLD)
    yield from _finding_lines(report.attention, pen)
    for text in report.not_judged:
        yield from _hanging("not judged", _FAINT, text, pen)
    if report.notes:
        yield ""
        yield pen.paint("In this period", _BOLD)
        yield from _finding_lines(report.notes, pen)


def _finding_lines(findings: Sequence[Finding], pen: _Pen) -> Iterator[str]:
    for finding in findings:
        level = finding.level.ljust(_NAME)
        yield from _hanging(level, _LEVEL_COLOURS[finding.level], finding.text, pen)


def _hanging(name: str, colour: str, text: str, pen: _Pen) -> Iterator[str]:
    """Yield a text after its name, with a hanging indent."""
    first, *further = pen.lines(text, len(name) + 4)
    yield f"  {pen.paint(name, colour)}  {first}".rstrip()
    for line in further:
        yield f"{' ' * (len(name) + 4)}{line}"


def _table_lines(table: Table, pen: _Pen) -> Iterator[str]:
    rows, bars = table.rows, table.bars
    for line in pen.lines(table.title, 2):
        yield f"  {line}"
    if table.kind == "trend" and len(rows) > _NEWEST_DAYS:
        older = f"({len(rows) - _NEWEST_DAYS} older days are in the JSON and HTML reports)"
        for line in pen.lines(older, INDENT):
            yield f"{' ' * INDENT}{pen.paint(line, _FAINT)}"
        rows, bars = rows[-_NEWEST_DAYS:], bars[-_NEWEST_DAYS:]
    layout = fitted(table, pen.width)
    if not layout.widths:
        yield from _labeled_lines(table, rows, pen)
        return
    names = [heading.removesuffix("#") for heading in table.headings]
    for line in _row_lines(names, table, layout):
        yield pen.paint(line, _FAINT)
    largest = max((bar.size for bar in bars), default=0.0)
    for index, row in enumerate(rows):
        bar = pen.bar(bars[index], largest, layout.bar) if layout.bar else ""
        yield from _row_lines(row, table, layout, pen, bar)


def _labeled_lines(table: Table, rows: Sequence[Sequence[str]], pen: _Pen) -> Iterator[str]:
    """Yield each row cell by cell with the column names; what identifies the row comes first."""
    names = [heading.removesuffix("#") for heading in table.headings]
    first = leading(table)
    for row in rows:
        labeled = [f"{name} {cell}" for name, cell in zip(names, row, strict=True)]
        colours = {
            text: pen.status(text, cell, heading)
            for texts in (row, labeled)
            for text, cell, heading in zip(texts, row, table.headings, strict=True)
        }
        for texts, indent in ((row[:first], INDENT), (labeled[first:], INDENT + 2)):
            for line in flowed(texts, max(1, (pen.width or 0) - indent), gap=2):
                yield " " * indent + "  ".join(colours.get(text, text) for text in line)


def _row_lines(
    cells: Sequence[str], table: Table, layout: Fitted, pen: _Pen | None = None, bar: str = ""
) -> Iterator[str]:
    """Return the lines of a row: its columns, and the cells that get separate lines."""
    columns = [wrapped(cell, width) for cell, width in zip(cells, layout.widths, strict=True)]
    apart = len(layout.apart)
    if apart > 1:
        own = [_joined([lines[0] for lines in columns[:apart]], range(apart), table, layout, pen)]
    else:
        own = [line for column in layout.apart for line in columns[column]]
    rest = [column for column in range(len(cells)) if column not in layout.apart]
    side_by_side = [
        _joined(line, rest, table, layout, pen)
        for line in zip_longest(*(columns[column] for column in rest), fillvalue="")
    ]
    if bar:
        side_by_side[0] += f"  {bar}"
    for each in [*own, *side_by_side] if 0 in layout.apart else [*side_by_side, *own]:
        yield f"{' ' * INDENT}{each}".rstrip()


def _joined(
    cells: Sequence[str], columns: Sequence[int], table: Table, layout: Fitted, pen: _Pen | None
) -> str:
    """Join the cells of one line, each padded to the width of its column."""
    padded = []
    for cell, column in zip(cells, columns, strict=True):
        heading, width = table.headings[column], layout.widths[column]
        text = cell.rjust(width) if heading.endswith("#") else cell.ljust(width)
        padded.append(pen.status(text, cell, heading) if pen else text)
    return (" " * layout.gap).join(padded)
