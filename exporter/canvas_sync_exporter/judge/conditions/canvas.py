"""The Canvas API: failing, slow, throttling, and incompletely read lists."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from canvas_sync_core.names import IncidentKind, RunStatus, Severity
from canvas_sync_exporter.judge.causes import cause_of, evidence, explain
from canvas_sync_exporter.judge.facts import TRAFFIC_WINDOW, Facts, SyncFacts
from canvas_sync_exporter.judge.finding import Finding
from canvas_sync_exporter.judge.runs import EndedRun
from canvas_sync_exporter.judge.timing import (
    counted_rounds,
    newest_rounds,
    once_for_same_rounds,
)

from .outcomes import affected, bad_ending
from .rates import has_high_mean, has_high_share
from .tokens import refused_runs

__all__ = ["api_failing", "api_slow", "list_truncated", "throttled"]

_CRITICAL_SHARE: Final = 0.5
"""Share of failed calls, or of runs that failed, from which on the incident is critical."""
_SLOWER_SECONDS: Final = 0.3
"""Far longer than usual is at least this much longer, so that fast calls never count."""
_LIVE_FAILURES: Final = 10
"""Fewer failed calls in the window of traffic are not an outage, however large their share."""
_LIVE_SHARE: Final = 0.2
"""A smaller share of that window's calls is not an outage, however many failed."""
_OUTAGE_CODES: Final = ("5", "timeout", "connection", "other")
"""How the codes of failures that Canvas or the network causes begin."""
_CANVAS: Final = "canvas"
_UNKNOWN_CAUSE: Final = "Canvas responded with errors or not at all; see api_calls.log."


def api_failing(facts: Facts) -> Iterable[Finding]:
    """Detect that far more calls than usual fail because of Canvas or the network."""
    rounds = newest_rounds(facts, _is_api_failing)
    live = _live_failures(facts)
    if not rounds and not live:
        return
    calls = sum(each.totals.api_calls for each in rounds) or sum(
        each.calls for each in facts.routes
    )
    failed = sum(each.totals.api_failed for each in rounds) or sum(live.values())
    runs = [run for each in rounds for run in each.runs if run.api_failed]
    words = _most_frequent(live) or next(
        (cause_of(run) for run in runs if run.status is RunStatus.FAILED), _UNKNOWN_CAUSE
    )
    finding = _finding(
        IncidentKind.API_FAILING,
        runs,
        facts.now,
        f"{failed:,} of {calls:,} Canvas API calls failed.",
        cause=words,
    )
    severity = Severity.CRITICAL if failed >= calls * _CRITICAL_SHARE else Severity.WARNING
    yield replace(finding, severity=severity, counts=live or finding.counts)


def throttled(facts: Facts) -> Iterable[Finding]:
    """Detect that Canvas throttles far more calls than usual."""
    rounds = newest_rounds(facts, _is_throttled)
    if rounds:
        calls = sum(each.totals.api_calls for each in rounds)
        count = sum(each.totals.api_throttled for each in rounds)
        failed = [_count_throttled(facts, sync) for sync in facts.syncs.values()]
        runs = sum(number for number, _ in failed)
        lost = f", and {_count(runs, 'run')} failed because of that" if runs else ""
        is_severe = any(number and number >= whole * _CRITICAL_SHARE for number, whole in failed)
        yield _finding(
            IncidentKind.THROTTLED,
            [run for each in rounds for run in each.runs if run.api_throttled],
            facts.now,
            f"Canvas throttled {count:,} of {calls:,} API calls{lost}.",
            cause="Together, the syncs use up the rate-limit quota of their access token.",
            severity=Severity.CRITICAL if is_severe else Severity.WARNING,
        )


def api_slow(facts: Facts) -> Iterable[Finding]:
    """Detect that Canvas responds far more slowly than usual."""
    rounds = newest_rounds(facts, _is_api_slow)
    if rounds:
        mean = max(each.totals.api_seconds / each.totals.api_calls for each in rounds)
        yield _finding(
            IncidentKind.API_SLOW,
            [run for each in rounds for run in each.runs],
            facts.now,
            f"Canvas API calls take {mean:.1f} s on average, far longer than usual.",
            cause="Canvas or the network to it is slow.",
        )


