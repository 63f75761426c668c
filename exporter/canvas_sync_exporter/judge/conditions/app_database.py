"""The app's own database, to which the syncs write items: failing, slow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from canvas_sync_core.names import IncidentKind, RunStatus, Severity
from canvas_sync_exporter.judge.causes import cause_of, evidence
from canvas_sync_exporter.judge.facts import Facts, SyncFacts
from canvas_sync_exporter.judge.finding import Finding
from canvas_sync_exporter.judge.rounds import Round
from canvas_sync_exporter.judge.timing import newest_rounds, once_for_same_rounds

from .outcomes import bad_ending
from .rates import has_high_mean, has_high_share

__all__ = ["db_failing", "db_slow"]

_SUBJECT: Final = "database of the app"
_SLOWER_SECONDS: Final = 0.02
"""Far longer than usual is at least this much longer, so that a few ms more never count."""
_CRITICAL_SHARE: Final = 0.5
"""Share of failed operations from which on the incident is critical."""


def db_failing(facts: Facts) -> Iterable[Finding]:
    """Detect that far more database operations of the syncs fail than usual."""
    rounds = newest_rounds(facts, _is_failing)
    if rounds:
        failed = sum(each.totals.db_failed for each in rounds)
        operations = sum(each.totals.db_operations for each in rounds)
        words = f"{failed:,} of {operations:,} database operations of the syncs failed."
        is_severe = failed >= operations * _CRITICAL_SHARE
        severity = Severity.CRITICAL if is_severe else Severity.WARNING
        yield _finding(IncidentKind.DB_FAILING, severity, rounds, words)


def db_slow(facts: Facts) -> Iterable[Finding]:
    """Detect that the database operations of the syncs take far longer than usual."""
    rounds = newest_rounds(facts, _is_slow)
    if rounds:
        mean = max(each.totals.db_seconds / each.totals.db_operations for each in rounds)
        took = f"{mean * 1000:,.0f} ms on average"
        words = f"Database operations of the syncs take {took}, far longer than usual."
        yield _finding(IncidentKind.DB_SLOW, Severity.WARNING, rounds, words)


@once_for_same_rounds
def _is_failing(facts: Facts, sync: SyncFacts) -> bool:
    ending = bad_ending(facts, sync)
    if ending is not None:
        return ending[0] is IncidentKind.DB_FAILING
    return has_high_share(
        facts, sync, lambda each: each.totals.db_failed, lambda each: each.totals.db_operations
    )


@once_for_same_rounds
def _is_slow(facts: Facts, sync: SyncFacts) -> bool:
    return has_high_mean(
        facts,
        sync,
        lambda each: each.totals.db_seconds,
        lambda each: each.totals.db_operations,
        _SLOWER_SECONDS,
    )


def _finding(
    kind: IncidentKind, severity: Severity, rounds: Sequence[Round], summary: str
) -> Finding:
    runs = [run for each in rounds for run in each.runs if run.db_operations]
    types = Counter(run.sync_type for run in runs)
    failed = (run for run in runs if run.status is RunStatus.FAILED)
    return Finding(
        kind=kind,
        subject=_SUBJECT,
        severity=severity,
        since=min(run.start for run in runs),
        summary=summary,
        cause=next(map(cause_of, failed), ""),
        sync_type=next(iter(types)) if len(types) == 1 else None,
        affects=frozenset(types),
        **evidence(runs, dict(types.most_common())),
    )
