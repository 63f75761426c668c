"""Runs in progress: stuck, overlapping."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from canvas_sync_core.names import IncidentKind, Severity
from canvas_sync_exporter.judge.facts import Facts, SyncFacts
from canvas_sync_exporter.judge.finding import MOST_LISTED_RUNS, Finding
from canvas_sync_exporter.judge.memo import once_for_each_sync
from canvas_sync_exporter.judge.rounds import Key
from canvas_sync_exporter.judge.runs import EndedRun, RunningRun
from canvas_sync_exporter.judge.timing import counted_rounds, interval_of, pause_end, usual_duration
from canvas_sync_exporter.schedules.durations import format_duration

__all__ = ["alive_runs", "longest_duration", "overlapping", "stuck"]

_TIMES_USUAL: Final = 4
"""A run is stuck after this multiple of its usual duration."""
_TIMES_AFTER_GAP: Final = 4
"""Multiple of the limit that a run after a long gap may take, because it has more to do."""
_SHORTEST_LIMIT: Final = timedelta(minutes=30)
"""No shorter run is stuck, unless the next ones are due earlier."""
_SHORTEST_INTERVALS: Final = 1.75
"""Intervals: by then the next run is late, and the one after it is not yet due."""
_NEVER_STUCK: Final = timedelta(minutes=3)
"""No shorter run is stuck: runs on demand may follow each other within seconds."""
_LIMIT_AFTER_GAP: Final = timedelta(hours=2)
"""No shorter run after a long gap is stuck."""
_UNKNOWN_LIMIT: Final = timedelta(hours=24)
"""For a sync type with neither a usual duration nor an interval."""
_LONG_GAP: Final = 2.5
"""Intervals without a start, after which a run has more to do than usual."""
_HANDOVER: Final = timedelta(minutes=2)
"""How long a run that is shutting down may overlap the next one, at most."""
_SHORTEST_HANDOVER: Final = timedelta(seconds=10)
"""How long it may do so in any case, however short its runs usually are."""
_FEWEST_EARLIER: Final = 10
"""Fewer earlier runs do not show whether overlaps are usual."""
_HEARTBEAT_AGE: Final = timedelta(minutes=2)
"""A run with an older heartbeat is dead and will soon be closed."""
_USUAL_SHARE: Final = 0.3
"""If this share of earlier runs overlapped, overlaps are usual."""
_NEWEST_RUNS: Final = 20
"""Newest runs that are searched for an overlap."""


def stuck(facts: Facts) -> Iterable[Finding]:
    """Find runs that have been in progress for far too long."""
    for sync in facts.syncs.values():
        runs = [
            run
            for run in alive_runs(facts, sync)
            if _is_stuck(sync, _Work(run.id, (None, None), run.start, facts.now))
        ]
        paused = pause_end(facts, sync)
        if not runs or (paused is not None and paused > facts.now):
            continue
        took = format_duration(facts.now - runs[0].start)
        usual = usual_duration(sync)
        typical = format_duration(timedelta(seconds=round(usual))) if usual else ""
        yield Finding(
            kind=IncidentKind.STUCK,
            subject=sync.sync_type,
            severity=Severity.CRITICAL,
            since=runs[0].start,
            summary=f"A run of {sync.sync_type} has been in progress for {took}.",
            cause=f"Runs usually take {typical}." if typical else "",
            sync_type=sync.sync_type,
            runs=tuple(run.id for run in reversed(runs))[:MOST_LISTED_RUNS],
            run_count=len(runs),
            user_count=len({run.user_id for run in runs if run.user_id is not None}),
        )


def overlapping(facts: Facts) -> Iterable[Finding]:
    """Find sync types whose newest run started before the previous one had ended.

    While the earlier run is still in progress it may simply be stuck, so nothing is reported yet.
    """
    for sync in facts.syncs.values():
        pair = _newest_overlap(facts, sync)
        if pair is None:
            continue
        before, newest = sorted(pair, key=lambda work: work.start)
        yield Finding(
            kind=IncidentKind.OVERLAPPING,
            subject=sync.sync_type,
            severity=Severity.WARNING,
            since=newest.start,
            summary=f"A run of {sync.sync_type} started before the previous one had ended.",
            cause=f"The previous run took {format_duration(before.end - before.start)}.",
            sync_type=sync.sync_type,
            runs=(newest.id, before.id),
            run_count=2,
        )


@once_for_each_sync
def longest_duration(sync: SyncFacts) -> timedelta:
    """Return the duration beyond which a run of a sync type counts as stuck."""
    if sync.expectation is not None and sync.expectation.max_duration is not None:
        return sync.expectation.max_duration
    usual, interval = usual_duration(sync), interval_of(sync)
    if usual is None:
        return max(_SHORTEST_LIMIT, 2 * interval) if interval else _UNKNOWN_LIMIT
    floor = min(_SHORTEST_LIMIT, _SHORTEST_INTERVALS * interval) if interval else _SHORTEST_LIMIT
    return max(floor, _NEVER_STUCK, timedelta(seconds=_TIMES_USUAL * usual))


def alive_runs(facts: Facts, sync: SyncFacts) -> list[RunningRun]:
    """Return the runs that are alive and working, oldest first."""
    return [
        run
        for run in sync.running
        if facts.now - run.heartbeat < _HEARTBEAT_AGE and not run.is_waiting
    ]


@dataclass(frozen=True, slots=True)
class _Work:
    """When a run was working."""

    id: str
    key: Key
    start: datetime
    end: datetime


def _is_stuck(sync: SyncFacts, run: _Work) -> bool:
    """Return whether a run took too long."""
    limit = longest_duration(sync)
    took = run.end - run.start
    if took <= limit or (sync.expectation and sync.expectation.max_duration):
        return took > limit
    if _is_after_gap(sync, run.start):
        return took > max(_LIMIT_AFTER_GAP, _TIMES_AFTER_GAP * limit)
    return True


def _is_after_gap(sync: SyncFacts, start: datetime) -> bool:
    """Return whether a run started after an unusually long gap, so that it has more to do."""
    interval = interval_of(sync)
    starts = (*(run.start for run in sync.running), *(run.start for run in sync.runs))
    before = max((each for each in starts if each < start), default=None)
    return interval is not None and before is not None and start - before > _LONG_GAP * interval


def _newest_overlap(facts: Facts, sync: SyncFacts) -> tuple[_Work, _Work] | None:
    """Return the run that ended last and one that overlapped it; None without an overlap.

    An earlier run that is still in progress is ignored, because it may simply be stuck.
    """
    if not counted_rounds(facts, sync):
        return None
    if sync.running:
        newest = _work_of(_last_ended(sync))
        later = (
            _Work(run.id, (run.user_id, run.course_id), run.start, facts.now)
            for run in alive_runs(facts, sync)
            if run.start > newest.start
        )
        beside = next((run for run in later if _do_overlap(sync, newest, run)), None)
        if beside is not None:
            return _unusual_overlap(sync, newest, beside)
    return _newest_ended_overlap(sync)


@once_for_each_sync
def _newest_ended_overlap(sync: SyncFacts) -> tuple[_Work, _Work] | None:
    """Return the run that ended last, and one that had ended but was at work beside it."""
    last = _last_ended(sync)
    newest = _work_of(last)
    others = (
        _work_of(run)
        for run in sync.runs[:_NEWEST_RUNS]
        if run.end > last.start and run is not last
    )
    beside = next((run for run in others if _do_overlap(sync, newest, run)), None)
    return None if beside is None else _unusual_overlap(sync, newest, beside)


@once_for_each_sync
def _last_ended(sync: SyncFacts) -> EndedRun:
    """Return which of the newest runs ended last; there is at least one."""
    return max(sync.runs[:_NEWEST_RUNS], key=lambda run: run.end)


def _work_of(run: EndedRun) -> _Work:
    return _Work(run.id, (run.user_id, run.course_id), run.start, run.end)


def _do_overlap(sync: SyncFacts, newest: _Work, run: _Work) -> bool:
    """Return whether both runs did the same work at the same time."""
    if run.key != newest.key:
        return False
    both = min(run.end, newest.end) - max(run.start, newest.start)
    return both > _handover(sync)


def _unusual_overlap(sync: SyncFacts, newest: _Work, run: _Work) -> tuple[_Work, _Work] | None:
    """Return both runs, unless one was stuck or such runs usually overlap."""
    was_stuck = _is_stuck(sync, run) or _is_stuck(sync, newest)
    return None if was_stuck or _usually_overlap(sync, newest.start) else (newest, run)


@once_for_each_sync
def _handover(sync: SyncFacts) -> timedelta:
    """Return how long a run that is shutting down may overlap the next one."""
    usual = timedelta(seconds=usual_duration(sync) or 0.0)
    return max(_SHORTEST_HANDOVER, min(_HANDOVER, usual / 4))


def _usually_overlap(sync: SyncFacts, before: datetime) -> bool:
    """Return whether earlier runs overlapped too, as in an app that starts several at once."""
    earlier = [run for run in sync.runs if run.start < before]
    if len(earlier) < _FEWEST_EARLIER:
        return False
    overlaps = sum(older.end > newer.start + _HANDOVER for newer, older in pairwise(earlier))
    return overlaps >= _USUAL_SHARE * (len(earlier) - 1)
