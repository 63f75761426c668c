"""The report as titles, tables and bars, shared by the text and the HTML page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

from canvas_sync_core.logs import escape_controls
from canvas_sync_exporter.charts.data import Bar, Series
from canvas_sync_exporter.formatting import (
    format_number,
    format_percent,
    format_seconds,
    format_size,
    format_time,
)

from .log_report import (
    CallDay,
    CallRow,
    Count,
    DbRow,
    ErrorRow,
    LogReport,
    OutcomeRow,
    Timing,
    TrendRow,
    TroubledRow,
)

__all__ = ["Table", "tables"]

_LONGEST: Final = 100
_MONTHS: Final = "p95 by month"  # never truncated
_COUNTED: Final = {"API calls": "calls", "Database": "operations", "Errors": "errors"}

_Row = TypeVar("_Row")
_Columns = Sequence[tuple[str, Callable[[_Row], str | int | None]]]


@dataclass(frozen=True, slots=True)
class Table:
    """One part of the report.

    Attributes:
        section: The section that it belongs to.
        title: Its title.
        headings: Column names; one that ends with ``#`` has numbers.
        rows: The cells, formatted.
        bars: One bar per row; empty for a table without bars.
        counted: What the bars count, such as ``calls``.
        series: Durations to show as a chart, in addition to the cells.
        kind: ``trend`` if the rows are consecutive periods.
    """

    section: str
    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    bars: Sequence[Bar] = ()
    counted: str = ""
    series: Sequence[Series] = ()
    kind: Literal["list", "trend"] = "list"


def tables(report: LogReport) -> list[Table]:
    """Return all tables that have rows, in reading order."""
    made = [
        *_run_tables(report),
        *_api_tables(report),
        _database_table(report),
        *_error_tables(report),
        _gap_table(report),
        *_file_tables(report),
    ]
    return [table for table in made if table.rows]


def _run_tables(report: LogReport) -> list[Table]:
    by_status = report.runs.by_status
    columns: _Columns[OutcomeRow] = [
        ("type", lambda row: row.sync_type),
        ("status", lambda row: row.status),
    ]
    return [
        _timed("Runs", "by type and status", by_status, columns),
        _table(
            "Runs",
            "unsuccessful, newest first",
            report.runs.troubled,
            [
                ("ended", lambda row: format_time(row.ended)),
                ("task", lambda row: row.task_id),
                ("user#", lambda row: row.user_id),
                ("status", lambda row: row.status),
                ("took#", lambda row: format_seconds(row.duration)),
                ("step", lambda row: row.step),
                ("error", _error),
            ],
        ),
        _table(
            "Runs",
            "without an end in any log: still running, or their process died",
            report.runs.open,
            [
                ("started", lambda row: format_time(row.started)),
                ("task", lambda row: row.task_id),
                ("user#", lambda row: row.user_id),
                ("type", lambda row: row.sync_type),
            ],
        ),
        _counted("Runs", "suspect, by reason", "reason", report.runs.suspect_reasons),
        _table(
            "Runs",
            "suspect because they differ from earlier ones, newest first",
            report.runs.suspects,
            [
                ("found", lambda row: format_time(row.found)),
                ("task", lambda row: row.task_id),
                ("user#", lambda row: row.user_id),
                ("type", lambda row: row.sync_type),
                ("reason", lambda row: row.message or ", ".join(row.reasons)),
            ],
        ),
    ]


def _api_tables(report: LogReport) -> list[Table]:
    api = report.api
    return [
        _days(api.by_day),
        _months(api.by_month),
        _routes(api.by_route),
        _calls("by status", "status", api.by_status),
        _calls("by method", "method", api.by_method),
        _table(
            "API calls",
            "slower than in the first month, by p95",
            api.slower_routes,
            [
                ("route", lambda row: row.route),
                ("change#", lambda row: f"{row.change:.2f} x"),
                (_MONTHS, _p95_by_month),
            ],
        ),
        _table(
            "API calls",
            "throttled and repeated, by route",
            api.throttling,
            [
                ("route", lambda row: row.route),
                ("throttled#", lambda row: format_number(row.throttled)),
                ("retries#", lambda row: format_number(row.retries)),
                ("back-off#", lambda row: format_seconds(row.backoff_seconds)),
            ],
        ),
        _counted("API calls", "lists cut short", "route", api.truncated_lists),
    ]


def _routes(rows: Sequence[CallRow]) -> Table:
    return _calls("by route", "route", rows, series=_percentiles(rows))


def _months(rows: Sequence[CallRow]) -> Table:
    """Return the table of months; empty for a single month, which repeats the total."""
    rows = rows if len(rows) > 1 else []
    return _calls("by month", "month", rows, series=_percentiles(rows), kind="trend")


def _percentiles(rows: Sequence[CallRow]) -> list[Series]:
    return [
        Series("p50", [row.p50 for row in rows]),
        Series("p95", [row.p95 for row in rows]),
        Series("p99", [row.p99 for row in rows]),
    ]


def _calls(
    title: str,
    heading: str,
    rows: Sequence[CallRow],
    *,
    series: Sequence[Series] = (),
    kind: Literal["list", "trend"] = "list",
) -> Table:
    columns: _Columns[CallRow] = [
        (heading, lambda row: row.name),
        ("failed#", lambda row: format_number(row.failed)),
        ("rate#", lambda row: format_percent(row.error_rate)),
    ]
    bars = [Bar(row.count, row.failed) for row in rows]
    return _timed("API calls", title, rows, columns, bars=bars, series=series, kind=kind)


def _days(rows: Sequence[CallDay]) -> Table:
    return _table(
        "API calls",
        "by day",
        rows,
        [
            ("day", lambda row: row.day),
            ("calls#", lambda row: format_number(row.calls)),
            ("failed#", lambda row: format_number(row.failed)),
            ("throttled#", lambda row: format_number(row.throttled)),
            ("average#", lambda row: format_seconds(row.average)),
        ],
        bars=[Bar(row.calls, row.failed) for row in rows],
        series=[Series("average", [row.average for row in rows])],
        kind="trend",
    )


def _p95_by_month(row: TrendRow) -> str:
    return ", ".join(f"{each.month} {format_seconds(each.p95)}" for each in row.months)


def _database_table(report: LogReport) -> Table:
    columns: _Columns[DbRow] = [
        ("operation", lambda row: row.operation),
        ("table", lambda row: row.table),
        ("rows#", lambda row: format_number(row.rows)),
        ("failed#", lambda row: format_number(row.failed)),
        ("rate#", lambda row: format_percent(row.error_rate)),
    ]
    bars = [Bar(row.count, row.failed) for row in report.database]
    return _timed("Database", "by operation and table", report.database, columns, bars=bars)


def _error_tables(report: LogReport) -> list[Table]:
    errors = report.errors
    return [
        _counted("Errors", "by type", "type", errors.by_type),
        _counted("Errors", "by operation", "operation", errors.by_operation),
        _counted("Errors", "by user", "user", errors.by_user),
        _counted("Errors", "by course", "course", errors.by_course),
        _counted("Errors", "by day", "day", errors.by_day, "trend"),
        _table(
            "Errors",
            "newest first",
            errors.newest,
            [
                ("time", lambda row: format_time(row.time)),
                ("task", lambda row: row.task_id),
                ("user#", lambda row: row.user_id),
                ("course#", lambda row: row.course_id),
                ("operation", lambda row: row.operation),
                ("error", _error),
            ],
        ),
    ]


def _gap_table(report: LogReport) -> Table:
    return _table(
        "Progress",
        "longest gaps between two lines of a run",
        report.longest_gaps,
        [
            ("gap#", lambda row: format_seconds(row.seconds)),
            ("task", lambda row: row.task_id),
            ("user#", lambda row: row.user_id),
            ("since", lambda row: format_time(row.since)),
            ("at#", lambda row: f"{row.percent:g} %"),
            ("message", lambda row: row.message),
        ],
        bars=[Bar(row.seconds) for row in report.longest_gaps],
    )


def _file_tables(report: LogReport) -> list[Table]:
    return [
        _table(
            "Files",
            "by log",
            report.logs,
            [
                ("log", lambda row: row.log),
                ("files#", lambda row: format_number(row.files)),
                ("lines#", lambda row: format_number(row.lines)),
                ("unreadable#", lambda row: format_number(row.unreadable)),
                ("size#", lambda row: format_size(row.bytes)),
                ("first", lambda row: format_time(row.first)),
                ("last", lambda row: format_time(row.last)),
            ],
        ),
        _table(
            "Files",
            "with unreadable lines",
            report.unreadable,
            [
                ("file", lambda row: row.file),
                ("lines#", lambda row: format_number(row.lines)),
                ("unreadable#", lambda row: format_number(row.unreadable)),
                ("first of them", lambda row: ", ".join(map(str, row.first_lines))),
            ],
        ),
        _counted(
            "Files", "lines of events unknown to this version", "event", report.unknown_events
        ),
        _table("Files", "problems", report.problems, [("problem", lambda row: row)]),
    ]


def _table(
    section: str,
    title: str,
    rows: Sequence[_Row],
    columns: _Columns[_Row],
    *,
    bars: Sequence[Bar] = (),
    series: Sequence[Series] = (),
    kind: Literal["list", "trend"] = "list",
) -> Table:
    headings = [heading for heading, _ in columns]
    cells = [[_cell(value(row), heading) for heading, value in columns] for row in rows]
    return Table(section, title, headings, cells, bars, _COUNTED.get(section, ""), series, kind)


_TimingT = TypeVar("_TimingT", bound=Timing)


def _timed(
    section: str,
    title: str,
    rows: Sequence[_TimingT],
    columns: _Columns[_TimingT],
    *,
    bars: Sequence[Bar] = (),
    series: Sequence[Series] = (),
    kind: Literal["list", "trend"] = "list",
) -> Table:
    durations: _Columns[_TimingT] = [
        ("count#", lambda row: format_number(row.count)),
        ("average#", lambda row: format_seconds(row.average)),
        ("p50#", lambda row: format_seconds(row.p50)),
        ("p95#", lambda row: format_seconds(row.p95)),
        ("p99#", lambda row: format_seconds(row.p99)),
        ("max#", lambda row: format_seconds(row.max)),
    ]
    return _table(section, title, rows, [*columns, *durations], bars=bars, series=series, kind=kind)


def _counted(
    section: str,
    title: str,
    heading: str,
    rows: Sequence[Count],
    kind: Literal["list", "trend"] = "list",
) -> Table:
    columns: _Columns[Count] = [
        (heading, lambda row: row.name),
        ("count#", lambda row: format_number(row.count)),
    ]
    return _table(section, title, rows, columns, bars=[Bar(row.count) for row in rows], kind=kind)


def _cell(value: str | int | None, heading: str) -> str:
    if isinstance(value, int):
        # An id of a user or course, which gets no thousands separators.
        return str(value)
    text = escape_controls(value) if value else "-"
    is_short = len(text) <= _LONGEST or heading == _MONTHS
    return text if is_short else f"{text[: _LONGEST - 1]}…"


def _error(row: TroubledRow | ErrorRow) -> str:
    """Return an error with the innermost line of the app's code."""
    text = _joined(row.error_type, row.error)
    return f"{text} at {row.error_traceback[-1]}" if row.error_traceback else text


def _joined(*texts: str | None) -> str:
    return ": ".join(text for text in texts if text)
