"""How a page shows a table: which columns may wrap, which rows have a bar, what is collapsed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final, Literal

from canvas_sync_core.names import FINAL_STATUSES
from canvas_sync_exporter.charts.data import Bar

from .tables import Table

__all__ = ["Cell", "Column", "Row", "TableView", "make_table_view"]

_FOLDED: Final = 31
_NARROW: Final = 45  # characters per row that fit on any screen
_MEDIUM: Final = frozenset(
    {"ended", "started", "found", "since", "time", "first", "last", "day"}
    | {"operation", "status", "table"}
)
_LONG: Final = frozenset(
    {"error", "event", "file", "message", "p95 by month", "problem", "reason", "route", "task"}
)


@dataclass(frozen=True, slots=True)
class Column:
    """The heading of a column, and the class of its cells in the style."""

    name: str
    style: str


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell.

    Attributes:
        column: Its column.
        text: Its content.
        kind: ``badge`` for a status, which has a color; ``figures`` for figures separated by
            commas, none of which wraps; ``text`` for anything else.
    """

    column: Column
    text: str
    kind: Literal["badge", "figures", "text"]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table, with its bar if the table has bars."""

    cells: Sequence[Cell]
    bar: Bar | None


@dataclass(frozen=True, slots=True)
class TableView:
    """A table as a page shows it.

    Attributes:
        caption: The caption for screen readers.
        columns: The headings.
        rows: The rows.
        largest: The value of the longest bar; None without bars.
        is_folded: Whether it is long and therefore collapsed at first.
        is_narrow: Whether it fits on any screen; the rows of wider tables become cards on phones.
    """

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    largest: float | None
    is_folded: bool
    is_narrow: bool


def make_table_view(table: Table) -> TableView:
    """Prepare a table for the template."""
    columns = [Column(heading.removesuffix("#"), _style(heading)) for heading in table.headings]
    rows = [
        Row([_cell(*cell) for cell in zip(columns, texts, strict=True)], bar)
        for texts, bar in zip_longest(table.rows, table.bars)
    ]
    return TableView(
        caption=f"{table.section}: {table.title}",
        columns=columns,
        rows=rows,
        largest=max((bar.size for bar in table.bars), default=None),
        is_folded=len(table.rows) > _FOLDED,
        is_narrow=_is_narrow(table),
    )


def _style(heading: str) -> str:
    if heading.endswith("#"):
        return "number"
    return "medium" if heading in _MEDIUM else "long" if heading in _LONG else "short"


def _cell(column: Column, text: str) -> Cell:
    if column.name == "status" and text in FINAL_STATUSES:
        return Cell(column, text, "badge")
    return Cell(column, text, "figures" if column.name == "p95 by month" else "text")


def _is_narrow(table: Table) -> bool:
    widths = [max(map(len, column)) for column in zip(table.headings, *table.rows, strict=True)]
    return sum(widths) + len(widths) <= _NARROW
