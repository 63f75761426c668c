"""The report as one self-contained HTML file with charts: no scripts, no fonts, no requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from markupsafe import Markup

from canvas_sync_core.names import DISTRIBUTION, FINAL_STATUSES
from canvas_sync_core.version import VERSION
from canvas_sync_exporter.charts.columns import columns_chart
from canvas_sync_exporter.charts.data import Trend
from canvas_sync_exporter.charts.lines import lines_chart
from canvas_sync_exporter.charts.ranges import ranges_chart
from canvas_sync_exporter.formatting import format_number
from canvas_sync_exporter.rendering import render

from .log_report import Finding, Level, LogReport, RunReport
from .summary import figures, origin
from .table_view import TableView, make_table_view
from .tables import Table, tables

__all__ = ["html_page"]

_SMALL: Final = 2  # a table with this few columns is placed beside another one


@dataclass(frozen=True, slots=True)
class _Finding:
    """What needs attention or happened; ``anchor`` is the section with the details."""

    level: Level
    text: str
    anchor: str


@dataclass(frozen=True, slots=True)
class _Outcome:
    """How many runs ended with a status; ``is_status`` is false for unknown statuses."""

    status: str
    count: int
    is_status: bool

    @property
    def number(self) -> str:
        """The count, formatted."""
        return format_number(self.count)


@dataclass(frozen=True, slots=True)
class _Part:
    """A table with its title and charts."""

    title: str
    charts: Sequence[Markup]
    table: TableView
    is_small: bool


@dataclass(frozen=True, slots=True)
class _Section:
    """The parts about one subject."""

    name: str
    anchor: str
    outcomes: Sequence[_Outcome]
    parts: Sequence[_Part]


def html_page(report: LogReport) -> str:
    """Return the page; all text from logs is escaped."""
    return render(
        "log_report/page.html",
        origin=origin(report),
        findings=list(map(_finding, report.attention)),
        not_judged=report.not_judged,
        is_judged=report.is_judged,
        notes=list(map(_finding, report.notes)),
        figures=list(figures(report)),
        sections=[
            _Section(
                name,
                _anchor(name),
                _outcomes(report.runs) if name == "Runs" else [],
                list(map(_part, parts)),
            )
            for name, parts in groupby(tables(report), lambda table: table.section)
        ],
        distribution=DISTRIBUTION,
        version=VERSION,
    )


def _finding(finding: Finding) -> _Finding:
    return _Finding(finding.level, finding.text, _anchor(finding.section))


def _anchor(section: str) -> str:
    return section.lower().replace(" ", "-")


def _outcomes(runs: RunReport) -> list[_Outcome]:
    counts: Counter[str] = Counter()
    for row in runs.by_status:
        counts[row.status if row.status in FINAL_STATUSES else "other"] += row.count
    outcomes = [_Outcome(status, counts[status], True) for status in FINAL_STATUSES]
    outcomes.append(_Outcome("other", counts["other"], False))
    return [outcome for outcome in outcomes if outcome.count]


def _part(table: Table) -> _Part:
    is_small = len(table.headings) <= _SMALL and table.kind == "list"
    return _Part(table.title, list(_charts(table)), make_table_view(table), is_small)


def _charts(table: Table) -> Iterator[Markup]:
    """Yield the charts of a table; a trend of a single day needs none."""
    names = [row[0] for row in table.rows]
    if table.kind == "trend" and len(names) > 1:
        trend = Trend(table.title, names, _hints(table))
        if table.bars:
            yield columns_chart(trend, table.bars, table.counted)
        if table.series:
            yield lines_chart(trend, table.series, table.counted)
    elif table.kind == "list" and table.series:
        yield ranges_chart(names, table.series, table.title, table.counted)


def _hints(table: Table) -> list[str]:
    """Return each row as a sentence for its tooltip."""
    names = [heading.removesuffix("#") for heading in table.headings]
    return [
        ", ".join(f"{name} {cell}" for name, cell in zip(names, row, strict=True))
        for row in table.rows
    ]
