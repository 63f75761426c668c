"""The report as titles, tables and bars: what the text and the page have in common."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

from canvas_sync_instrumentation.logfile import escape_controls

from .report import CallDay, CallRow, Count, DbRow, Report, RunRow, Timing, TrendRow

__all__ = ["Bar", "Table", "headline", "tables"]

_LONGEST: Final = 100

_Row = TypeVar("_Row")
_Columns = Sequence[tuple[str, Callable[[_Row], str | int | None]]]


@dataclass(frozen=True, slots=True)
class Bar:
    """The bar of a row: all of it, and the part of it that is bad."""

    size: float
    bad: float = 0.0


@dataclass(frozen=True, slots=True)
class Table:
    """One part of the report.

    Attributes:
        section: What it belongs to.
        title: What it shows.
        headings: Names of the columns; one that ends with ``#`` holds numbers.
        rows: The cells, ready to be shown.
        bars: A bar for each row; empty for a table without.
        kind: ``trend`` when the rows follow each other in time.
    """

    section: str
    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    bars: Sequence[Bar] = ()
    kind: Literal["list", "trend"] = "list"


def headline(report: Report) -> list[tuple[str, str]]:
    """Return the few figures that come first, with their names."""
    times = [row.first for row in report.logs if row.first]
    ends = [row.last for row in report.logs if row.last]
    period = f"{_time(min(times))} to {_time(max(ends))}" if times else "no lines"
    api = report.api
    asked = {
        "since": report.filters.since and _time(report.filters.since),
        "until": report.filters.until and _time(report.filters.until),
        "user": report.filters.user_id,
        "task": report.filters.task_id,
    }
    only = ", ".join(f"{name} {value}" for name, value in asked.items() if value is not None)
    return [
        ("folder", escape_controls(report.log_dir)),
        *([("only", escape_controls(only))] if only else []),
        ("period", period),
        ("lines read", f"{_number(sum(row.lines for row in report.logs))}"),
        ("runs", f"{_number(report.runs.count)} ended, {_number(report.runs.open_count)} did not"),
        ("API calls", f"{_number(api.total.count)}, {_percent(api.total.error_rate)} failed"),
        (
            "throttled",
            f"{_number(api.throttled)} calls, {_seconds(api.backoff_seconds)} lost in back-off",
        ),
        ("errors", _number(report.errors.count)),
        (
            "unreadable",
            f"{_number(sum(row.unreadable for row in report.logs))} lines",
        ),
    ]


def tables(report: Report) -> list[Table]:
    """Return all tables that have rows, in the order in which they are read."""
    made = [
        *_run_tables(report),
        *_api_tables(report),
        _database_table(report),
        *_error_tables(report),
        _gap_table(report),
        *_file_tables(report),
    ]
    return [table for table in made if table.rows]


def _run_tables(report: Report) -> list[Table]:
    by_status = report.runs.by_status
    columns: _Columns[RunRow] = [
        ("type", lambda row: row.sync_type),
        ("status", lambda row: row.status),
    ]
    return [
        _timed("Runs", "by type and status", by_status, columns),
        _table(
            "Runs",
            "that did not succeed, newest first",
            report.runs.troubled,
            [
                ("ended", lambda row: _time(row.ended)),
                ("task", lambda row: row.task_id),
                ("user#", lambda row: row.user_id),
                ("status", lambda row: row.status),
                ("took#", lambda row: _seconds(row.duration)),
                ("step", lambda row: row.step),
                ("error", lambda row: _joined(row.error_type, row.error)),
            ],
        ),
        _table(
            "Runs",
            "whose end is in no log: they go on, or their process died",
            report.runs.open,
            [
                ("started", lambda row: _time(row.started)),
                ("task", lambda row: row.task_id),
                ("user#", lambda row: row.user_id),
                ("type", lambda row: row.sync_type),
            ],
        ),
        _counted("Runs", "suspect, by reason", "reason", report.runs.suspect_reasons),
        _table(
            "Runs",
            "suspect, for they are unlike the ones before them, newest first",
            report.runs.suspects,
            [
                ("found", lambda row: _time(row.found)),
                ("task", lambda row: row.task_id),
                ("user#", lambda row: row.user_id),
                ("type", lambda row: row.sync_type),
                ("reason", lambda row: row.message or ", ".join(row.reasons)),
            ],
        ),
    ]


def _api_tables(report: Report) -> list[Table]:
    api = report.api
    return [
        _calls("by route", "route", api.by_route),
        _calls("by status", "status", api.by_status),
        _calls("by method", "method", api.by_method),
        _days(api.by_day),
        _table(
            "API calls",
            "slower than in the first month, by p95",
            api.slower_routes,
            [
                ("route", lambda row: row.route),
                ("change#", lambda row: f"{row.change:.2f} x"),
                ("p95 by month", _months),
            ],
        ),
        _table(
            "API calls",
            "throttled and repeated, by route",
            api.throttling,
            [
                ("route", lambda row: row.route),
                ("throttled#", lambda row: _number(row.throttled)),
                ("retries#", lambda row: _number(row.retries)),
                ("back-off#", lambda row: _seconds(row.backoff_seconds)),
            ],
        ),
        _counted("API calls", "lists cut short", "route", api.truncated_lists),
    ]


def _calls(title: str, heading: str, rows: Sequence[CallRow]) -> Table:
    columns: _Columns[CallRow] = [
        (heading, lambda row: row.name),
        ("failed#", lambda row: _number(row.failed)),
        ("rate#", lambda row: _percent(row.error_rate)),
    ]
    bars = [Bar(row.count, row.failed) for row in rows]
    return _timed("API calls", title, rows, columns, bars)


def _days(rows: Sequence[CallDay]) -> Table:
    return _table(
        "API calls",
        "by day",
        rows,
        [
            ("day", lambda row: row.day),
            ("calls#", lambda row: _number(row.calls)),
            ("failed#", lambda row: _number(row.failed)),
            ("throttled#", lambda row: _number(row.throttled)),
            ("average#", lambda row: _seconds(row.seconds / row.calls if row.calls else None)),
        ],
        bars=[Bar(row.calls, row.failed) for row in rows],
        kind="trend",
    )


def _months(row: TrendRow) -> str:
    return ", ".join(f"{each.month} {_seconds(each.p95)}" for each in row.months)


def _database_table(report: Report) -> Table:
    columns: _Columns[DbRow] = [
        ("operation", lambda row: row.operation),
        ("table", lambda row: row.table),
        ("rows#", lambda row: _number(row.rows)),
        ("failed#", lambda row: _number(row.failed)),
        ("rate#", lambda row: _percent(row.error_rate)),
    ]
    bars = [Bar(row.count, row.failed) for row in report.database]
    return _timed("Database", "by operation and table", report.database, columns, bars)


def _error_tables(report: Report) -> list[Table]:
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
                ("time", lambda row: _time(row.time)),
                ("task", lambda row: row.task_id),
                ("user#", lambda row: row.user_id),
                ("course#", lambda row: row.course_id),
                ("operation", lambda row: row.operation),
                ("error", lambda row: _joined(row.error_type, row.error)),
            ],
        ),
    ]


def _gap_table(report: Report) -> Table:
    return _table(
        "Progress",
        "longest gaps between two lines of a run",
        report.longest_gaps,
        [
            ("gap#", lambda row: _seconds(row.seconds)),
            ("task", lambda row: row.task_id),
            ("user#", lambda row: row.user_id),
            ("since", lambda row: _time(row.since)),
            ("at#", lambda row: f"{row.percent:g} %"),
            ("message", lambda row: row.message),
        ],
        bars=[Bar(row.seconds) for row in report.longest_gaps],
    )


def _file_tables(report: Report) -> list[Table]:
    return [
        _table(
            "Files",
            "by log",
            report.logs,
            [
                ("log", lambda row: row.log),
                ("files#", lambda row: _number(row.files)),
                ("lines#", lambda row: _number(row.lines)),
                ("unreadable#", lambda row: _number(row.unreadable)),
                ("size#", lambda row: _size(row.bytes)),
                ("first", lambda row: _time(row.first)),
                ("last", lambda row: _time(row.last)),
            ],
        ),
        _table(
            "Files",
            "with unreadable lines",
            report.unreadable,
            [
                ("file", lambda row: row.file),
                ("lines#", lambda row: _number(row.lines)),
                ("unreadable#", lambda row: _number(row.unreadable)),
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
    kind: Literal["list", "trend"] = "list",
) -> Table:
    cells = [[_cell(value(row)) for _, value in columns] for row in rows]
    return Table(section, title, [heading for heading, _ in columns], cells, bars, kind)


_Timed = TypeVar("_Timed", bound=Timing)


def _timed(
    section: str,
    title: str,
    rows: Sequence[_Timed],
    columns: _Columns[_Timed],
    bars: Sequence[Bar] = (),
) -> Table:
    durations: _Columns[_Timed] = [
        ("count#", lambda row: _number(row.count)),
        ("average#", lambda row: _seconds(row.average)),
        ("p50#", lambda row: _seconds(row.p50)),
        ("p95#", lambda row: _seconds(row.p95)),
        ("p99#", lambda row: _seconds(row.p99)),
        ("max#", lambda row: _seconds(row.max)),
    ]
    return _table(section, title, rows, [*columns, *durations], bars=bars)


def _counted(
    section: str,
    title: str,
    heading: str,
    rows: Sequence[Count],
    kind: Literal["list", "trend"] = "list",
) -> Table:
    columns: _Columns[Count] = [
        (heading, lambda row: row.name),
        ("count#", lambda row: _number(row.count)),
    ]
    return _table(section, title, rows, columns, bars=[Bar(row.count) for row in rows], kind=kind)


def _cell(value: str | int | None) -> str:
    if isinstance(value, int):
        # A user or a course is a number too, but one that nobody counts.
        return str(value)
    text = escape_controls(value) if value else "-"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _joined(*texts: str | None) -> str:
    return ": ".join(text for text in texts if text)


def _number(value: int) -> str:
    return f"{value:,}"


def _size(size: int) -> str:
    for unit, power in (("GB", 9), ("MB", 6), ("kB", 3)):
        if size >= 10**power:
            return f"{size / 10**power:.1f} {unit}"
    return f"{size} B"


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %"


def _time(moment: dt.datetime | None) -> str:
    if moment is None:
        return "-"
    return f"{moment.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S}"


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    if seconds < 0.9995:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 119.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"
