"""What the judge says about the logs, as findings of the report."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Final

from canvas_sync_core.logs import escape_controls
from canvas_sync_core.names import IncidentKind as Kind
from canvas_sync_core.names import Log
from canvas_sync_exporter.formatting import format_code, format_number
from canvas_sync_exporter.judge import finding as judged
from canvas_sync_exporter.judge.gathering.logs import LogGatherer
from canvas_sync_exporter.judge.log_verdict import LogVerdict, judge_logs
from canvas_sync_exporter.settings import Configuration

from .analyze import Analysis
from .log_report import Finding, Verdict
from .runs import UNKNOWN, RunSection

__all__ = ["NOT_OF_SOME_RUNS", "judge_analysis"]

NOT_OF_SOME_RUNS: Final = Verdict(
    not_judged=["Any sync, because --user or --task leaves out runs that a verdict needs."],
    is_judged=False,
)
_SECTIONS: Final = {
    **dict.fromkeys(
        (Kind.TOKEN_REFUSED, Kind.THROTTLED, Kind.API_FAILING, Kind.API_SLOW, Kind.LIST_TRUNCATED),
        "API calls",
    ),
    **dict.fromkeys((Kind.DB_FAILING, Kind.DB_SLOW), "Database"),
}
"""Kind -> the section with the details, if that is not the one about runs."""
_MOST_NAMED: Final = 5


def judge_analysis(analysis: Analysis, config: Configuration, now: dt.datetime) -> Verdict:
    """Judge the analyzed logs.

    Args:
        analysis: Of all lines up to ``now``, at least those of ``operations.log``.
        config: Schedules, pauses and limits.
        now: The time up to which due runs should have started.
    """
    section: RunSection = analysis.summaries[Log.OPERATIONS].section
    begin = analysis.summaries[Log.OPERATIONS].first
    if begin is None:
        reason = f"Any sync, because operations.log has no lines before {now:%Y-%m-%d %H:%M} UTC."
        return Verdict(not_judged=[reason], is_judged=False)
    lasts = (summary.last for summary in analysis.summaries.values())
    end = max(last for last in lasts if last is not None)
    gatherer = LogGatherer(section.newest, section.pairs.open, begin, config)
    verdict = judge_logs(gatherer, end, now)
    return Verdict(
        findings=list(map(_finding, verdict.findings)),
        not_judged=list(_not_judged(verdict, section)),
        has_expectations=verdict.has_expectations,
    )


def _finding(finding: judged.Finding) -> Finding:
    return Finding(
        level=finding.severity.value,
        text=escape_controls(f"{finding.summary} {finding.cause}".strip()),
        section=_SECTIONS.get(finding.kind, "Runs"),
        kind=finding.kind.value,
        subject=escape_controls(finding.subject),
        since=finding.since,
        runs=list(finding.runs),
    )


def _not_judged(verdict: LogVerdict, section: RunSection) -> Iterator[str]:
    if verdict.unexpected:
        names = ", ".join(map(escape_controls, verdict.unexpected[:_MOST_NAMED]))
        more = len(verdict.unexpected) - _MOST_NAMED
        also = f" and {format_number(more)} more" if more > 0 else ""
        yield (
            f"Whether runs of {names}{also} are missing: no schedule is configured, and their "
            "starts show none."
        )
    nameless = sum(runs.count for (name, _), runs in section.groups.items() if name == UNKNOWN)
    if nameless:
        runs = "1 run" if nameless == 1 else f"{format_number(nameless)} runs"
        yield f"{runs} whose lines do not name the sync type, as in the text format."
    kinds = ", ".join(map(format_code, sorted(verdict.unjudged)))
    yield f"What only the exporter sees (canvas-sync-monitor status): {kinds}."
