"""The report as one HTML file with charts, which needs nothing else: no script, no font, no net."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby
from typing import Final

from canvas_sync_core.names import DISTRIBUTION, FINAL_STATUSES
from canvas_sync_core.version import VERSION

from .charts import columns_chart, lines_chart
from .formatting import format_number
from .page_style import STYLE
from .page_tables import badge, breakable, table_html
from .ranges import ranges_chart
from .report import Finding, Report, RunReport
from .summary import figures, origin
from .tables import Table, tables

__all__ = ["html_page"]

_SMALL: Final = 2  # so few columns stand beside another table
_HEAD: Final = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Canvas sync logs</title>
<style>{STYLE}</style>
</head>
<body>"""


def html_page(report: Report) -> str:
    """Return the page; whatever comes from a log is escaped."""
    return "\n".join(_page(report)) + "\n"


def _page(report: Report) -> Iterator[str]:
    yield _HEAD
    yield "<header><h1>Canvas sync logs</h1>"
    told = (f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>" for name, value in origin(report))
    yield f'<dl class="origin">{"".join(told)}</dl></header>'
    yield "<main>"
    yield from _summary(report.attention)
    yield from _figures(report)
    sections = [(name, list(parts)) for name, parts in groupby(tables(report), _section_of)]
    links = (f'<a href="#{_anchor(name)}">{escape(name)}</a>' for name, _ in sections)
    yield f'<nav aria-label="Sections">{"".join(links)}</nav>'
    for name, parts in sections:
        yield f'<section id="{_anchor(name)}"><h2>{escape(name)}</h2>'
        if name == "Runs":
            yield from _outcomes(report.runs)
        yield '<div class="parts">'
        for part in parts:
            yield from _part(part)
        yield "</div></section>"
    yield "</main>"
    yield f"<footer>Times are in UTC. Percentiles are at most 1 % off. {DISTRIBUTION} {VERSION}"
    yield "</footer>\n</body>\n</html>"


def _section_of(table: Table) -> str:
    return table.section


def _anchor(section: str) -> str:
    return section.lower().replace(" ", "-")


def _summary(findings: Sequence[Finding]) -> Iterator[str]:
    """Say what is wrong, each sentence a link to where more of it is."""
    level = findings[0].level if findings else "good"
    yield f'<section class="summary {level}" aria-labelledby="summary">'
    if not findings:
        yield '<h2 id="summary">All is well</h2><p>Nothing needs attention.</p></section>'
        return
    count = f"{len(findings)} things need" if len(findings) > 1 else "One thing needs"
    yield f'<h2 id="summary">{count} attention</h2><ul>'
    for finding in findings:
        yield (
            f'<li class="{finding.level}"><span>{finding.level}</span>'
            f'<a href="#{_anchor(finding.section)}">{breakable(escape(finding.text))}</a></li>'
        )
    yield "</ul></section>"


def _figures(report: Report) -> Iterator[str]:
    yield '<dl class="figures">'
    for figure in figures(report):
        yield (
            f"<div><dt>{figure.name}</dt><dd><b>{escape(figure.value)}</b>"
            f" {escape(figure.remark)}</dd></div>"
        )
    yield "</dl>"


def _outcomes(runs: RunReport) -> Iterator[str]:
    """Draw how the runs ended as one bar; the table below it has the same by type."""
    counts: Counter[str] = Counter()
    for row in runs.by_status:
        counts[row.status if row.status in FINAL_STATUSES else "other"] += row.count
    found = [(name, counts[name]) for name in (*FINAL_STATUSES, "other") if counts[name]]
    if not found:
        return
    told = ", ".join(f"{name} {format_number(count)}" for name, count in found)
    parts = "".join(f'<i class="{name}" style="flex-grow:{count}"></i>' for name, count in found)
    yield f'<div class="outcomes" role="img" aria-label="How runs ended: {told}">{parts}</div>'
    yield '<ul class="legend">'
    yield from (f"<li>{badge(name)} {format_number(count)}</li>" for name, count in found)
    yield "</ul>"


def _part(table: Table) -> Iterator[str]:
    """Show a table below its title and its charts; a single day needs no chart."""
    small = " small" if len(table.headings) <= _SMALL and table.kind == "list" else ""
    yield f'<div class="part{small}"><h3>{escape(table.title)}</h3><div class="charts">'
    if table.kind == "trend" and len(table.rows) > 1:
        if table.bars:
            yield columns_chart(table)
        if table.series:
            yield lines_chart(table)
    elif table.kind == "list" and table.series:
        yield ranges_chart(table)
    yield "</div>"
    yield from table_html(table)
    yield "</div>"