def list_truncated(facts: Facts) -> Iterable[Finding]:
    """Find successful runs that did not read all pages of a list."""
    for sync in facts.syncs.values():
        runs = _truncating_runs(facts, sync)
        if not runs:
            continue
        lists = sum(run.api_truncated for run in runs)
        routes = _truncated_routes(facts, sync)
        yield Finding(
            kind=IncidentKind.LIST_TRUNCATED,
            subject=sync.sync_type,
            severity=Severity.WARNING,
            since=min(run.start for run in runs),
            summary=f"{sync.sync_type} did not read all pages of {_count(lists, 'list')}.",
            cause=f"The next page was not fetched for {', '.join(routes[:3])}." if routes else "",
            sync_type=sync.sync_type,
            affects=frozenset({sync.sync_type}),
            **evidence(runs, {"next page was not fetched": len(runs)}),
        )


def _is_api_failing(facts: Facts, sync: SyncFacts) -> bool:
    if refused_runs(facts, sync):
        return False
    ending = bad_ending(facts, sync)
    if ending is not None and ending[0] is IncidentKind.API_FAILING:
        return True
    return _have_many_failed(facts, sync)


@once_for_same_rounds
def _is_throttled(facts: Facts, sync: SyncFacts) -> bool:
    return _count_throttled(facts, sync)[0] > 0 or has_high_share(
        facts, sync, lambda each: each.totals.api_throttled, lambda each: each.totals.api_calls
    )


def _count_throttled(facts: Facts, sync: SyncFacts) -> tuple[int, int]:
    """Return how many runs of the newest round failed because Canvas throttled it, and its size."""
    ending = bad_ending(facts, sync)
    if ending is None or ending[0] is not IncidentKind.THROTTLED:
        return 0, 0
    runs = [run for run in ending[1] if explain(run) is IncidentKind.THROTTLED]
    return len(runs), len(counted_rounds(facts, sync)[0].results)


@once_for_same_rounds
def _is_api_slow(facts: Facts, sync: SyncFacts) -> bool:
    return has_high_mean(
        facts,
        sync,
        lambda each: each.totals.api_seconds,
        lambda each: each.totals.api_calls,
        _SLOWER_SECONDS,
    )


@once_for_same_rounds
def _have_many_failed(facts: Facts, sync: SyncFacts) -> bool:
    return has_high_share(
        facts, sync, lambda each: each.totals.api_failed, lambda each: each.totals.api_calls
    )


@once_for_same_rounds
def _truncating_runs(facts: Facts, sync: SyncFacts) -> list[EndedRun]:
    return affected(facts, sync, _has_truncated)


def _has_truncated(run: EndedRun) -> bool:
    # A failed run stopped reading because it failed; that is another incident.
    return run.status is RunStatus.SUCCESS and run.api_truncated > 0


def _truncated_routes(facts: Facts, sync: SyncFacts) -> list[str]:
    """Return the routes of recently truncated lists; none if runs of other types have some too."""
    for other in facts.syncs.values():
        rounds = counted_rounds(facts, other) if other is not sync else ()
        if any(
            run.api_truncated and facts.now - run.end < 2 * TRAFFIC_WINDOW
            for run in (rounds[0].notable.values() if rounds else ())
        ):
            return []
    return [each.route for each in facts.routes if each.truncated]


def _live_failures(facts: Facts) -> dict[str, int]:
    """Return the recent failures by cause, or nothing if they are few."""
    counts: Counter[str] = Counter()
    for route in facts.routes:
        for code, count in route.failed.items():
            if code.startswith(_OUTAGE_CODES):
                counts[f"{code} from {route.route}"] += count
    failed, calls = counts.total(), sum(each.calls for each in facts.routes)
    is_many = failed >= _LIVE_FAILURES and failed >= calls * _LIVE_SHARE
    return dict(counts.most_common(10)) if is_many else {}


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _most_frequent(counts: dict[str, int]) -> str:
    return next((f"The most frequent failure is {cause}." for cause in counts), "")


def _finding(
    kind: IncidentKind,
    runs: Sequence[EndedRun],
    now: datetime,
    summary: str,
    **changes: Any,
) -> Finding:
    """Create a finding about Canvas, a warning, that affects the sync types of some runs."""
    types = Counter(run.sync_type for run in runs)
    hosts = {run.canvas_host for run in runs if run.canvas_host}
    finding = Finding(
        kind=kind,
        subject=next(iter(hosts)) if len(hosts) == 1 else _CANVAS,
        severity=Severity.WARNING,
        since=min((run.start for run in runs), default=now - TRAFFIC_WINDOW),
        summary=summary,
        sync_type=next(iter(types)) if len(types) == 1 else None,
        affects=frozenset(types),
        **evidence(runs, dict(types.most_common())),
    )
    return replace(finding, **changes)
