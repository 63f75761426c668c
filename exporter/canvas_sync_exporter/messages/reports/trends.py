"""Weekly and monthly summaries: success rates and trends, freshness and incidents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import Engine

from canvas_sync_core.incident import Incident
from canvas_sync_core.logs import escape_controls
from canvas_sync_core.names import MessageKind
from canvas_sync_core.store.rollups.periods import Period, count_periods, read_periods
from canvas_sync_exporter.config_file.reports import ReportSettings
from canvas_sync_exporter.messages.content import Content, Section, Status, Table
from canvas_sync_exporter.messages.formats import Formats
from canvas_sync_exporter.schedules.local_time import days_between, local_date, start_of_day
from canvas_sync_exporter.settings import Configuration

from .comparison import Comparison, describe_comparison, read_comparison
from .figures import (
    QUANTILE_NOISE,
    Counts,
    Figures,
    by_sync_type,
    merged,
    status_of_share,
    total_counts,
    total_figures,
)
from .periods import ReportRequest
from .reading import incidents_during
from .sections import MOST_SYNC_TYPES, ended_section, footer, nothing_to_report, worst

__all__ = ["Step", "SyncTrend", "TrendFigures", "read_trends", "trend_content"]

_DAY: Final = timedelta(days=1)
_SECOND: Final = timedelta(seconds=1)
_WEEK: Final = 7
_MOST_ITEMS: Final = 10
_NONE: Final = Figures({})
_MEANING: Final = (
    "Durations are medians of the runs that succeeded; rates change by percentage points."
)


@dataclass(frozen=True, slots=True)
class SyncTrend:
    """A sync type in a period.

    Attributes:
        whole: Its figures of the whole period.
        compared: Those of the part that is compared.
        before: Those of the earlier days.
    """

    name: str
    whole: Figures
    compared: Figures
    before: Figures


@dataclass(frozen=True, slots=True)
class Step:
    """One day of a week, or seven days of a month.

    Attributes:
        before: Counts of the same days of the earlier period; None for days without any.
    """

    period: Period
    counts: Counts
    before: Counts | None


@dataclass(frozen=True, slots=True)
class ItemAge:
    """When items of some kinds last arrived, all by the same run.

    Attributes:
        is_too_old: Whether they are older than the configuration file allows.
    """

    sync_type: str
    items: tuple[str, ...]
    newest: datetime
    is_too_old: bool


@dataclass(frozen=True, slots=True)
class TrendFigures:
    """Everything that a weekly or monthly summary says."""

    request: ReportRequest
    comparison: Comparison
    total: SyncTrend
    syncs: tuple[SyncTrend, ...]
    steps: tuple[Step, ...]
    ages: tuple[ItemAge, ...]
    incidents: tuple[Incident, ...]


def read_trends(request: ReportRequest, engine: Engine, config: Configuration) -> TrendFigures:
    """Read the figures of a weekly or monthly summary.

    Raises:
        StorageError: The database lacks a table.
        SQLAlchemyError: The database is unreachable.
    """
    settings = config.reports
    compared = read_comparison(request, engine, settings)
    rest = Period(compared.compared.end, request.end)
    since = Period(request.end, request.due)
    now, left, before, later = read_periods(
        engine, [compared.compared, rest, compared.before, since]
    )
    whole = merged([now, left])
    figures = [by_sync_type(each) for each in (whole, now, before)]
    totals = [total_figures(each) for each in (whole, now, before)]
    names = sorted(set().union(*figures))
    return TrendFigures(
        request=request,
        comparison=compared,
        total=SyncTrend("", *totals),
        syncs=tuple(
            SyncTrend(name, *(each.get(name, _NONE) for each in figures)) for name in names
        ),
        steps=_read_steps(engine, request, compared, settings),
        ages=_ages(by_sync_type(merged([before, whole, later])), config, request.due),
        incidents=tuple(incidents_during(engine, request.begin, request.end)),
    )


def trend_content(figures: TrendFigures, formats: Formats) -> Content:
    """Turn the figures into a message."""
    request = figures.request
    title = _title(request, formats)
    counts = figures.total.whole.counts
    if not counts.runs and not figures.incidents:
        text = "No run ended in this period, and there was no incident."
        return nothing_to_report(request, title, text, formats)
    rate = formats.percent(counts.success_rate)
    points = formats.points(
        figures.total.compared.counts.success_rate, figures.total.before.counts.success_rate
    )
    runs = formats.counted(counts.runs, "run")
    outcome = f"{rate} of {runs} succeeded" if counts.runs else "No run has ended"
    change = f", a change of {points} percentage points" if points != "-" else ""
    return Content(
        kind=request.kind,
        title=f"{title}: {outcome}",
        summary=f"{outcome}{change}. {_incidents(figures, formats)}",
        status=worst(status_of_share(each.whole.counts.success_rate) for each in figures.syncs),
        sections=(
            *_syncs_section(figures, formats),
            *_steps_section(figures, formats),
            *ended_section(figures.incidents, request.end, formats, "Incidents"),
            *_ages_section(figures, formats),
        ),
        footer=footer(request, formats),
    )


def _read_steps(
    engine: Engine, request: ReportRequest, compared: Comparison, settings: ReportSettings
) -> tuple[Step, ...]:
    length = _WEEK if request.kind is MessageKind.MONTHLY else 1
    now = _divide(compared.whole, length, settings)
    before = _divide(compared.before, length, settings)
    counts = list(map(total_counts, count_periods(engine, [*now, *before])))
    earlier = [*counts[len(now) :], *[None] * len(now)]
    return tuple(
        Step(*each) for each in zip(now, counts[: len(now)], earlier[: len(now)], strict=True)
    )


def _divide(period: Period, length: int, settings: ReportSettings) -> list[Period]:
    zone = settings.zone
    first, last = (local_date(each, zone) for each in (period.begin, period.end - _SECOND))
    starts = days_between(first, last)[::length]
    return [
        Period(_start(each, settings), min(_start(each + length * _DAY, settings), period.end))
        for each in starts
    ]


def _start(day: date, settings: ReportSettings) -> datetime:
    return start_of_day(day, settings.zone)


def _ages(
    syncs: Mapping[str, Figures], config: Configuration, now: datetime
) -> tuple[ItemAge, ...]:
    """Return the ages of items: those that are too old first, then the oldest."""
    found = []
    for name, figures in syncs.items():
        settings = config.file.syncs.get(name)
        limits = settings.max_age if settings else {}
        groups: dict[tuple[datetime, bool], list[str]] = {}
        for item, newest in figures.newest.items():
            is_too_old = item in limits and now - newest > limits[item]
            groups.setdefault((newest, is_too_old), []).append(item)
        found += [ItemAge(name, tuple(items), *key) for key, items in groups.items()]
    return tuple(sorted(found, key=lambda each: (not each.is_too_old, each.newest)))


def _title(request: ReportRequest, formats: Formats) -> str:
    if request.kind is MessageKind.MONTHLY:
        return f"Monthly summary, {formats.month(formats.local(request.begin).date())}"
    return f"Weekly summary, {formats.days(request.begin, request.end)}"


def _incidents(figures: TrendFigures, formats: Formats) -> str:
    count = len(figures.incidents)
    if not count:
        return "There was no incident."
    return f"There {'was' if count == 1 else 'were'} {formats.counted(count, 'incident')}."


def _syncs_section(figures: TrendFigures, formats: Formats) -> list[Section]:
    ordered = sorted(figures.syncs, key=_badness)
    if not ordered:
        return []
    everything = [figures.total] if len(ordered) > 1 else []
    shown = [*ordered[:MOST_SYNC_TYPES], *everything]
    table = Table(
        ("Sync type", "Runs", "Succeeded", "Duration", "Items"),
        tuple(_row(each, formats) for each in shown),
        numeric=frozenset({1, 2, 3, 4}),
        statuses=tuple(status_of_share(each.whole.counts.success_rate) for each in shown),
        omitted=len(ordered[MOST_SYNC_TYPES:]),
    )
    return [
        Section(title="Sync types", paragraphs=(_explain(figures, formats),), table=table),
    ]


def _explain(figures: TrendFigures, formats: Formats) -> str:
    return f"{describe_comparison(figures.request, figures.comparison, formats)} {_MEANING}"


def _badness(sync: SyncTrend) -> tuple[float, str]:
    rate = sync.whole.counts.success_rate
    return (2.0 if rate is None else rate), sync.name


def _row(sync: SyncTrend, formats: Formats) -> tuple[str, ...]:
    counts = sync.whole.counts, sync.compared.counts, sync.before.counts
    medians = [each.durations.quantile(0.5) for each in (sync.whole, sync.compared, sync.before)]
    rates = [each.success_rate for each in counts]
    return (
        escape_controls(sync.name) or "all",
        _with_change(
            formats.number(counts[0].runs), formats.change(counts[1].runs, counts[2].runs)
        ),
        _with_change(formats.percent(rates[0]), formats.points(rates[1], rates[2])),
        _with_change(
            formats.seconds(medians[0]),
            formats.change(medians[1], medians[2], noise=QUANTILE_NOISE),
        ),
        _with_change(
            formats.number(sync.whole.items),
            formats.change(sync.compared.items, sync.before.items),
        ),
    )


def _with_change(value: str, change: str) -> str:
    return value if change == "-" else f"{value} ({change})"


def _steps_section(figures: TrendFigures, formats: Formats) -> list[Section]:
    if not any(step.counts.runs or (step.before and step.before.runs) for step in figures.steps):
        return []
    is_month = figures.request.kind is MessageKind.MONTHLY
    table = Table(
        (
            "Days" if is_month else "Day",
            "Runs",
            "Succeeded",
            "Month before" if is_month else "Week before",
        ),
        tuple(_step_row(step, formats, is_month=is_month) for step in figures.steps),
        numeric=frozenset({1, 2, 3}),
        statuses=tuple(status_of_share(step.counts.success_rate) for step in figures.steps),
        shares=tuple(step.counts.success_rate or 0.0 for step in figures.steps),
    )
    return [Section(title="Week by week" if is_month else "Day by day", table=table)]


def _step_row(step: Step, formats: Formats, *, is_month: bool) -> tuple[str, ...]:
    begin, end = step.period.begin, step.period.end
    days = formats.days(begin, end) if is_month else formats.weekday(formats.local(begin).date())
    return (
        days,
        formats.number(step.counts.runs),
        formats.percent(step.counts.success_rate),
        formats.percent(step.before.success_rate if step.before else None),
    )


def _ages_section(figures: TrendFigures, formats: Formats) -> list[Section]:
    if not figures.ages:
        return []
    now = figures.request.due
    shown = figures.ages[:_MOST_ITEMS]
    rows = tuple(
        (
            ", ".join(f"{item}s" for item in each.items),
            escape_controls(each.sync_type),
            formats.moment(each.newest),
            formats.rough_length(now - each.newest),
        )
        for each in shown
    )
    statuses = tuple(Status.WARNING if each.is_too_old else Status.NEUTRAL for each in shown)
    table = Table(
        ("Items", "Sync type", "Newest", "Age"),
        rows,
        numeric=frozenset({3}),
        statuses=statuses,
        omitted=len(figures.ages) - len(shown),
    )
    text = f"Ages are as of {formats.moment(now)}, oldest first."
    return [Section(title="Freshness", paragraphs=(text,), table=table)]
