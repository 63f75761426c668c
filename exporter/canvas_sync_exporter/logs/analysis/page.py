"""The report as one HTML file with charts, which needs nothing else: no script, no font, no net."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from .report import Report
from .tables import Bar, Table, headline, tables

__all__ = ["html_page"]

_WIDTH: Final = 720
_HEIGHT: Final = 140
_MARGIN: Final = 16  # for what is written above and below a chart
_MANY: Final = 31
_BAD: Final = frozenset({"failed", "interrupted"})
_STYLE: Final = """
:root { color-scheme: light dark; --good: #2f6fdf; --bad: #d33f3f; --line: #8884; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2 { line-height: 1.2 }
h2 { border-bottom: 1px solid var(--line); margin-top: 2.5rem }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem }
dd { margin: 0 }
div.wide { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
caption, summary { text-align: left; font-weight: 600; padding: .6rem 0 .2rem; white-space: nowrap }
th, td { text-align: left; padding: .15rem .8rem .15rem 0; border-bottom: 1px solid var(--line) }
th { font-weight: 500; color: GrayText }
tr:hover td { background: #8881 }
td.failed, td.interrupted { color: var(--bad) }
th.number, td.number { text-align: right; white-space: nowrap }
svg { max-width: 100%; display: block; font-size: 11px }
svg text { fill: GrayText }
.good { fill: var(--good) } .bad { fill: var(--bad) }
@media print {
  :root { color-scheme: light; print-color-adjust: exact; -webkit-print-color-adjust: exact }
  body { font-size: 9pt; margin: 0; max-width: none }
  tr, svg { break-inside: avoid } h2, caption { break-after: avoid }
}
"""


def html_page(report: Report) -> str:
    """Return the page; whatever comes from a log is escaped."""
    return "\n".join(_page(report)) + "\n"


def _page(report: Report) -> Iterator[str]:
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width">'
    yield f"<title>Canvas sync logs</title>\n<style>{_STYLE}</style>\n</head>\n<body>"
    yield "<h1>Canvas sync logs</h1>\n<dl>"
    for name, value in headline(report):
        yield f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>"
    yield "</dl>"
    section = ""
    for table in tables(report):
        if table.section != section:
            section = table.section
            yield f"<h2>{escape(section)}</h2>"
        if table.kind == "trend":
            yield _chart(table)
        yield from _folded(table) if len(table.rows) > _MANY else _table(table)
    yield "</body>\n</html>"


def _folded(table: Table) -> Iterator[str]:
    """Show a long table when it is asked for; its chart has said the most of it."""
    yield f"<details><summary>{escape(table.title)}: {len(table.rows)} rows</summary>"
    yield from _table(table)
    yield "</details>"


def _table(table: Table) -> Iterator[str]:
    is_number = [heading.endswith("#") for heading in table.headings]
    yield f'<div class="wide"><table>\n<caption>{escape(table.title)}</caption>'
    names = [heading.removesuffix("#") for heading in table.headings]
    bar_heading = "<th></th>" if table.bars else ""
    yield f"<tr>{_cells('th', names, is_number)}{bar_heading}</tr>"
    largest = max((bar.size for bar in table.bars), default=0.0)
    for index, row in enumerate(table.rows):
        bar = f"<td>{_bar(table.bars[index], largest)}</td>" if table.bars else ""
        yield f"<tr>{_cells('td', row, is_number)}{bar}</tr>"
    yield "</table></div>"


def _cells(tag: str, cells: Sequence[str], is_number: Sequence[bool]) -> str:
    return "".join(
        f'<{tag} class="number">{escape(cell)}</{tag}>'
        if number
        else f'<{tag} class="{cell}">{cell}</{tag}>'
        if cell in _BAD
        else f"<{tag}>{escape(cell)}</{tag}>"
        for cell, number in zip(cells, is_number, strict=True)
    )


def _bar(bar: Bar, largest: float) -> str:
    size, bad = _scaled(bar, largest, 160)
    return (
        '<svg width="160" height="10" role="presentation">'
        f'<rect class="good" width="{size:.1f}" height="10"/>'
        f'<rect class="bad" x="{size - bad:.1f}" width="{bad:.1f}" height="10"/></svg>'
    )


def _chart(table: Table) -> str:
    """Draw a trend as columns; pointing at one tells its figures."""
    largest = max((bar.size for bar in table.bars), default=0.0)
    step = _WIDTH / max(len(table.bars), 20)
    columns = []
    for index, (bar, row) in enumerate(zip(table.bars, table.rows, strict=True)):
        size, bad = _scaled(bar, largest, _HEIGHT)
        x, width = index * step, max(step - 1, 0.5)
        told = escape(", ".join(map(_named, table.headings, row)))
        columns.append(
            f"<g><title>{told}</title>"
            f'<rect class="good" x="{x:.1f}" y="{_HEIGHT - size:.1f}" width="{width:.1f}"'
            f' height="{size:.1f}"/>'
            f'<rect class="bad" x="{x:.1f}" y="{_HEIGHT - bad:.1f}" width="{width:.1f}"'
            f' height="{bad:.1f}"/></g>'
        )
    title = escape(f"{table.section} {table.title}")
    height = _HEIGHT + 2 * _MARGIN
    return (
        f'<svg viewBox="0 {-_MARGIN} {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
        f' role="img" aria-label="{title}">{"".join(columns)}{_labels(table, largest, step)}</svg>'
    )


def _labels(table: Table, largest: float, step: float) -> str:
    """Write the most of a day above the columns, and the first and the last day below."""
    what = table.headings[1].removesuffix("#")
    told = f"{what} by day, at most {largest:,.0f}"
    if any(bar.bad for bar in table.bars):
        told += "; failed in red"
    end = len(table.rows) * step
    texts = [(0.0, -4, "start", told), (0.0, _HEIGHT + 12, "start", table.rows[0][0])]
    if end > _WIDTH / 3:
        texts.append((end, _HEIGHT + 12, "end", table.rows[-1][0]))
    return "".join(
        f'<text x="{x:.1f}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'
        for x, y, anchor, text in texts
    )


def _named(heading: str, cell: str) -> str:
    return f"{heading.removesuffix('#')} {cell}"


def _scaled(bar: Bar, largest: float, length: int) -> tuple[float, float]:
    scale = length / largest if largest else 0.0
    return bar.size * scale, bar.bad * scale
