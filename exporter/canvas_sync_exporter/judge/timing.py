"""Which rounds of a sync type count now, and how often it runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import wraps
from itertools import pairwise
from statistics import median
from typing import Final, TypeVar

from canvas_sync_core.names import RunStatus

from .facts import Facts, SyncFacts
from .memo import once_for_each_judging, once_for_each_sync
from .rounds import Round

__all__ = [
    "counted_rounds",
    "interval_of",
    "is_frequent",
    "once_for_same_rounds",
    "pause_end",
    "usual_duration",
]

T = TypeVar("T")

FREQUENT: Final = timedelta(minutes=30)
_AHEAD: Final = timedelta(minutes=2)
"""Runs of a clock that was wrong begin in the future; until then they say nothing."""
_UNEXPECTED_FOR: Final = timedelta(days=1)
"""So long a run that was not due is news."""
_RETIRED_AFTER: Final = timedelta(days=14)
"""A sync type that is not expected any more, and has not run for so long, is gone."""
_HISTORY: Final = 20
_FEWEST_RUNS: Final = 3


@once_for_each_judging
def counted_rounds(facts: Facts, sync: SyncFacts) -> Sequence[Round]:
    """Return the rounds that say how a sync type is, newest first.

    What ran before the end of a pause is left out: nobody wants to hear of it again. So is what was
    not due and is not new, for no later run will show that all is well.
    """
    paused = pause_end(facts, sync.sync_type)
    latest = facts.now + _AHEAD
    begin = next((n for n, each in enumerate(sync.rounds) if each.start <= latest), None)
    counted = sync.rounds[begin:] if begin is not None else ()
    if paused is not None and counted and counted[-1].start < paused:
        counted = [each for each in counted if each.start >= paused]
    if not counted or sync.next_due is not None:
        return counted
    last_due = sync.due[-1] if sync.due else None
    newest = counted[0].start
    was_due = last_due is not None and newest >= last_due - timedelta(hours=1)
    is_news = facts.now - newest < (_RETIRED_AFTER if was_due else _UNEXPECTED_FOR)
    return counted if is_news else []


def once_for_same_rounds(
    function: Callable[[Facts, SyncFacts], T],
) -> Callable[[Facts, SyncFacts], T]:
    """Remember what follows from a sync type and its counted rounds alone, for later judgings."""
    name = f"{function.__module__}.{function.__qualname__}"

    @wraps(function)
    def remembering(facts: Facts, sync: SyncFacts) -> T:
        rounds = counted_rounds(facts, sync)
        key = (name, len(rounds), rounds[0].start if rounds else None)
        try:
            found: T = sync.memo[key]
        except KeyError:
            found = sync.memo[key] = function(facts, sync)
        return found

    return remembering


def pause_end(facts: Facts, sync_type: str) -> datetime | None:
    """Return the end of the newest pause of a sync type that has begun; None without one."""
    ends = [
        pause.end
        for pause in facts.pauses
        if pause.applies_to(sync_type) and pause.start <= facts.now
    ]
    return max(ends, default=None)


@once_for_each_sync
def interval_of(sync: SyncFacts) -> timedelta | None:
    """Return the usual time between two due times, or two rounds; None when unknown."""
    times: Sequence[datetime] = [*sync.due[-10:], *([sync.next_due] if sync.next_due else [])]
    if len(times) <= 1:
        times = [each.start for each in reversed(sync.rounds[:10])]
    gaps = [later - before for before, later in pairwise(times)]
    return timedelta(seconds=median(gap.total_seconds() for gap in gaps)) if gaps else None


@once_for_each_sync
def is_frequent(sync: SyncFacts) -> bool:
    """Return whether the next run comes so soon that a single bad one is no certainty yet."""
    interval = interval_of(sync)
    return interval is not None and interval <= FREQUENT


@once_for_each_sync
def usual_duration(sync: SyncFacts) -> float | None:
    """Return the median duration in seconds of the last successful runs; None with too few."""
    successes = (run for run in sync.runs if run.status is RunStatus.SUCCESS)
    durations = [run.duration for run, _ in zip(successes, range(_HISTORY), strict=False)]
    return median(durations) if len(durations) >= _FEWEST_RUNS else None
