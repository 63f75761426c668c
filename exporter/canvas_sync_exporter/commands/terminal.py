"""Tables and times on a terminal."""

from __future__ import annotations

import datetime as dt
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TextIO
from zoneinfo import ZoneInfo

from canvas_sync_core.logs import escape_controls
from canvas_sync_core.names import RunStatus

from .output import Painter

__all__ = [
    "CYAN",
    "FAINT",
    "GREEN",
    "MAGENTA",
    "RED",
    "STATUS_COLOURS",
    "YELLOW",
    "Cell",
    "Column",
    "LocalTimes",
    "print_lines",
    "table_lines",
    "terminal_width",
    "writable",
]

RED: Final = "\x1b[31m"
GREEN: Final = "\x1b[32m"
YELLOW: Final = "\x1b[33m"
MAGENTA: Final = "\x1b[35m"
CYAN: Final = "\x1b[36m"
FAINT: Final = "\x1b[2m"
STATUS_COLOURS: Final[dict[str, str]] = {
    RunStatus.RUNNING: CYAN,
    RunStatus.SUCCESS: GREEN,
    RunStatus.PARTIAL: YELLOW,
    RunStatus.FAILED: RED,
    RunStatus.CANCELLED: FAINT,
    RunStatus.INTERRUPTED: MAGENTA,
}
_GAP: Final = 2
_WIDTH_OF_A_PIPE: Final = 1_000
_ELLIPSIS: Final = "…"


def terminal_width(out: TextIO) -> int:
    """Return the maximum width of a line; unlimited in a pipe or a file."""
    return shutil.get_terminal_size().columns if out.isatty() else _WIDTH_OF_A_PIPE


def writable(text: str, out: TextIO) -> str:
    """Replace characters that the output's encoding does not have with ``?``."""
    encoding = getattr(out, "encoding", None) or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)


def print_lines(lines: Iterable[str]) -> None:
    """Print lines on standard output."""
    for line in lines:
        print(writable(line, sys.stdout))


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        rank: If the table is too wide, the column with the highest rank is left out first.
        shortest: Minimum width to which the last column may be truncated.
    """

    name: str
    is_number: bool = False
    rank: int = 0
    shortest: int = 16


@dataclass(frozen=True, slots=True)
class Cell:
    """A text in a table, and its colour."""

    text: str
    colour: str | None = None


def table_lines(
    columns: Sequence[Column], rows: Sequence[Sequence[Cell]], width: int, painter: Painter
) -> Iterator[str]:
    """Return the lines of a table: the heading, and one for each row.

    Args:
        columns: The columns; the last one that fits may be truncated.
        rows: The rows, with a cell for each column.
        width: Maximum width of a line in characters.
        painter: Adds the colours of cells.
    """
    safe = [[Cell(escape_controls(cell.text), cell.colour) for cell in row] for row in rows]
    widths = _widths(columns, safe, width)
    for row in [[Cell(column.name, FAINT) for column in columns], *safe]:
        cells = (
            _padded(row[place], columns[place], size, painter) for place, size in widths.items()
        )
        yield (" " * _GAP).join(cells).rstrip()


def _widths(
    columns: Sequence[Column], rows: Sequence[Sequence[Cell]], width: int
) -> dict[int, int]:
    """Choose the columns that fit; return index -> width."""
    needed = [
        max([len(column.name), *(len(row[place].text) for row in rows)])
        for place, column in enumerate(columns)
    ]
    indices = list(range(len(columns)))
    while True:
        *fixed, last = indices
        left = width - sum(needed[place] + _GAP for place in fixed)
        if left >= min(needed[last], columns[last].shortest) or not fixed:
            return {place: needed[place] for place in fixed} | {
                last: max(min(needed[last], left), 1)
            }
        indices.remove(max(indices, key=lambda place: (columns[place].rank, place)))


def _padded(cell: Cell, column: Column, width: int, painter: Painter) -> str:
    is_cut = len(cell.text) > width
    text = f"{cell.text[: width - 1]}{_ELLIPSIS}" if is_cut else cell.text
    blanks = " " * (width - len(text))
    painted = painter.paint(text, cell.colour)
    return f"{blanks}{painted}" if column.is_number else f"{painted}{blanks}"


class LocalTimes:
    """Formats times in a zone, which is named once.

    Args:
        zone: The zone.
        times: The times that will be written. If the zone's clock changes between them, each gets
            its offset.
        has_seconds: Whether they are written to the second, or to the minute.
    """

    def __init__(
        self, zone: dt.tzinfo, times: Iterable[dt.datetime], *, has_seconds: bool = True
    ) -> None:
        self._zone = zone
        self._length = len("2026-03-02 02:30:00" if has_seconds else "2026-03-02 02:30")
        self._offsets = {_split(time.astimezone(zone))[1] for time in times}

    @property
    def name(self) -> str:
        """The zone, with its offset if that is always the same."""
        name = self._zone.key if isinstance(self._zone, ZoneInfo) else "UTC"
        if name == "UTC" or len(self._offsets) != 1:
            return name
        return f"{name} (UTC{next(iter(self._offsets))})"

    def format(self, time: dt.datetime) -> str:
        """Write a time such as ``2026-03-02 02:30:00``."""
        text, offset = _split(time.astimezone(self._zone))
        text = text[: self._length]
        return text if len(self._offsets) < 2 else f"{text} {offset}"


def _split(local: dt.datetime) -> tuple[str, str]:
    """Return date and time, and the offset such as ``+01:00``."""
    text = local.isoformat(" ", "seconds")
    return text[:19], text[19:]
