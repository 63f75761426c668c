"""The key figures at the top of a report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from canvas_sync_core.logs import escape_controls
from canvas_sync_core.wording import plural
from canvas_sync_exporter.formatting import (
    format_number,
    format_percent,
    format_seconds,
    format_time,
)

from .log_report import LogReport

__all__ = ["Figure", "figures", "origin"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure.

    Attributes:
        name: What it counts.
        value: The value, formatted.
        remark: The words after the value; may be empty.
    """

    name: str
    value: str
    remark: str = ""


def origin(report: LogReport) -> list[tuple[str, str]]:
    """Return the name and value of what the report covers: folder, filters, period."""
    firsts = [row.first for row in report.logs if row.first]
    lasts = [row.last for row in report.logs if row.last]
    period = f"{format_time(min(firsts))} to {format_time(max(lasts))}" if firsts else "no lines"
    filters = report.filters
    filter_texts = {
        "since": filters.since and format_time(filters.since),
        "until": filters.until and format_time(filters.until),
        "user": filters.user_id,
        "task": filters.task_id,
    }
    only = ", ".join(f"{name} {value}" for name, value in filter_texts.items() if value is not None)
    return [
        ("folder", escape_controls(report.log_dir)),
        *([("only", escape_controls(only))] if only else []),
        ("period", period),
    ]


def figures(report: LogReport) -> Iterator[Figure]:
    """Yield the figures in reading order."""
    runs, api = report.runs, report.api
    ended = f"ended, {format_number(runs.open_count)} did not"
    suspect = f", {format_number(runs.suspect_count)} suspect" if runs.suspect_count else ""
    yield Figure("runs", format_number(runs.count), ended + suspect)
    failed = f"{plural(api.total.count, 'call')}, {format_percent(api.total.error_rate)} failed"
    yield Figure("API calls", format_number(api.total.count), failed)
    if api.total.count:
        tail = f"p50, {format_seconds(api.total.p95)} p95, {format_seconds(api.total.p99)} p99"
        yield Figure("latency", format_seconds(api.total.p50), tail)
    lost = (
        f"{plural(api.throttled, 'call')}, {format_seconds(api.backoff_seconds)} lost in back-off"
    )
    yield Figure("throttled", format_number(api.throttled), lost)
    yield Figure("errors", format_number(report.errors.count), "in the log")
    unreadable = sum(row.unreadable for row in report.logs)
    lines = sum(row.lines for row in report.logs)
    yield Figure("lines", format_number(lines), f"read, {format_number(unreadable)} unreadable")
