"""Pairs the start and end lines of runs across files."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

import msgspec

from canvas_sync_core.names import RunStatus

__all__ = [
    "Ended",
    "Interrupted",
    "NamelessEnd",
    "RunGroup",
    "RunPairs",
    "Started",
    "seconds_between",
]

RunGroup = tuple[str, str]
"""Sync type and status."""

_MOST_OPEN: Final = 10_000
_MOST_RECENT: Final = 32
_CLOCK_SLACK: Final = dt.timedelta(seconds=5)


class Started(msgspec.Struct, array_like=True):
    """A run that has started, and whose end has not been seen yet.

    Attributes:
        is_waiting: Whether it waits for its next attempt, as a Celery task can.
    """

    timestamp: dt.datetime
    sync_type: str
    user_id: int | None
    course_id: int | None = None
    is_waiting: bool = False


class Ended(msgspec.Struct, array_like=True):
    """The end of a run whose start has not been seen yet; ``group`` if its duration is unknown."""

    timestamp: dt.datetime
    group: RunGroup | None


class NamelessEnd(msgspec.Struct, array_like=True):
    """The end of a run in an old line, ``Completion: ...``, which does not name the run.

    Attributes:
        timestamp: When it was written.
        seconds: Duration of the run.
        is_counted: Whether it has been counted as a run before its start is found.
    """

    timestamp: dt.datetime
    seconds: float
    is_counted: bool = True

    @property
    def start(self) -> dt.datetime:
        """When the run started."""
        return self.timestamp - dt.timedelta(seconds=self.seconds)


class Interrupted(msgspec.Struct, array_like=True):
    """A run whose process seemed to be dead.

    A machine that slept, or was very busy, may go on with it: then it ends once more.
    """

    group: RunGroup
    seconds: float | None


class _Closed(msgspec.Struct, array_like=True):
    """A run whose start and end have been seen; ``is_nameless`` if its end does not name it."""

    start: dt.datetime
    end: dt.datetime
    is_nameless: bool

    def is_end(self, end: NamelessEnd) -> bool:
        """Whether a line without a name reports the same end."""
        distances = (abs(self.start - end.start), abs(self.end - end.timestamp))
        return not self.is_nameless and max(distances) <= _CLOCK_SLACK


class RunPairs(msgspec.Struct, array_like=True):
    """Starts and ends that have not been paired yet.

    Attributes:
        open: Task id -> a run that has started but not ended.
        ended: Task id -> the end of a run that started in an older file.
        nameless: Ends of such runs that do not name their run.
        recent: Task id -> one of the runs that ended last: an old log may report an end twice,
            with and without the name of the run.
        interrupted: Task id -> a run that may still turn out to be alive.
    """

    open: dict[str, Started] = msgspec.field(default_factory=dict)
    ended: dict[str, Ended] = msgspec.field(default_factory=dict)
    nameless: list[NamelessEnd] = msgspec.field(default_factory=list)
    recent: dict[str, _Closed] = msgspec.field(default_factory=dict)
    interrupted: dict[str, Interrupted] = msgspec.field(default_factory=dict)

    def start(self, task_id: str, run: Started) -> None:
        """Record the start of a run."""
        self.open[task_id] = run
        self.recent.pop(task_id, None)
        self.interrupted.pop(task_id, None)  # this is another attempt
        _forget_oldest(self.open, _MOST_OPEN)

    def wait(self, task_id: str) -> None:
        """Record that a run waits for its next attempt, which starts it again."""
        if task_id in self.open:
            self.open[task_id].is_waiting = True

    def close(self, task_id: str, moment: dt.datetime, *, is_nameless: bool) -> Started | None:
        """Record the end of a run; return its start if known."""
        run = self.open.pop(task_id, None)
        if run is not None:
            self.recent[task_id] = _Closed(run.timestamp, moment, is_nameless)
            _forget_oldest(self.recent, _MOST_RECENT)
        return run

    def wait_for_start(self, task_id: str, end: Ended) -> None:
        """Remember the end of a run that may have started in an older file."""
        self.ended[task_id] = end
        _forget_oldest(self.ended, _MOST_OPEN)

    def interrupt(self, task_id: str, run: Interrupted) -> None:
        """Remember a run whose process seems to be dead."""
        self.interrupted[task_id] = run
        _forget_oldest(self.interrupted, _MOST_OPEN)

    def is_reported(self, task_id: str) -> bool:
        """Whether a line without a name has already reported the end of this run."""
        closed = self.recent.get(task_id)
        return closed is not None and closed.is_nameless

    def run_of(self, end: NamelessEnd) -> str | None:
        """Return the open run with the same start, to the precision of whole seconds."""
        distances = {task: abs(run.timestamp - end.start) for task, run in self.open.items()}
        nearest = min(distances, key=distances.__getitem__, default=None)
        return nearest if nearest is not None and distances[nearest] <= _CLOCK_SLACK else None

    def is_repeated(self, end: NamelessEnd) -> bool:
        """Whether a line with a name has already reported the same end."""
        return any(each.is_end(end) for each in self.recent.values())

    def merge(self, newer: RunPairs) -> list[tuple[RunGroup, float, bool]]:
        """Add the starts and ends of later lines.

        Returns:
            For each run whose start is now known: its group, its duration in seconds, and whether
            it has already been counted.
        """
        durations = []
        for task_id, end in newer.ended.items():
            run = self.close(task_id, end.timestamp, is_nameless=False)
            if run is None:
                self.wait_for_start(task_id, end)
            elif end.group is not None:
                durations.append((end.group, seconds_between(run.timestamp, end.timestamp), True))
        for nameless in newer.nameless:
            task_of_end = self.run_of(nameless)
            if task_of_end is None:
                self.nameless = [*self.nameless, nameless][-_MOST_RECENT:]
            else:
                run = self.close(task_of_end, nameless.timestamp, is_nameless=True)
                if run is not None and not nameless.is_counted:
                    durations.append(((run.sync_type, RunStatus.SUCCESS), nameless.seconds, False))
        for task_id in newer.open:
            self.interrupted.pop(task_id, None)
        self.open.update(newer.open)
        self.interrupted.update(newer.interrupted)
        _forget_oldest(self.interrupted, _MOST_OPEN)
        self.recent.update(newer.recent)
        _forget_oldest(self.open, _MOST_OPEN)
        _forget_oldest(self.recent, _MOST_RECENT)
        return durations


def seconds_between(start: dt.datetime, end: dt.datetime) -> float:
    """Return the time since ``start``; 0 if the clock went backwards."""
    return max(0.0, (end - start).total_seconds())


def _forget_oldest(runs: dict[str, Any], most: int) -> None:
    while len(runs) > most:
        del runs[next(iter(runs))]
