"""Tables of a page; where it is narrow, each row becomes a card with the names of its cells."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Final

from canvas_sync_core.names import FINAL_STATUSES

from .tables import Bar, Table

__all__ = ["badge", "breakable", "table_html"]

_FOLDED: Final = 31
_NARROW: Final = 45  # so many letters in a row have room on any screen
_MEDIUM: Final = frozenset(
    {"ended", "started", "found", "since", "time", "first", "last", "day"}
    | {"operation", "status", "table"}
)
_LONG: Final = frozenset(
    {"error", "event", "file", "message", "p95 by month", "problem", "reason", "route", "task"}
)
_BAR: Final = 10  # pixels high


def table_html(table: Table) -> Iterator[str]:
    """Give the lines of a table; a long one is folded, for its chart has said the most of it.

    Args:
        table: The table; all of its texts are escaped here.
    """
    is_folded = len(table.rows) > _FOLDED
    if is_folded:
        yield f"<details><summary>All {len(table.rows)} rows</summary>"
    yield from _table(table)
    if is_folded:
        yield "</details>"


def badge(status: str) -> str:
    """Return a status in its colour; one that is none of ours stays plain."""
    text = escape(status)
    return f'<span class="badge {text}">{text}</span>' if status in FINAL_STATUSES else text


def breakable(text: str) -> str:
    """Let routes and paths, which are escaped, go on in the next line at their slashes."""
    return text.replace("/", "/<wbr>")


def _table(table: Table) -> Iterator[str]:
    kind = "" if _is_narrow(table) else ' class="cards"'
    # A row that is shown as a card is no row any more to a screen reader, unless it is told.
    yield f'<div class="wide"><table role="table"{kind}>'
    yield f"<caption>{escape(f'{table.section}: {table.title}')}</caption>"
    names = "".join(
        f'<th scope="col" role="columnheader" class="{_class(heading)}">'
        f"{escape(heading.removesuffix('#'))}</th>"
        for heading in table.headings
    )
    bar_name = "<td></td>" if table.bars else ""
    yield f'<thead role="rowgroup"><tr role="row">{names}{bar_name}</tr></thead>'
    yield '<tbody role="rowgroup">'
    largest = max((bar.size for bar in table.bars), default=0.0)
    for place, row in enumerate(table.rows):
        cells = "".join(
            _cell(heading, cell, is_first=not number)
            for number, (heading, cell) in enumerate(zip(table.headings, row, strict=True))
        )
        bar = _bar(table.bars[place], largest) if table.bars else ""
        yield f'<tr role="row">{cells}{bar}</tr>'
    yield "</tbody></table></div>"


def _is_narrow(table: Table) -> bool:
    widths = [max(map(len, column)) for column in zip(table.headings, *table.rows, strict=True)]
    return sum(widths) + len(widths) <= _NARROW


def _cell(heading: str, cell: str, *, is_first: bool) -> str:
    name = escape(heading.removesuffix("#"))
    content = _content(heading, cell)
    attributes = f'class="{_class(heading)}" data-name="{name}"'
    if is_first:
        return f'<th scope="row" role="rowheader" {attributes}>{content}</th>'
    return f'<td role="cell" {attributes}>{content}</td>'


def _content(heading: str, cell: str) -> str:
    if heading == "status":
        return badge(cell)
    if heading == "p95 by month":  # a month stays on the line of its figure
        return ", ".join(f'<span class="whole">{escape(each)}</span>' for each in cell.split(", "))
    return breakable(escape(cell))


def _class(heading: str) -> str:
    if heading.endswith("#"):
        return "number"
    return "medium" if heading in _MEDIUM else "long" if heading in _LONG else "short"


def _bar(bar: Bar, largest: float) -> str:
    size = 100 * bar.size / largest if largest else 0.0
    bad = 100 * bar.bad / largest if largest else 0.0
    return (
        f'<td class="bar"><svg width="100%" height="{_BAR}" aria-hidden="true">'
        f'<rect class="good" width="{size:.2f}%" height="{_BAR}"/>'
        f'<rect class="bad" x="{size - bad:.2f}%" width="{bad:.2f}%" height="{_BAR}"/></svg></td>'
    )
