"""The failure analysis: failed runs grouped by cause, and what changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Engine

from canvas_sync_core.errors import StorageError
from canvas_sync_core.logs import escape_controls
from canvas_sync_core.store.rollups.errors import ErrorReader, ErrorSummary
from canvas_sync_core.store.rollups.periods import Period, count_periods
from canvas_sync_exporter.messages.content import Content, Fact, Section, Table
from canvas_sync_exporter.messages.formats import UNKNOWN, Formats
from canvas_sync_exporter.settings import Configuration

from .causes import Cause, group_by_cause
from .comparison import read_comparison
from .figures import Counts, status_of_share, total_counts
from .periods import ReportRequest
from .reading import (
    MOST_FAILED_RUNS,
    FailureDetails,
    failed_runs,
    failure_details,
    others_succeeded,
)
from .sections import causes_section, footer, nothing_to_report

__all__ = ["AnalysedCause", "FailureFigures", "failures_content", "read_failures"]

_MOST_ANALYSED: Final = 5
_MOST_ERRORS: Final = 10


@dataclass(frozen=True, slots=True)
class AnalysedCause:
    """A cause with what is known about it.

    Attributes:
        details: Details of its newest run.
        runs_before: Number of runs with the same cause in the week before.
        only_host: The host on which all its runs failed while others succeeded elsewhere; None
            if there is none.
    """

    cause: Cause
    details: FailureDetails
    runs_before: int
    only_host: str | None


@dataclass(frozen=True, slots=True)
class FailureFigures:
    """Everything that the failure analysis says.

    Attributes:
        counts: The runs of the week.
        before: The runs of the week before.
        analysed: The most frequent causes.
        is_cut: Whether more runs failed than were examined for causes.
        is_before_cut: The same about the week before.
        errors: If more failed: all of them by class of error, most frequent first.
    """

    request: ReportRequest
    counts: Counts
    before: Counts
    causes: tuple[Cause, ...]
    analysed: tuple[AnalysedCause, ...]
    is_cut: bool
    is_before_cut: bool
    errors: tuple[ErrorSummary, ...]


def read_failures(request: ReportRequest, engine: Engine, config: Configuration) -> FailureFigures:
    """Read the figures.

    Raises:
        SQLAlchemyError: The database is unreachable.
    """
    compared = read_comparison(request, engine, config.reports)
    counts, before = map(total_counts, count_periods(engine, [compared.whole, compared.before]))
    runs, is_cut = failed_runs(engine, compared.whole, MOST_FAILED_RUNS)
    earlier, is_before_cut = failed_runs(engine, compared.before, MOST_FAILED_RUNS // 2)
    causes = group_by_cause(runs)
    runs_before = {each.name: each.runs for each in group_by_cause(earlier)}
    return FailureFigures(
        request=request,
        counts=counts,
        before=before,
        causes=tuple(causes),
        analysed=tuple(_analyse(engine, each, runs_before) for each in causes[:_MOST_ANALYSED]),
        is_cut=is_cut,
        is_before_cut=is_before_cut,
        errors=_read_errors(engine, compared.whole) if is_cut else (),
    )


def failures_content(figures: FailureFigures, formats: Formats) -> Content:
    """Turn the figures into a message."""
    request = figures.request
    title = f"Failure analysis, {formats.days(request.begin, request.end)}"
    counts = figures.counts
    if not counts.failures:
        return nothing_to_report(request, title, _no_failure(counts, formats), formats)
    failed = f"{formats.number(counts.failures)} of {formats.counted(counts.runs, 'run')} failed"
    before = f"{formats.number(figures.before.failures)} of {formats.number(figures.before.runs)}"
    compared = f", after {before} in the week before" if figures.before.runs else ""
    name = figures.causes[0].name if figures.causes else ""
    return Content(
        kind=request.kind,
        title=f"{title}: {failed}",
        summary=f"{failed}{compared}. Most frequent cause: {name}.",
        status=status_of_share(1 - counts.failures / counts.runs),
        sections=(
            *causes_section(
                figures.causes, figures.is_cut, request.due, formats, "Failed runs by cause"
            ),
            *_errors_section(figures, formats),
            *(_cause_section(each, figures, formats) for each in figures.analysed),
        ),
        footer=footer(request, formats),
    )


def _read_errors(engine: Engine, period: Period) -> tuple[ErrorSummary, ...]:
    """Count all failed runs by class of error; nothing while the rollups are far behind."""
    try:
        return tuple(ErrorReader(engine).top(period.begin, period.end, _MOST_ERRORS).items)
    except StorageError:
        return ()


def _errors_section(figures: FailureFigures, formats: Formats) -> list[Section]:
    rows = tuple(
        (
            escape_controls(each.error_type),
            formats.number(each.runs),
            formats.number(each.previous_runs),
            *(formats.moment(time) if time else UNKNOWN for time in _seen(each)),
        )
        for each in figures.errors
    )
    headings = ("Error", "Runs", "Week before", "First", "Last")
    table = Table(headings, rows, numeric=frozenset({1, 2}))
    return [Section(title="All failed runs by class of error", table=table)] if rows else []


def _seen(each: ErrorSummary) -> tuple[datetime | None, datetime | None]:
    return each.first_seen, each.last_seen


def _no_failure(counts: Counts, formats: Formats) -> str:
    if not counts.runs:
        return "No run ended in this period."
    if counts.runs == 1:
        return "The only run did not fail."
    return f"None of {formats.counted(counts.runs, 'run')} failed."


def _analyse(engine: Engine, cause: Cause, runs_before: Mapping[str, int]) -> AnalysedCause:
    host = next(iter(cause.hosts)) if len(cause.hosts) == 1 else None
    is_alone = host is not None and others_succeeded(
        engine, cause.sync_types, host, cause.first, cause.last
    )
    return AnalysedCause(
        cause,
        failure_details(engine, cause.newest),
        runs_before.get(cause.name, 0),
        host if is_alone else None,
    )


def _cause_section(each: AnalysedCause, figures: FailureFigures, formats: Formats) -> Section:
    cause = each.cause
    facts = [
        Fact("Sync types", _counted(cause.sync_types, formats)),
        Fact("Users", formats.number(cause.users) if cause.users else UNKNOWN),
        Fact("First and last", _first_and_last(cause, formats)),
        Fact("Hosts", _hosts(each, formats)),
        Fact("Week before", _before(each, figures, formats)),
    ]
    if each.details.places:
        facts.append(Fact("Place in the code", escape_controls(each.details.places[-1])))
    if each.details.request_id:
        facts.append(Fact("Newest request id", escape_controls(each.details.request_id)))
    return Section(title=cause.name, facts=tuple(facts))


def _counted(counts: Mapping[str, int], formats: Formats) -> str:
    return ", ".join(f"{escape_controls(name)} {formats.number(n)}" for name, n in counts.items())


def _first_and_last(cause: Cause, formats: Formats) -> str:
    first, last = formats.moment(cause.first), formats.moment(cause.last)
    return first if cause.runs == 1 else f"{first}; {last}"


def _hosts(each: AnalysedCause, formats: Formats) -> str:
    if each.only_host is not None:
        return f"only {escape_controls(each.only_host)}, while runs on other hosts succeeded"
    return _counted(each.cause.hosts, formats)


def _before(each: AnalysedCause, figures: FailureFigures, formats: Formats) -> str:
    least = "at least " if figures.is_before_cut else ""
    if each.runs_before:
        return f"{least}{formats.counted(each.runs_before, 'run')}"
    if figures.is_before_cut:
        return "not among the failed runs that were examined"
    if not figures.before.runs:
        return "no run to compare with"
    return f"no such failure; new since {formats.moment(each.cause.first)}"
