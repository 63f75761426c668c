"""Runs that did not start or succeed when they were due: missed, overdue."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from canvas_sync_core.names import IncidentKind, RunStatus, Severity
from canvas_sync_exporter.judge.facts import Facts, SyncFacts
from canvas_sync_exporter.judge.finding import Finding
from canvas_sync_exporter.judge.timing import interval_of, is_frequent, pause_end

from .running import alive_runs, longest_duration

__all__ = ["missed", "overdue"]

_USUAL_GRACE: Final = timedelta(hours=1)
"""For a sync type that is no longer expected, and so has no grace of its own."""
_USUAL_LEAD: Final = timedelta(minutes=1)
"""For a sync type that is no longer expected, and whose interval is unknown."""
_WELL: Final = frozenset({RunStatus.SUCCESS, RunStatus.PARTIAL})


def missed(facts: Facts) -> Iterable[Finding]:
    """Find sync types for which no run started within the grace of a due time.

    If several stop together, because a scheduler died or a holiday began, they are one finding,
    under the name of the first one missed, until all of them have started again. One that still
    started after the first one had been missed has stopped for another reason.
    """
    groups: dict[str, dict[str, list[datetime]]] = {}
    for name, sync in facts.syncs.items():
        if times := _missed_times(facts, sync):
            groups.setdefault(_first_missed(facts, name, times[0]), {})[name] = times
    for first, missing in groups.items():
        yield _missed_finding(facts, first, missing)


def overdue(facts: Facts) -> Iterable[Finding]:
    """Find sync types that run but have not succeeded for longer than expected."""
    for sync in facts.syncs.values():
        expectation, interval = sync.expectation, interval_of(sync)
        if expectation is None or interval is None or alive_runs(facts, sync):
            continue
        if len(sync.due) > 1 and any(
            run.status in _WELL and run.start >= sync.due[-2] for run in sync.runs[:1]
        ):
            continue
        latest = facts.now - expectation.grace - longest_duration(sync)
        answered = [each for each in _judged_due(facts, sync) if each <= latest]
        if len(answered) < 2:
            continue
        ends = [run.start for run in sync.runs if run.status in _WELL]
        good = max(ends, default=None)
        if good is not None and good >= answered[-2] - expectation.lead:
            continue
        since = good or sync.known_since or answered[0]
        yield Finding(
            kind=IncidentKind.OVERDUE,
            subject=sync.sync_type,
            severity=Severity.CRITICAL,
            since=since,
            summary=f"{sync.sync_type} has not succeeded since {_clock(since)}.",
            cause=_newest_ending(sync),
            sync_type=sync.sync_type,
            runs=tuple(run.id for run in sync.runs[:5]),
            run_count=len(sync.runs[:5]),
        )


def _missed_finding(facts: Facts, first: str, missing: Mapping[str, Sequence[datetime]]) -> Finding:
    name, *others = sorted(missing, key=lambda each: (missing[each][0], each))
    due = missing[name]
    count = len(due) - 1
    starts = "1 more start" if count == 1 else f"{count} more starts"
    more = f" It has missed {starts} since." if count else ""
    have = "have" if len(others) > 1 else "has"
    too = f" {', '.join(others)} {have} not started since then either." if others else ""
    return Finding(
        kind=IncidentKind.MISSED,
        subject=first,
        severity=Severity.CRITICAL,
        since=due[0],
        summary=f"{name} did not start at {_clock(due[0])}, when it was due.{more}{too}",
        cause=_why_missed(facts),
        sync_type=first,
        affects=frozenset(missing),
    )


def _first_missed(facts: Facts, name: str, time: datetime) -> str:
    """Return the sync type that was missed first, of all that stopped together with one."""
    last = next((run.start for run in facts.syncs[name].runs if run.start <= facts.now), None)
    missing = [(time, name)]
    for other, sync in facts.syncs.items():
        since = None if other == name else _missing_since(facts, sync, time)
        if since is not None and (last is None or last <= since):
            missing.append((since, other))
    return min(missing)[1]


def _missing_since(facts: Facts, sync: SyncFacts, time: datetime) -> datetime | None:
    """Return since when a sync type had been missing at a given time; None if it was not."""
    starts = [run.start for run in sync.runs]
    before = next((start for start in starts if start <= time), None)
    if before is None and starts:
        return None  # older than the known runs
    begin = before + _lead(sync) if before else facts.started
    due_times = _judged_due(facts, sync)
    since = next((due for due in due_times if begin < due <= time), None)
    if since is None:
        return None
    latest = since + _patience(sync)
    was_late = latest > facts.now or any(time < start <= latest for start in starts)
    return None if was_late else since


def _missed_times(facts: Facts, sync: SyncFacts) -> list[datetime]:
    """Return the due times since the newest run, which no run has served, oldest first."""
    expectation = sync.expectation
    if expectation is None or alive_runs(facts, sync):
        return []  # a run in progress may be stuck, but is not missed
    starts = (run.start for run in sync.runs if run.start <= facts.now)
    newest = next(starts, None)
    if sync.due and newest is not None and newest >= sync.due[-1]:
        return []
    judged = _judged_due(facts, sync)
    served = 0 if newest is None else bisect_right(judged, newest + expectation.lead)
    open_times = list(judged[served:])
    over = [each for each in open_times if each + _patience(sync) <= facts.now]
    needed = 2 if is_frequent(sync) else 1
    return open_times if len(over) >= needed else []


def _judged_due(facts: Facts, sync: SyncFacts) -> Sequence[datetime]:
    """Return the due times at which a run was expected and would have been seen."""
    watched = min(filter(None, (sync.known_since, facts.started))) - _lead(sync)
    paused = pause_end(facts, sync)
    begin = watched if paused is None else max(watched, paused)
    return sync.due[bisect_left(sync.due, begin) :]


def _patience(sync: SyncFacts) -> timedelta:
    """Return how long after a due time a run may start; for frequent syncs half an interval."""
    grace = sync.expectation.grace if sync.expectation else _USUAL_GRACE
    interval = interval_of(sync)
    if interval is None or not is_frequent(sync):
        return grace
    return min(grace, interval / 2)


def _lead(sync: SyncFacts) -> timedelta:
    """Return how early a run may start; half an interval if the type is no longer expected.

    A sync that starts again after a break is not expected for a while. The due times of before may
    differ from its starts by an hour, since the clocks changed.
    """
    if sync.expectation is not None:
        return sync.expectation.lead
    interval = interval_of(sync)
    return _USUAL_LEAD if interval is None else max(_USUAL_LEAD, interval / 2)


def _why_missed(facts: Facts) -> str:
    if facts.log_folder is not None and facts.log_folder.problem:
        return f"Its telemetry cannot be written: {facts.log_folder.problem}"
    return "The scheduler did not start it, or it crashed before recording its start."


def _newest_ending(sync: SyncFacts) -> str:
    if not sync.runs:
        return "It has no recorded runs."
    return f"The newest run ended with status {sync.runs[0].status.value}."


def _clock(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"
