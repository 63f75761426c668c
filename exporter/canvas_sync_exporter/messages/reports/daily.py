"""The daily summary: each sync type's last run, what went wrong, and what is due today."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import Engine

from canvas_sync_core.incident import Incident
from canvas_sync_core.logs import escape_controls
from canvas_sync_core.names import RunStatus
from canvas_sync_core.store.rollups.periods import Period, read_periods
from canvas_sync_exporter.config_file.reports import ReportSettings
from canvas_sync_exporter.messages.content import Content, Section, Status, Table
from canvas_sync_exporter.messages.formats import UNKNOWN, Formats
from canvas_sync_exporter.schedules.local_time import local_date
from canvas_sync_exporter.settings import Configuration

from .causes import Cause, group_by_cause
from .due_today import DueToday, describe_due, read_due
from .figures import FAILURES, Counts, Figures, by_sync_type, status_of_share
from .periods import ReportRequest, report_about
from .reading import MOST_FAILED_RUNS, LastRun, failed_runs, incidents_during, last_runs
from .sections import (
    MOST_SYNC_TYPES,
    causes_section,
    ended_section,
    footer,
    incident_status,
    nothing_to_report,
    open_section,
    worst,
    worst_first,
)

__all__ = ["DailyFigures", "SyncDay", "daily_content", "read_daily"]

_USUAL_WEEKS: Final = 4
_WEEK: Final = timedelta(days=7)
_FORGOTTEN_AFTER: Final = timedelta(days=35)
"""A sync type that is not expected and has not run for so long is left out."""


@dataclass(frozen=True, slots=True)
class SyncDay:
    """The day of a sync type.

    Attributes:
        last: Its newest run; None if it never ran.
        day: Its runs of the day; None without any.
        usual: Its runs on the same weekday of earlier weeks, one for each week with runs.
        due: What is due today; None if nothing is ever expected.
    """

    name: str
    last: LastRun | None
    day: Figures | None
    usual: tuple[Figures, ...]
    due: DueToday | None


@dataclass(frozen=True, slots=True)
class DailyFigures:
    """Everything that the daily summary says.

    Attributes:
        now: The time for which open incidents, last runs and due times are given.
        open: Open incidents.
        ended: Incidents that were resolved since the beginning of the day.
        causes: The causes of failures.
        is_cut: Whether more runs failed than were examined for causes.
    """

    request: ReportRequest
    now: datetime
    syncs: tuple[SyncDay, ...]
    open: tuple[Incident, ...]
    ended: tuple[Incident, ...]
    causes: tuple[Cause, ...]
    is_cut: bool


def read_daily(
    request: ReportRequest, engine: Engine, config: Configuration, now: datetime
) -> DailyFigures:
    """Read the figures.

    Raises:
        StorageError: The database lacks a table.
        SQLAlchemyError: The database is unreachable.
    """
    settings = config.reports
    is_today = local_date(now, settings.zone) == date.fromisoformat(request.period)
    now = max(now, request.due) if is_today else request.due
    day, *weeks = read_periods(engine, _same_weekdays(request, settings))
    runs, usual = by_sync_type(day), tuple(map(by_sync_type, weeks))
    last = last_runs(engine, now)
    starts = {name: each.start for name, each in last.items()}
    due = read_due(engine, config, starts, now, settings.zone)
    recent = {name for name, start in starts.items() if now - start < _FORGOTTEN_AFTER}
    failures, is_cut = failed_runs(engine, Period(request.begin, request.end), MOST_FAILED_RUNS)
    incidents = incidents_during(engine, request.begin, now)
    return DailyFigures(
        request,
        now,
        syncs=tuple(
            SyncDay(
                name,
                last.get(name),
                runs.get(name),
                tuple(week[name] for week in usual if name in week),
                due.get(name),
            )
            for name in sorted({*recent, *runs, *due})
        ),
        open=tuple(each for each in incidents if _is_open(each, now)),
        ended=tuple(each for each in incidents if not _is_open(each, now)),
        causes=tuple(group_by_cause(failures)),
        is_cut=is_cut,
    )


def daily_content(figures: DailyFigures, formats: Formats) -> Content:
    """Turn the figures into a message."""
    request = figures.request
    title = f"Daily summary, {formats.date(formats.local(request.due).date())}"
    since = formats.moment(request.begin)
    counts = _total(figures.syncs)
    if not counts.runs and not figures.open and not figures.ended:
        text = f"No run has ended since {since}, and there was no incident."
        return nothing_to_report(request, title, text, formats)
    parts = _outcome(figures, counts, formats)
    return Content(
        kind=request.kind,
        title=f"{title}: {', '.join(parts)}",
        summary=" ".join([*_worst(figures), f"Since {since}: {_succeeded(counts, formats)}."]),
        status=worst([*map(incident_status, figures.open), status_of_share(counts.success_rate)]),
        sections=(
            *open_section(figures.open, figures.now, formats),
            _syncs_section(figures, formats),
            *causes_section(
                figures.causes, figures.is_cut, figures.now, formats, "What went wrong"
            ),
            *ended_section(figures.ended, figures.now, formats, "Incidents that ended"),
        ),
        footer=footer(request, formats),
    )


def _same_weekdays(request: ReportRequest, settings: ReportSettings) -> list[Period]:
    """Return the day of the report, and the same weekday of the weeks before it."""
    day = date.fromisoformat(request.period)
    reports = (
        report_about(request.kind, settings, day - number * _WEEK)
        for number in range(1, _USUAL_WEEKS + 1)
    )
    return [Period(each.begin, each.end) for each in (request, *reports)]


def _is_open(incident: Incident, now: datetime) -> bool:
    return incident.resolved_at is None or incident.resolved_at > now


def _total(syncs: Sequence[SyncDay]) -> Counts:
    by_status: dict[str, int] = {}
    for sync in syncs:
        for status, number in (sync.day.counts.by_status if sync.day else {}).items():
            by_status[status] = by_status.get(status, 0) + number
    return Counts(by_status)


def _worst(figures: DailyFigures) -> list[str]:
    return [escape_controls(each.summary) for each in worst_first(figures.open)[:1]]


def _outcome(figures: DailyFigures, counts: Counts, formats: Formats) -> list[str]:
    parts = [f"{formats.counted(len(figures.open), 'open incident')}"] if figures.open else []
    return [*parts, _succeeded(counts, formats)]


def _succeeded(counts: Counts, formats: Formats) -> str:
    if not counts.runs:
        return "no run has ended"
    if counts.runs == 1:
        return f"the only run {'succeeded' if counts.succeeded else 'did not succeed'}"
    if counts.succeeded == counts.runs:
        return f"all {formats.number(counts.runs)} runs succeeded"
    return f"{formats.number(counts.succeeded)} of {formats.counted(counts.runs, 'run')} succeeded"


def _syncs_section(figures: DailyFigures, formats: Formats) -> Section:
    statuses = {sync.name: _status(sync, figures.open) for sync in figures.syncs}
    order = (Status.CRITICAL, Status.WARNING, Status.GOOD, Status.NEUTRAL)
    ordered = sorted(figures.syncs, key=lambda sync: (order.index(statuses[sync.name]), sync.name))
    shown = ordered[:MOST_SYNC_TYPES]
    table = Table(
        ("Sync type", "Last run", "Succeeded", "Items", "Duration", "Due today"),
        tuple(_row(sync, figures.now, formats) for sync in shown),
        numeric=frozenset({2, 3, 4}),
        statuses=tuple(statuses[sync.name] for sync in shown),
        omitted=len(ordered) - len(shown),
    )
    usual = (
        f"In brackets: what is usual, by the last {_USUAL_WEEKS} weeks on this day of the week. "
        "Durations are medians of the runs that succeeded."
    )
    return Section(title="Sync types", paragraphs=(usual,), table=table)


def _status(sync: SyncDay, incidents: Sequence[Incident]) -> Status:
    own = [incident_status(each) for each in incidents if sync.name in each.affects]
    failed = sync.last is not None and sync.last.status in FAILURES
    rate = sync.day.counts.success_rate if sync.day else None
    return worst([*own, status_of_share(rate), Status.WARNING if failed else Status.NEUTRAL])


def _row(sync: SyncDay, now: datetime, formats: Formats) -> tuple[str, ...]:
    counts = sync.day.counts if sync.day else Counts({})
    share = f"{formats.number(counts.succeeded)} of {formats.number(counts.runs)}"
    return (
        escape_controls(sync.name),
        _last_cell(sync.last, now, formats),
        share if counts.runs else "no run",
        _items_cell(sync, formats),
        _duration_cell(sync, formats),
        describe_due(sync.due, now, formats),
    )


def _last_cell(last: LastRun | None, now: datetime, formats: Formats) -> str:
    if last is None:
        return "never"
    time = formats.brief_time(last.start, now)
    if last.status == RunStatus.RUNNING:
        return f"running since {time}"
    return f"{escape_controls(last.status)}, {time}"


def _items_cell(sync: SyncDay, formats: Formats) -> str:
    found = formats.number(sync.day.items) if sync.day else UNKNOWN
    if not sync.usual:
        return found
    usual = sum(each.items for each in sync.usual) / len(sync.usual)
    return f"{found} ({formats.number(round(usual))})"


def _duration_cell(sync: SyncDay, formats: Formats) -> str:
    found = formats.seconds(sync.day.durations.quantile(0.5) if sync.day else None)
    medians = [each.durations.quantile(0.5) for each in sync.usual]
    known = sorted(each for each in medians if each is not None)
    return f"{found} ({formats.seconds(known[len(known) // 2])})" if known else found
