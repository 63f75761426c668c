"""What needs attention in a report, and what happened in its period, in plain sentences."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from canvas_sync_core.logs import escape_controls
from canvas_sync_core.names import Log, RunStatus
from canvas_sync_core.wording import counted
from canvas_sync_exporter.formatting import (
    format_number,
    format_percent,
    format_seconds,
    format_time,
)

from .log_report import ApiReport, Count, Finding, Level, LogReport, RunReport, Verdict
from .runs import UNKNOWN

__all__ = ["findings", "notes"]

_GOAL: Final = 0.01  # share of calls that may fail, as in the alerts
_SLOWER: Final = 1.25  # smaller changes are normal
_LONGEST_SILENCE: Final = dt.timedelta(days=3)
"""Longer than a weekend."""
_OF_SYNCS: Final = frozenset({Log.API_CALLS, Log.DATABASE, Log.PROGRESS})
"""Logs that only syncs write to."""
_NAMED: Final = 3
_LONGEST: Final = 80
_FINAL_STATUSES: Final[Sequence[tuple[RunStatus, Level, str]]] = (
    (RunStatus.FAILED, "critical", "failed"),
    (RunStatus.INTERRUPTED, "critical", "{were} interrupted: the process died"),
    (RunStatus.PARTIAL, "warning", "{were} partial: some items could not be synced"),
    (RunStatus.CANCELLED, "warning", "{were} cancelled"),
)


def findings(report: LogReport, verdict: Verdict, now: dt.datetime | None = None) -> list[Finding]:
    """Return what needs attention, the critical first; nothing if everything is fine.

    Args:
        report: The figures.
        verdict: What the judge has found.
        now: The time up to which syncs should have run; None if they need not run any more.
    """
    is_silence_judged = now is None or verdict.has_expectations
    found = [
        *_problems(report),
        *verdict.findings,
        *(_silence(report, now) if now is not None and not is_silence_judged else ()),
        *_nameless_runs(report.runs),
        *_lines(report),
    ]
    return sorted(found, key=lambda finding: finding.level != "critical")


def notes(report: LogReport) -> list[Finding]:
    """Return what happened in the period of the report, and may be over."""
    return [*_runs(report.runs), *_api(report.api), *_database(report), *_errors(report)]


def _problems(report: LogReport) -> Iterator[Finding]:
    if report.problems:
        what = counted(len(report.problems), "problem")
        first = _short(report.problems[0])
        yield Finding("critical", f"{what} with the files of the logs: {first}.", "Files")


def _silence(report: LogReport, now: dt.datetime) -> Iterator[Finding]:
    """Detect that syncs have stopped. The exporter itself still writes to ``operations.log``."""
    filters = report.filters
    if filters.user_id is not None or filters.task_id is not None:
        return
    end = min(now, filters.until or now)
    begin = filters.since or dt.datetime.min.replace(tzinfo=dt.UTC)
    newest = max(
        (row.last for row in report.logs if row.log in _OF_SYNCS and row.last), default=None
    )
    if newest is None and (report.runs.count or report.runs.open_count):
        return  # these syncs make no calls, and the figures lack the time of the last run
    silent_since = begin if newest is None else newest
    if end - silent_since < _LONGEST_SILENCE or not any(row.lines for row in report.logs):
        return
    if newest is None:
        text = "Syncs logged nothing in this period. Do they still run?"
    else:
        days = counted((end - newest).days, "day")
        text = f"Syncs logged nothing since {format_time(newest)} ({days}). Do they still run?"
    yield Finding("critical", text, "Runs")


def _nameless_runs(runs: RunReport) -> Iterator[Finding]:
    """Count the runs that cannot be judged, because their lines do not name the sync type."""
    counts = _by_status(runs, {UNKNOWN})
    for status, level, became in _FINAL_STATUSES:
        if counts[status]:
            yield Finding(level, _outcome(counts, status, became), "Runs")


def _runs(runs: RunReport) -> Iterator[Finding]:
    counts = _by_status(runs, {row.sync_type for row in runs.by_status} - {UNKNOWN})
    for status, _, became in _FINAL_STATUSES:
        if counts[status]:
            yield Finding("note", _outcome(counts, status, became), "Runs")
    if runs.open_count:
        what = counted(runs.open_count, "run")
        text = f"{what} never ended: still running, or the process died."
        yield Finding("note", text, "Runs")
    if runs.suspect_count:
        reasons = _listed(runs.suspect_reasons, runs.suspect_count)
        are = "is" if runs.suspect_count == 1 else "are"
        what = f"{counted(runs.suspect_count, 'run')} {are} suspect"
        text = f"{what}{reasons}."
        yield Finding("note", text, "Runs")


def _api(api: ApiReport) -> Iterator[Finding]:
    total = api.total
    if total.error_rate > _GOAL:
        failed = [Count(row.name, row.failed) for row in api.by_status if row.failed]
        outcomes = _listed(failed, total.failed)
        share = f"{format_percent(total.error_rate)} of {counted(total.count, 'API call')}"
        yield Finding("note", f"{share} failed{outcomes}.", "API calls")
    if api.throttled:
        lost = format_seconds(api.backoff_seconds)
        text = f"Canvas throttled {counted(api.throttled, 'call')}; {lost} lost in back-off."
        yield Finding("note", text, "API calls")
    slower = [row for row in api.slower_routes if row.change >= _SLOWER]
    if slower:
        worst = f"{_short(slower[0].route)} takes {slower[0].change:.1f} times as long"
        yield Finding("note", f"{worst} as in its first month (p95).", "API calls")
    if api.truncated:
        routes = _listed(api.truncated_lists, api.truncated)
        what = counted(api.truncated, "list")
        yield Finding("note", f"{what} not read to the end{routes}.", "API calls")


def _database(report: LogReport) -> Iterator[Finding]:
    total = report.database_total
    if total.failed:
        failed = [
            Count(f"{row.operation} {row.table}", row.failed)
            for row in report.database
            if row.failed
        ]
        failed.sort(key=lambda row: (-row.count, row.name))
        share = f"{format_number(total.failed)} of {counted(total.count, 'database operation')}"
        text = f"{share} failed{_listed(failed, total.failed)}."
        yield Finding("note", text, "Database")


def _errors(report: LogReport) -> Iterator[Finding]:
    if report.errors.count:
        what = counted(report.errors.count, "error")
        types = _listed(report.errors.by_type, report.errors.count)
        yield Finding("note", f"{what} in the log{types}.", "Errors")


def _lines(report: LogReport) -> Iterator[Finding]:
    lines = sum(row.lines for row in report.logs)
    unreadable = sum(row.unreadable for row in report.logs)
    if unreadable:
        whole = f"{format_number(unreadable)} of {counted(lines, 'line')}"
        yield Finding("warning", f"{whole} could not be read.", "Files")
    if report.unknown_events:
        events = _listed(report.unknown_events, sum(row.count for row in report.unknown_events))
        text = f"Lines of a newer version were ignored{events}."
        yield Finding("warning", text, "Files")
    if not lines:
        yield Finding(
            "warning", "There are no lines. Are the folder and the period right?", "Files"
        )


def _by_status(runs: RunReport, sync_types: set[str]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for row in runs.by_status:
        if row.sync_type in sync_types:
            counts[row.status] += row.count
    return counts


def _outcome(counts: Counter[str], status: RunStatus, became: str) -> str:
    whole = f"{format_number(counts[status])} of {counted(counts.total(), 'run')}"
    were = "was" if counts[status] == 1 else "were"
    return f"{whole} {became.format(were=were)}."


def _listed(rows: Sequence[Count], total: int) -> str:
    """Name the first few entries of a list that is sorted by frequency and may be truncated."""
    named = [f"{_short(row.name)} ({format_number(row.count)})" for row in rows[:_NAMED]]
    is_cut = len(rows) > _NAMED or sum(row.count for row in rows) < total
    return f": {', '.join(named)}{' and more' if is_cut else ''}" if named else ""


def _short(text: str) -> str:
    text = escape_controls(text)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
