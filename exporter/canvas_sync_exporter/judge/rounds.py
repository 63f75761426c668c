"""Groups the runs of a sync type by the due time that they serve.

A round of a nightly sync is one run; a round of a sync that runs per user has one run per user. If
a run is repeated within a round, its best result counts: a second run that succeeds makes up for
the first, and a manual run that fails after a success changes nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from itertools import groupby
from typing import Final

from canvas_sync_core.names import RunStatus
from canvas_sync_exporter.schedules.cron import CronSchedule

from .expectation import Expectation
from .runs import EndedRun

__all__ = ["Key", "Round", "make_rounds"]

Key = tuple[int | None, int | None]
"""User and course of a run."""

_RANKS: Final = {
    RunStatus.SUCCESS: 5,
    RunStatus.PARTIAL: 4,
    RunStatus.FAILED: 3,
    RunStatus.INTERRUPTED: 2,
    RunStatus.CANCELLED: 1,
}
_LONGEST_PAUSE: Final = timedelta(minutes=30)
"""The longest pause between two runs of one round when no due times separate rounds."""


@dataclass(frozen=True, slots=True)
class RoundTotals:
    """Sums over the runs of a round; ``api_failed`` excludes throttled calls."""

    api_calls: int
    api_failed: int
    api_throttled: int
    api_seconds: float
    db_operations: int
    db_failed: int
    db_seconds: float


@dataclass(frozen=True)
class Round:
    """The runs that serve one due time.

    Attributes:
        runs: All of them, newest start first; at least one.
        start: When the first of them began.
    """

    runs: Sequence[EndedRun]
    start: datetime = field(init=False, compare=False)

    @cached_property
    def results(self) -> Mapping[Key, EndedRun]:
        """Return the best run of each user and course; among equals, the newest."""
        best: dict[Key, EndedRun] = {}
        for run in self.runs:
            key = (run.user_id, run.course_id)
            known = best.get(key)
            if known is None or _RANKS[run.status] > _RANKS[known.status]:
                best[key] = run
        return best

    @cached_property
    def notable(self) -> Mapping[Key, EndedRun]:
        """Return the few results that a condition may find wrong, so that not all are checked."""
        return {key: run for key, run in self.results.items() if _is_notable(run)}

    def __post_init__(self) -> None:
        """Store the start, which is read very often."""
        object.__setattr__(self, "start", self.runs[-1].start)

    @cached_property
    def totals(self) -> RoundTotals:
        """Add up what its runs did."""
        runs = self.runs
        throttled = sum(run.api_throttled for run in runs)
        return RoundTotals(
            api_calls=sum(run.api_calls for run in runs),
            api_failed=max(0, sum(run.api_failed for run in runs) - throttled),
            api_throttled=throttled,
            api_seconds=sum(run.api_seconds for run in runs),
            db_operations=sum(run.db_operations for run in runs),
            db_failed=sum(run.db_failed for run in runs),
            db_seconds=sum(run.db_seconds for run in runs),
        )


def make_rounds(
    runs: Sequence[EndedRun], due: Sequence[datetime], expectation: Expectation | None
) -> list[Round]:
    """Group runs into rounds, newest first.

    Args:
        runs: Ended runs of one sync type, newest start first.
        due: When they were due, oldest first.
        expectation: What is expected. Only the due times of a cron expression are fixed. Those of
            intervals and learned rhythms move with the starts, so they cannot separate rounds;
            instead, a new round begins when a user and course runs again.
    """
    if expectation is None or not isinstance(expectation.schedule, CronSchedule):
        return list(_repeating(runs))
    # Due times before the one that the oldest run serves separate nothing.
    first = bisect_right(due, runs[-1].start + expectation.lead) - 1 if runs else 0
    shifted = [each - expectation.lead for each in due[max(0, first) :]]
    rounds: list[Round] = []
    for number, group in groupby(runs, key=lambda run: bisect_right(shifted, run.start)):
        if number:
            rounds.append(Round(tuple(group)))
        else:  # before the first known due time
            rounds += _repeating(group)
    return rounds


def _is_notable(run: EndedRun) -> bool:
    return bool(
        run.status is not RunStatus.SUCCESS
        or run.suspect_reason
        or run.api_truncated
        or run.telemetry_fault
    )


def _repeating(runs: Iterable[EndedRun]) -> Iterator[Round]:
    """Begin a new round when a user and course runs again, or after a long pause."""
    group: list[EndedRun] = []
    seen: dict[Key, int] = {}
    for run in runs:
        key = (run.user_id, run.course_id)
        begin = None
        if group and group[-1].start - run.start > _LONGEST_PAUSE:
            begin = len(group)
        elif key in seen:
            begin = _begin_of_older(group, seen[key], run)
        if begin is not None:
            yield Round(tuple(group[:begin]))
            group = group[begin:]
            seen = {(each.user_id, each.course_id): n for n, each in enumerate(group)}
        seen[key] = len(group)
        group.append(run)
    if group:
        yield Round(tuple(group))


def _begin_of_older(group: Sequence[EndedRun], repeated: int, run: EndedRun) -> int:
    """Return the position in a group, newest first, from which runs belong to an older round.

    Users that are synced at the same time start in any order. So runs before the repeated one may
    belong to the older round too: they do if they overlap with the runs of that round.

    Args:
        group: Runs of which none is repeated.
        repeated: The position of the one that repeats ``run``.
        run: The next older run.
    """
    end = run.end
    for begin in range(len(group), repeated, -1):
        newer = group[begin - 1]
        if newer.start >= end:
            return begin
        end = max(end, newer.end)
    return len(group)  # the runs overlap without a gap, so there is no better place
