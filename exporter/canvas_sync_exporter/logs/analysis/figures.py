"""Computes the figures of the report from the summaries."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from canvas_sync_core.names import Log
from canvas_sync_core.sketch import Sketch

from .analyze import Analysis
from .api import ApiSection, Calls, Group, has_failed
from .counts import most
from .database import DbSection
from .failures import ErrorSection
from .findings import findings, notes
from .log_report import (
    ApiReport,
    CallDay,
    CallRow,
    CostRow,
    Count,
    DbRow,
    DbTotal,
    ErrorReport,
    ErrorRow,
    Filters,
    GapRow,
    LogReport,
    LogRow,
    MonthRow,
    OpenRow,
    OutcomeRow,
    RunReport,
    SuspectRow,
    TrendRow,
    TroubledRow,
    UnreadableRow,
    Verdict,
)
from .progress import ProgressSection
from .records import Selection
from .runs import RunSection

__all__ = ["make_log_report"]

_FEW_CALLS: Final = 20  # a month with fewer calls says nothing about a trend


def make_log_report(
    analysis: Analysis,
    log_dir: Path,
    selection: Selection,
    top: int,
    *,
    verdict: Verdict | None = None,
    now: dt.datetime | None = None,
) -> LogReport:
    """Return the report of an analysis.

    Args:
        analysis: The result of the analysis.
        log_dir: The folder that was analyzed.
        selection: The filters.
        top: Maximum number of rows per list.
        verdict: What the judge finds in the logs; None if nothing was judged.
        now: The time until which syncs should have run; None if none are expected.
    """
    report = _figures(analysis, log_dir, selection, top)
    verdict = verdict or Verdict()
    return replace(
        report,
        attention=findings(report, verdict, now),
        not_judged=verdict.not_judged,
        is_judged=verdict.is_judged,
        notes=notes(report),
    )


def _figures(analysis: Analysis, log_dir: Path, selection: Selection, top: int) -> LogReport:
    """Return the report without what is derived from its figures."""
    sections: dict[Log, Any] = {log: each.section for log, each in analysis.summaries.items()}
    unknown: Counter[str] = Counter()
    for section in sections.values():
        unknown.update(section.unknown)
    return LogReport(
        log_dir=str(log_dir),
        filters=Filters(
            since=selection.since,
            until=selection.until,
            user_id=selection.user_id,
            task_id=selection.task_id,
            top=top,
        ),
        logs=[_log(analysis, log) for log in Log],
        runs=_runs(sections[Log.OPERATIONS], top),
        api=_api(sections[Log.API_CALLS], top),
        database=_database(sections[Log.DATABASE], top),
        database_total=_database_total(sections[Log.DATABASE]),
        errors=_errors(sections[Log.ERRORS], top),
        longest_gaps=_gaps(sections[Log.PROGRESS], top),
        unreadable=_unreadable(analysis),
        unknown_events=_counts(unknown, top),
        problems=analysis.problems,
    )


def _log(analysis: Analysis, log: Log) -> LogRow:
    files = [file for file in analysis.files if file.log == log]
    return LogRow(
        log=log.value,
        files=len(files),
        bytes=sum(file.bytes for file in files),
        lines=sum(file.lines for file in files),
        unreadable=sum(file.unreadable for file in files),
        first=analysis.summaries[log].first,
        last=analysis.summaries[log].last,
    )


def _unreadable(analysis: Analysis) -> list[UnreadableRow]:
    return [
        UnreadableRow(file.name, file.lines, file.unreadable, list(file.numbers))
        for file in analysis.files
        if file.unreadable
    ]


def _timing(sketch: Sketch) -> dict[str, float | None]:
    return {
        "average": sketch.average,
        "p50": sketch.quantile(0.50),
        "p95": sketch.quantile(0.95),
        "p99": sketch.quantile(0.99),
        "max": sketch.largest if sketch.count else None,
    }


def _counts(table: Mapping[Any, int], top: int) -> list[Count]:
    return [Count(str(name), count) for name, count in most(table, top)]


def _by_name(table: Mapping[str, int]) -> list[Count]:
    return [Count(name, count) for name, count in sorted(table.items())]


def _runs(section: RunSection, top: int) -> RunReport:
    rows = [
        OutcomeRow(sync_type=sync_type, status=status, count=runs.count, **_timing(runs.durations))
        for (sync_type, status), runs in section.groups.items()
    ]
    rows.sort(key=lambda row: (-row.count, row.sync_type, row.status))
    troubled = [
        TroubledRow(
            ended=run.timestamp,
            task_id=run.task_id,
            user_id=run.user_id,
            sync_type=run.sync_type,
            status=run.status,
            duration=run.duration_seconds,
            step=run.step,
            error_type=run.error_type,
            error=run.error,
            error_traceback=run.traceback,
        )
        for run in reversed(section.troubled[-top:])
    ]
    newest = sorted(section.pairs.open.items(), key=lambda row: row[1].timestamp, reverse=True)[
        :top
    ]
    never_ended = [
        OpenRow(start.timestamp, task_id, start.user_id, start.sync_type)
        for task_id, start in newest
    ]
    return RunReport(
        count=sum(row.count for row in rows),
        open_count=len(section.pairs.open),
        suspect_count=section.suspect_count,
        by_status=rows,
        troubled=troubled,
        open=never_ended,
        suspect_reasons=_counts(section.suspect_reasons, top),
        suspects=_suspects(section, top),
    )


def _suspects(section: RunSection, top: int) -> list[SuspectRow]:
    return [
        SuspectRow(
            found=run.timestamp,
            task_id=run.task_id,
            user_id=run.user_id,
            sync_type=run.sync_type,
            reasons=run.reasons,
            message=run.message,
        )
        for run in reversed(section.suspects[-top:])
    ]


def _api(section: ApiSection, top: int) -> ApiReport:
    def rows(name_of: Callable[[Group], str]) -> list[CallRow]:
        return _call_rows(section, name_of)

    total = rows(lambda _group: "all")
    costs = [
        CostRow(route, cost.throttled, cost.retries, cost.backoff_seconds)
        for route, cost in section.throttling.items()
    ]
    costs.sort(key=lambda row: (-row.throttled, -row.backoff_seconds, row.route))
    return ApiReport(
        total=total[0] if total else _call_row("all", Calls(), 0),
        by_method=rows(lambda group: group[1])[:top],
        by_status=rows(lambda group: group[3])[:top],
        by_route=rows(lambda group: group[2])[:top],
        by_month=sorted(rows(lambda group: group[0]), key=lambda row: row.name),
        by_day=[
            CallDay(
                day=day,
                calls=each.calls,
                failed=each.failed,
                throttled=each.throttled,
                seconds=each.seconds,
                timed=each.timed,
            )
            for day, each in sorted(section.days.items())
        ],
        slower_routes=_slower(section)[:top],
        throttled=sum(row.throttled for row in costs),
        backoff_seconds=sum(row.backoff_seconds for row in costs),
        throttling=costs[:top],
        truncated=sum(section.truncated.values()),
        truncated_lists=_counts(section.truncated, top),
    )


def _call_rows(section: ApiSection, name_of: Callable[[Group], str]) -> list[CallRow]:
    merged: dict[str, Calls] = {}
    failed: Counter[str] = Counter()
    for group, calls in section.groups.items():
        name = name_of(group)
        merged.setdefault(name, Calls()).merge(calls)
        if has_failed(group[3]):
            failed[name] += calls.count
    rows = [_call_row(name, calls, failed[name]) for name, calls in merged.items()]
    return sorted(rows, key=lambda row: (-row.count, row.name))


def _call_row(name: str, calls: Calls, failed: int) -> CallRow:
    return CallRow(
        name=name,
        count=calls.count,
        failed=failed,
        error_rate=_share(failed, calls.count),
        **_timing(calls.durations),
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _slower(section: ApiSection) -> list[TrendRow]:
    """List the routes whose calls take longer in the last month than in the first."""
    routes: dict[str, dict[str, Sketch]] = {}
    for (month, _, route, _), calls in section.groups.items():
        routes.setdefault(route, {}).setdefault(month, Sketch()).merge(calls.durations)
    trends = (_trend(route, months) for route, months in routes.items())
    slower = [trend for trend in trends if trend is not None and trend.change > 1]
    return sorted(slower, key=lambda trend: (-trend.change, trend.route))


def _trend(route: str, months: Mapping[str, Sketch]) -> TrendRow | None:
    rows = [
        MonthRow(month, sketch.count, sketch.quantile(0.95))
        for month, sketch in sorted(months.items())
        if sketch.count >= _FEW_CALLS
    ]
    if len(rows) < 2 or not rows[0].p95:
        return None
    return TrendRow(route, (rows[-1].p95 or 0.0) / rows[0].p95, rows)


def _database(section: DbSection, top: int) -> list[DbRow]:
    rows = [
        DbRow(
            operation=operation,
            table=table,
            count=each.count,
            rows=each.rows,
            failed=each.failed,
            error_rate=_share(each.failed, each.count),
            **_timing(each.durations),
        )
        for (operation, table), each in section.groups.items()
    ]
    return sorted(rows, key=lambda row: (-row.count, row.operation, row.table))[:top]


def _database_total(section: DbSection) -> DbTotal:
    found = section.groups.values()
    return DbTotal(sum(each.count for each in found), sum(each.failed for each in found))


def _errors(section: ErrorSection, top: int) -> ErrorReport:
    return ErrorReport(
        count=sum(section.types.values()),
        by_type=_counts(section.types, top),
        by_operation=_counts(section.operations, top),
        by_user=_counts(section.users, top),
        by_course=_counts(section.courses, top),
        by_day=_by_name(section.days),
        newest=[
            ErrorRow(
                time=each.timestamp,
                error_type=each.error_type,
                operation=each.operation,
                error=each.error,
                task_id=each.task_id,
                user_id=each.user_id,
                course_id=each.course_id,
                error_traceback=each.traceback,
            )
            for each in reversed(section.newest[-top:])
        ],
    )


def _gaps(section: ProgressSection, top: int) -> list[GapRow]:
    return [
        GapRow(
            seconds=gap.seconds,
            task_id=gap.task_id,
            user_id=gap.user_id,
            since=gap.before.timestamp,
            percent=gap.before.percent,
            message=gap.before.message,
        )
        for gap in section.gaps[:top]
    ]
