"""Which rounds of a sync type count now, how often it runs and how long it takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import wraps
from itertools import pairwise
from statistics import median
from typing import Any, Final, TypeVar

from canvas_sync_core.names import RunStatus

from .facts import Facts, SyncFacts
from .memo import once_for_each_judging, once_for_each_sync
from .rounds import Round

__all__ = [
    "counted_rounds",
    "has_settled",
    "interval_of",
    "is_frequent",
    "newest_rounds",
    "once_for_same_rounds",
    "pause_end",
    "usual_duration",
]

T = TypeVar("T")

FREQUENT: Final = timedelta(minutes=30)
_AHEAD: Final = timedelta(minutes=2)
"""A wrong clock can put a run in the future; the run is ignored until then."""
_UNEXPECTED_FOR: Final = timedelta(days=1)
"""How long a run that was not due stays relevant."""
_RETIRED_AFTER: Final = timedelta(days=14)
"""A sync type that is no longer expected and has not run for this long is retired."""
_SETTLING: Final = timedelta(minutes=3)
"""If no further run of a round has started for this long, none is coming."""
_RECENT_ROUNDS: Final = 10
_NEVER: Final = timedelta.max
_HISTORY: Final = 20
_FEWEST_RUNS: Final = 3


@once_for_each_judging
def counted_rounds(facts: Facts, sync: SyncFacts) -> Sequence[Round]:
    """Return the rounds that determine the state of a sync type, newest first.

    Rounds from before the end of a pause are left out, because nobody wants to hear about them
    again. So are old rounds that were not due: no later run would ever resolve their incidents.
    """
    paused = pause_end(facts, sync)
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


def newest_rounds(facts: Facts, condition: Callable[[Facts, SyncFacts], bool]) -> list[Round]:
    """Return the newest round of each sync type that meets a condition, which needs a round."""
    return [
        counted_rounds(facts, sync)[0] for sync in facts.syncs.values() if condition(facts, sync)
    ]


def once_for_same_rounds(
    function: Callable[[Facts, SyncFacts], T],
) -> Callable[[Facts, SyncFacts], T]:
    """Cache a result that depends only on a sync type and its counted rounds, across judgings.

    It may also depend on whether the newest round has settled.
    """
    name = f"{function.__module__}.{function.__qualname__}"

    @wraps(function)
    def remembering(facts: Facts, sync: SyncFacts) -> T:
        memo = _memo_of_rounds(facts, sync)
        try:
            result: T = memo[name]
        except KeyError:
            result = memo[name] = function(facts, sync)
        return result

    return remembering


@once_for_each_judging
def _memo_of_rounds(facts: Facts, sync: SyncFacts) -> dict[str, Any]:
    rounds = counted_rounds(facts, sync)
    key = (len(rounds), rounds[0].start if rounds else None, has_settled(facts, sync))
    memo: dict[str, Any] = sync.memo.setdefault(key, {})
    return memo


@once_for_each_judging
def pause_end(facts: Facts, sync: SyncFacts) -> datetime | None:
    """Return the latest end of the pauses of a sync type that have begun; None without any."""
    ends = [
        pause.end
        for pause in facts.pauses
        if pause.applies_to(sync.sync_type) and pause.start <= facts.now
    ]
    return max(ends, default=None)


@once_for_each_sync
def interval_of(sync: SyncFacts) -> timedelta | None:
    """Return the usual time between two due times, or two rounds; None when unknown."""
    times: Sequence[datetime] = [*sync.due[-10:], *([sync.next_due] if sync.next_due else [])]
    if len(times) <= 1:
        times = [each.start for each in reversed(sync.rounds[:_RECENT_ROUNDS])]
    return _usual_gap(times)


def _usual_gap(times: Sequence[datetime]) -> timedelta | None:
    gaps = [later - before for before, later in pairwise(times)]
    return timedelta(seconds=median(gap.total_seconds() for gap in gaps)) if gaps else None


@once_for_each_sync
def is_frequent(sync: SyncFacts) -> bool:
    """Return whether a sync runs so often that one bad run is not conclusive.

    A learned rhythm leaves out times that were sometimes skipped, so how often it really ran counts
    as well.
    """
    starts = [each.start for each in reversed(sync.rounds[:_RECENT_ROUNDS])]
    intervals = filter(None, (interval_of(sync), _usual_gap(starts)))
    return min(intervals, default=_NEVER) <= FREQUENT


def has_settled(facts: Facts, sync: SyncFacts) -> bool:
    """Return whether the newest round is complete, as far as anybody can tell."""
    rounds = counted_rounds(facts, sync)
    return not rounds or (
        not sync.running and facts.now - max(run.end for run in rounds[0].runs) >= _SETTLING
    )


@once_for_each_sync
def usual_duration(sync: SyncFacts) -> float | None:
    """Return the median duration in seconds of recent successful runs; None if too few."""
    successes = (run for run in sync.runs if run.status is RunStatus.SUCCESS)
    durations = [run.duration for run, _ in zip(successes, range(_HISTORY), strict=False)]
    return median(durations) if len(durations) >= _FEWEST_RUNS else None
