"""Runs that are under way: stuck, overlapping."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from canvas_sync_core.names import IncidentKind, Severity
from canvas_sync_exporter.judge.facts import Facts, SyncFacts
from canvas_sync_exporter.judge.finding import Finding
from canvas_sync_exporter.judge.memoizing import once_for_each_judging
from canvas_sync_exporter.judge.rounds import Key
from canvas_sync_exporter.judge.runs import EndedRun, RunningRun
from canvas_sync_exporter.judge.timing import counted_rounds, interval_of, pause_end, usual_duration
from canvas_sync_exporter.schedules.durations import format_duration

__all__ = ["alive_runs", "longest_duration", "overlapping", "stuck"]

_TIMES_USUAL: Final = 4
_TIMES_AFTER_GAP: Final = 16
_SHORTEST_LIMIT: Final = timedelta(minutes=30)
_SHORTEST_INTERVALS: Final = 1.75
"""The next run is late by then, and the one after it is not due yet."""
_LIMIT_AFTER_GAP: Final = timedelta(hours=2)
_UNKNOWN_LIMIT: Final = timedelta(hours=24)
_LONG_GAP: Final = 2.5
_HANDOVER: Final = timedelta(minutes=2)
"""A run that is being ended may overlap the next one for so long."""
_HEARTBEAT_AGE: Final = timedelta(minutes=2)
"""A run with an older heartbeat is dead, and about to be closed."""
_USUALLY: Final = 0.3
_MOST_RUNS: Final = 20


def stuck(facts: Facts) -> Iterable[Finding]:
    """Find runs that take far too long and do not end."""
    for sync in facts.syncs.values():
        limit = longest_duration(facts, sync)
        runs = [run for run in alive_runs(facts, sync) if facts.now - run.start > limit]
        paused = pause_end(facts, sync.sync_type)
        if not runs or (paused is not None and paused > facts.now):
            continue
        took = format_duration(facts.now - runs[0].start)
        usual = usual_duration(sync)
        known = f"Usual are {format_duration(timedelta(seconds=round(usual)))}." if usual else ""
        yield Finding(
            kind=IncidentKind.STUCK,
            subject=sync.sync_type,
            severity=Severity.CRITICAL,
            since=runs[0].start,
            summary=f"A run of {sync.sync_type} has been running for {took} and does not end.",
            cause=known,
            sync_type=sync.sync_type,
            runs=tuple(run.id for run in reversed(runs))[:_MOST_RUNS],
            run_count=len(runs),
            user_count=len({run.user_id for run in runs if run.user_id is not None}),
        )


def overlapping(facts: Facts) -> Iterable[Finding]:
    """Find sync types whose newest run began before the one before it had ended.

    As long as the earlier run may just be stuck, nobody knows yet which of both it is.
    """
    for sync in facts.syncs.values():
        pair = _newest_overlap(facts, sync)
        if pair is None:
            continue
        newest, before = pair
        yield Finding(
            kind=IncidentKind.OVERLAPPING,
            subject=sync.sync_type,
            severity=Severity.WARNING,
            since=newest.start,
            summary=f"A run of {sync.sync_type} began before the previous one had ended.",
            cause=f"The previous run took {format_duration(before.end - before.start)}.",
            sync_type=sync.sync_type,
            runs=(newest.id, before.id),
            run_count=2,
        )


@once_for_each_judging
def longest_duration(facts: Facts, sync: SyncFacts) -> timedelta:
    """Return after how long a run of a sync type is stuck."""
    if sync.expectation is not None and sync.expectation.max_duration is not None:
        return sync.expectation.max_duration
    usual, interval = usual_duration(sync), interval_of(sync)
    if usual is None:
        return max(_SHORTEST_LIMIT, 2 * interval) if interval else _UNKNOWN_LIMIT
    if _is_after_gap(facts, sync):
        return max(_LIMIT_AFTER_GAP, timedelta(seconds=_TIMES_AFTER_GAP * usual))
    floor = min(_SHORTEST_LIMIT, _SHORTEST_INTERVALS * interval) if interval else _SHORTEST_LIMIT
    return max(floor, timedelta(seconds=_TIMES_USUAL * usual))


def alive_runs(facts: Facts, sync: SyncFacts) -> list[RunningRun]:
    """Return the runs that are at work, oldest first."""
    return [
        run
        for run in sync.running
        if facts.now - run.heartbeat < _HEARTBEAT_AGE and not run.is_waiting
    ]


def _is_after_gap(facts: Facts, sync: SyncFacts) -> bool:
    """Return whether the newest run began after a longer gap than usual: there is more to do."""
    interval = interval_of(sync)
    starts = sorted([*(run.start for run in sync.running), *(run.start for run in sync.runs[:2])])
    if interval is None or len(starts) < 2:
        return False
    return starts[-1] - starts[-2] > _LONG_GAP * interval and starts[-1] <= facts.now


def _newest_overlap(facts: Facts, sync: SyncFacts) -> tuple[RunningRun | EndedRun, EndedRun] | None:
    rounds = counted_rounds(facts, sync)
    if not rounds or not sync.runs:
        return None
    known: dict[Key, RunningRun | EndedRun] = {}
    candidates: list[RunningRun | EndedRun] = [*sync.running, *sync.runs[:_MOST_RUNS]]
    for each in sorted(candidates, key=lambda run: run.start):
        known[each.user_id, each.course_id] = each
    for run in sync.runs[:_MOST_RUNS]:
        newest = known[run.user_id, run.course_id]
        if run.start < newest.start and run.end > newest.start + _HANDOVER:
            was_stuck = run.end - run.start > longest_duration(facts, sync)
            is_usual = was_stuck or _usually_overlap(sync, newest.start)
            return None if is_usual else (newest, run)
    return None


def _usually_overlap(sync: SyncFacts, before: datetime) -> bool:
    """Return whether earlier runs overlapped too, as those of an app that starts several."""
    earlier = [run for run in sync.runs if run.start < before]
    if len(earlier) < 2:
        return False
    overlaps = sum(older.end > newer.start + _HANDOVER for newer, older in pairwise(earlier))
    return overlaps >= _USUALLY * (len(earlier) - 1) and overlaps > 1
