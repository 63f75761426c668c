"""The verdict on the logs, from the same conditions as the exporter's verdict."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from canvas_sync_core.incident import SEVERITY_ORDER
from canvas_sync_core.names import IncidentKind as Kind

from .conditions import CONDITIONS
from .finding import Finding
from .gathering.logs import LogGatherer
from .precedence import one_of_each_cause
from .verdict import judge

__all__ = ["LogVerdict", "judge_logs"]


_MISSING: Final = (Kind.MISSED, Kind.OVERDUE, Kind.STUCK, Kind.STALE_ITEMS)
"""Kinds about what has not happened: the longer nothing is logged, the worse."""
_HAPPENED: Final = (
    Kind.FAILING,
    Kind.PARTIAL,
    Kind.INTERRUPTED,
    Kind.OVERLAPPING,
    Kind.SLOW,
    Kind.SUSPECT,
    Kind.TOKEN_REFUSED,
    Kind.THROTTLED,
    Kind.API_FAILING,
    Kind.API_SLOW,
    Kind.LIST_TRUNCATED,
    Kind.DB_FAILING,
    Kind.DB_SLOW,
)
"""Kinds about what runs have logged, which stays true however old the last line is."""


@dataclass(frozen=True, slots=True)
class LogVerdict:
    """What is wrong according to the logs.

    Attributes:
        time: The time up to which the logs were judged.
        findings: Critical ones first.
        unjudged: The kinds that cannot be judged from logs.
        unexpected: The sync types for which no due times are known.
        has_expectations: Whether due times are known for any sync type.
    """

    time: datetime
    findings: tuple[Finding, ...]
    unjudged: frozenset[Kind]
    unexpected: tuple[str, ...]
    has_expectations: bool


def judge_logs(gatherer: LogGatherer, end: datetime, now: datetime) -> LogVerdict:
    """Judge the logs.

    Args:
        gatherer: Makes facts from the logs.
        end: The time of the newest line.
        now: The time up to which due runs should have started.
    """
    at_end, at_now = gatherer.facts(min(end, now)), gatherer.facts(now)
    happened = judge(at_end, {kind: CONDITIONS[kind] for kind in _HAPPENED})
    missing = judge(at_now, {kind: CONDITIONS[kind] for kind in _MISSING})
    findings = one_of_each_cause((*missing.findings, *happened.findings))
    expected = {name for name, sync in at_now.syncs.items() if sync.expectation is not None}
    return LogVerdict(
        time=now,
        findings=tuple(sorted(findings, key=_urgency)),
        unjudged=frozenset(Kind) - happened.judged - missing.judged,
        unexpected=tuple(sorted(at_now.syncs.keys() - expected)),
        has_expectations=bool(expected),
    )


def _urgency(finding: Finding) -> tuple[int, datetime]:
    return -SEVERITY_ORDER.index(finding.severity), finding.since
