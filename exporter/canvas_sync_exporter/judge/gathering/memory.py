"""Cached runs and facts of each sync type, so that only changes are read again."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Final

from canvas_sync_core.names import RunStatus
from canvas_sync_exporter.judge.expectation import Expectation
from canvas_sync_exporter.judge.facts import SyncFacts
from canvas_sync_exporter.judge.rounds import Round, make_rounds
from canvas_sync_exporter.judge.runs import EndedRun, FoundRun, RunningRun
from canvas_sync_exporter.schedules.cron import CronSchedule

__all__ = ["FEWEST_RUNS", "START_HISTORY", "SyncMemory"]

FEWEST_RUNS: Final = 40
START_HISTORY: Final = timedelta(days=43)
_SAME_MINUTE: Final = timedelta(minutes=1)
_FEWEST_ROUNDS: Final = 2
_MOST_RUNS: Final = 400
_MOST_ROUNDS: Final = 42
_SLACK: Final = 20
"""Number of surplus runs to tolerate, so that not every new run triggers a cleanup."""
_DUE_TIMES: Final = 500
_RECENT_STARTS: Final = 12
_DUE_WINDOW: Final = timedelta(days=16)
_DAY: Final = timedelta(days=1)
_RELEARN: Final = timedelta(hours=1)
_start: Final = attrgetter("start")


class SyncMemory:
    """The newest runs of one sync type, past starts, and the facts made from them.

    Args:
        sync_type: Its name.
        starts: When runs began in the last weeks, oldest first.
    """

    def __init__(self, sync_type: str, starts: Sequence[datetime] = ()) -> None:
        self.sync_type = sync_type
        self.starts = list(starts)
        self.known_since = starts[0] if starts else None
        self.newest_items: dict[str, datetime] = {}
        self._ended: dict[int, EndedRun] = {}
        self._running: dict[int, RunningRun] = {}
        self._interrupted: set[int] = set()
        self._facts: SyncFacts | None = None
        self._pruned_from = FEWEST_RUNS + _SLACK
        self._has_changed = True
        self._have_runs_changed = True
        self._has_new_start = True
        self._expectation: Expectation | None = None
        self._expected_at: datetime | None = None
        self._due: list[datetime] = []
        self._next_due: datetime | None = None

    @property
    def running(self) -> Iterable[int]:
        """Return the ids of the runs that have not ended."""
        return self._running.keys()

    def interrupted_since(self, time: datetime) -> Iterable[int]:
        """Return the ids of runs that were interrupted since a time, and may prove to be alive."""
        return [number for number in self._interrupted if self._ended[number].end >= time]

    def store(self, found: FoundRun) -> None:
        """Store a run, replacing what was known about it."""
        run, number = found.run, found.number
        if isinstance(run, RunningRun):
            if self._running.get(number) == run:
                return
            self._ended.pop(number, None)
            self._interrupted.discard(number)
            self._running[number] = run
        else:
            if self._ended.get(number) == run:
                return
            self._running.pop(number, None)
            self._ended[number] = run
            self._interrupted.discard(number)
            if run.status is RunStatus.INTERRUPTED:
                self._interrupted.add(number)
            if run.status is RunStatus.SUCCESS:
                for item in found.items:
                    self.newest_items[item] = max(run.end, self.newest_items.get(item, run.end))
        self._note_start(run.start)
        self._have_runs_changed = True

    def forget(self, number: int) -> None:
        """Remove a run that is no longer in the table."""
        self._interrupted.discard(number)
        if self._running.pop(number, None) or self._ended.pop(number, None):
            self._have_runs_changed = True

    def note_suspicions(self, reasons: Mapping[int, str]) -> None:
        """Store how runs differ from their history, by id."""
        for number in reasons.keys() & self._ended.keys():
            run, reason = self._ended[number], reasons[number]
            if run.suspect_reason != reason:
                self._ended[number] = replace(run, suspect_reason=reason)
                self._have_runs_changed = True

    def needs_expectation(self, now: datetime) -> bool:
        """Return whether the expectation must be computed again."""
        if self._expected_at is None or self._has_new_start:
            return True
        is_due = self._next_due is not None and self._next_due <= now
        return is_due or not timedelta() <= now - self._expected_at < _RELEARN

    def expect(self, expectation: Expectation | None, now: datetime) -> None:
        """Store what is expected and when runs were due."""
        if self._is_same_cron(expectation, now):
            self._pass_due_times(now)
        else:
            self._due = self._due_times(expectation, now)
            self._next_due = expectation.schedule.next_due(now) if expectation else None
            self._has_changed = True
        self._has_changed = self._has_changed or expectation != self._expectation
        self._expectation, self._expected_at = expectation, now
        self._has_new_start = False

    def make_facts(self, now: datetime) -> SyncFacts:
        """Return the facts, rebuilt only if something has changed."""
        if self._facts is not None and not (self._has_changed or self._have_runs_changed):
            return self._facts
        del self.starts[: bisect_left(self.starts, now - START_HISTORY)]
        runs, rounds = self._grouped_runs()
        self._facts = SyncFacts(
            sync_type=self.sync_type,
            expectation=self._expectation,
            due=self._due,
            next_due=self._next_due,
            runs=runs,
            running=sorted(self._running.values(), key=_start),
            known_since=self.known_since,
            newest_items=dict(self.newest_items),
            rounds=rounds,
        )
        self._has_changed = self._have_runs_changed = False
        return self._facts

    def _grouped_runs(self) -> tuple[Sequence[EndedRun], Sequence[Round]]:
        """Return the ended runs and their rounds, which only cron schedules regroup later."""
        known = self._facts
        if known is not None and not self._have_runs_changed:
            schedules = [each and each.schedule for each in (known.expectation, self._expectation)]
            if not any(isinstance(each, CronSchedule) for each in schedules):
                return known.runs, known.rounds
        runs = sorted(self._ended.values(), key=_start, reverse=True)
        rounds: Sequence[Round] = make_rounds(runs, self._due, self._expectation)
        if len(runs) > self._pruned_from:
            rounds = self._prune(rounds)
            runs = [run for each in rounds for run in each.runs]
        return runs, _reuse(rounds, known.rounds if known else ())

    def _is_same_cron(self, expectation: Expectation | None, now: datetime) -> bool:
        """Return whether a cron schedule is in force as before, and the clock has gone on."""
        before = self._expectation
        if expectation is None or before is None or self._expected_at is None:
            return False
        is_same = before.source is expectation.source and before.schedule == expectation.schedule
        is_later = self._expected_at <= now
        return isinstance(expectation.schedule, CronSchedule) and is_same and is_later

    def _pass_due_times(self, now: datetime) -> None:
        """Note which times of the same schedule as before have become due."""
        while self._expectation is not None and self._next_due and self._next_due <= now:
            self._due = [*self._due, self._next_due][-_DUE_TIMES:]
            self._next_due = self._expectation.schedule.next_due(self._next_due)
            self._has_changed = True

    def _due_times(self, expectation: Expectation | None, now: datetime) -> list[datetime]:
        """Return recent due times, as they were expected at the time.

        Later starts change what a learned rhythm or an interval would have expected; they do not
        change what was missed.
        """
        if expectation is None:
            return self._due
        schedule, before = expectation.schedule, self._expectation
        is_other = before is not None and before.source is not expectation.source
        if isinstance(schedule, CronSchedule):
            is_other |= before is not None and before.schedule != schedule
        if self._expected_at is None or self._expected_at > now or is_other:
            newest = self.starts[-_RECENT_STARTS:]
            oldest = newest[0] - _DAY if newest else now - _DUE_WINDOW
            begin = max(oldest, now - START_HISTORY)
            return list(schedule.due_between(begin, now))[-_DUE_TIMES:]
        return [*self._due, *schedule.due_between(self._expected_at, now)][-_DUE_TIMES:]

    def _note_start(self, start: datetime) -> None:
        place = bisect_left(self.starts, start - _SAME_MINUTE)
        if place < len(self.starts) and self.starts[place] <= start + _SAME_MINUTE:
            return
        insort(self.starts, start)
        self._has_new_start = True
        self.known_since = min(start, self.known_since or start)

    def _prune(self, rounds: Sequence[Round]) -> Sequence[Round]:
        """Drop runs that no condition needs."""
        remembered: list[Round] = []
        count = 0
        for each in rounds:
            count += len(each.runs)
            if len(remembered) >= _FEWEST_ROUNDS and (
                count > _MOST_RUNS or len(remembered) >= _MOST_ROUNDS
            ):
                break
            remembered.append(each)
        self._pruned_from = sum(len(each.runs) for each in remembered) + _SLACK
        oldest = remembered[-1].start
        self._ended = {number: run for number, run in self._ended.items() if run.start >= oldest}
        self._interrupted &= self._ended.keys()
        return remembered


def _reuse(rounds: Sequence[Round], before: Sequence[Round]) -> Sequence[Round]:
    """Reuse equal rounds from before, because their totals are already computed."""
    known = {each.start: each for each in before}
    return [
        old if (old := known.get(each.start)) is not None and old == each else each
        for each in rounds
    ]
