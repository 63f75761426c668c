"""Runs: status and duration, and which did not succeed, are suspect or never ended."""

from __future__ import annotations

import datetime as dt
from typing import Final

import msgspec

from canvas_sync_core.names import OTHER, RunStatus
from canvas_sync_core.sketch import Sketch

from .counts import MOST_NAMES, count, merge_counts
from .logged_runs import LoggedRuns, logged_run
from .records import RunRecord, RunRecordOfRun, bounded, is_nameless_end, utc
from .run_pairs import (
    Ended,
    Interrupted,
    NamelessEnd,
    RunGroup,
    RunPairs,
    Started,
    seconds_between,
)

__all__ = ["NEWEST", "UNKNOWN", "RunSection", "Runs", "Suspected", "Troubled"]

NEWEST: Final = 100
"""Number of unsuccessful runs, and of suspect runs, to list; the newest ones."""

_MOST_REASONS: Final = 20
_LONGEST: Final = 500
UNKNOWN: Final = "unknown"
"""The sync type of a run whose lines do not name it."""
_KNOWN_EVENTS: Final = frozenset({"items", "output", "step_started", "step_ended", "logs_cleaned"})


class Runs(msgspec.Struct, array_like=True):
    """The runs of one type that ended in one way."""

    count: int = 0
    durations: Sketch = msgspec.field(default_factory=Sketch)

    def take_back(self, seconds: float | None) -> None:
        """Remove one; the longest duration stays as it is."""
        self.count -= 1
        if seconds is not None:
            one = Sketch()
            one.add([seconds])
            self.durations.subtract(one)
            self.durations.total -= one.total


class Troubled(msgspec.Struct, array_like=True):
    """A run that did not end as a success."""

    timestamp: dt.datetime
    task_id: str
    user_id: int | None
    sync_type: str
    status: str
    duration_seconds: float | None
    step: str | None
    error_type: str | None
    error: str | None
    traceback: list[str]


class Suspected(msgspec.Struct, array_like=True):
    """A run that differs from earlier ones, and why; ``message`` has the numbers, if known."""

    timestamp: dt.datetime
    task_id: str
    user_id: int | None
    sync_type: str | None
    reasons: list[str]
    message: str | None


class RunSection(msgspec.Struct, array_like=True):
    """The summary of ``operations.log``."""

    groups: dict[RunGroup, Runs] = msgspec.field(default_factory=dict)
    pairs: RunPairs = msgspec.field(default_factory=RunPairs)
    troubled: list[Troubled] = msgspec.field(default_factory=list)
    suspect_count: int = 0
    suspect_reasons: dict[str, int] = msgspec.field(default_factory=dict)
    suspects: list[Suspected] = msgspec.field(default_factory=list)
    unknown: dict[str, int] = msgspec.field(default_factory=dict)
    newest: LoggedRuns = msgspec.field(default_factory=LoggedRuns)

    def add(self, records: list[RunRecord], first: dt.datetime, last: dt.datetime) -> None:
        """Add records from the period ``first`` to ``last``, in UTC."""
        for record in records:
            if record.event == "run_started":
                self._start(record)
            elif record.event == "run_ended":
                self._end(record)
            elif record.event == "run_suspect":
                self._suspect(record)
            elif record.event == "run_waiting":
                self.pairs.wait(record.task_id or UNKNOWN)
            elif record.event not in _KNOWN_EVENTS:
                count(self.unknown, record.event, OTHER)

    def merge(self, newer: RunSection) -> None:
        """Add the summary of later lines."""
        for task_id in newer.pairs.ended:
            self._take_back_interruption(task_id)
        for group, runs in newer.groups.items():
            found = self._runs(group)
            found.count += runs.count
            found.durations.merge(runs.durations)
        for group, seconds, is_counted in self.pairs.merge(newer.pairs):
            found = self._runs(group)
            found.durations.add([seconds])
            found.count += not is_counted
        merge_counts(self.unknown, newer.unknown, OTHER)
        self._keep_newest(newer.troubled)
        self.suspect_count += newer.suspect_count
        merge_counts(self.suspect_reasons, newer.suspect_reasons, OTHER)
        self._keep_suspects(newer.suspects)
        self.newest.merge(newer.newest)

    def _start(self, record: RunRecord) -> None:
        run = Started(
            timestamp=utc(record.timestamp),
            sync_type=record.sync_type or UNKNOWN,
            user_id=record.user_id,
            course_id=record.course_id,
        )
        self.pairs.start(record.task_id or UNKNOWN, run)

    def _end(self, record: RunRecord) -> None:
        if is_nameless_end(record):
            self._end_nameless(record)
        elif not self.pairs.is_reported(record.task_id or UNKNOWN):
            self._take_back_interruption(record.task_id or UNKNOWN)
            self._count(record.task_id or UNKNOWN, record)

    def _take_back_interruption(self, task_id: str) -> None:
        """Count a run that seemed to be interrupted, and then ended by itself, only once."""
        known = self.pairs.interrupted.pop(task_id, None)
        if known is None:
            return
        group = known.group if known.group in self.groups else (OTHER, OTHER)
        self.groups[group].take_back(known.seconds)
        if not self.groups[group].count:
            del self.groups[group]
        interrupted = (task_id, RunStatus.INTERRUPTED)
        self.troubled = [run for run in self.troubled if (run.task_id, run.status) != interrupted]
        self.newest.take_back_interruption(known.group[0], task_id)

    def _end_nameless(self, record: RunRecord) -> None:
        # When filtering by run, an end without a name may belong to another run.
        is_chosen = not isinstance(record, RunRecordOfRun)
        end = NamelessEnd(utc(record.timestamp), record.duration_seconds or 0.0, is_chosen)
        task_id = self.pairs.run_of(end)
        if task_id is not None:
            self._count(task_id, record)
        elif not self.pairs.is_repeated(end):
            self.pairs.nameless.append(end)
            if end.is_counted:
                self._count(UNKNOWN, record)

    def _count(self, task_id: str, record: RunRecord) -> None:
        """Count a run that ended."""
        moment, seconds = utc(record.timestamp), record.duration_seconds
        start = self.pairs.close(task_id, moment, is_nameless=record.task_id is None)
        sync_type = record.sync_type or (start.sync_type if start else UNKNOWN)
        group = (sync_type, record.status)
        runs = self._runs(group)
        runs.count += 1
        if seconds is None and start is not None:
            seconds = seconds_between(start.timestamp, moment)
        if seconds is not None:
            runs.durations.add([seconds])
        if start is None and record.task_id is not None:
            self.pairs.wait_for_start(task_id, Ended(moment, group if seconds is None else None))
        if record.status == RunStatus.INTERRUPTED:
            self.pairs.interrupt(task_id, Interrupted(group, seconds))
        if record.status != RunStatus.SUCCESS:
            self._keep_newest([_troubled(record, sync_type, seconds)])
        if sync_type != UNKNOWN:
            self.newest.add(sync_type, logged_run(record, task_id, seconds))

    def _suspect(self, record: RunRecord) -> None:
        self.suspect_count += 1
        reason = record.suspect_reason or "; ".join(record.suspect_reasons)
        self.newest.note_suspicion(record.task_id or UNKNOWN, reason[:_LONGEST])
        for reason in record.suspect_reasons:
            count(self.suspect_reasons, reason, OTHER)
        self._keep_suspects([_suspected(record)])

    def _runs(self, group: RunGroup) -> Runs:
        if group not in self.groups and len(self.groups) >= MOST_NAMES:
            group = (OTHER, OTHER)
        return self.groups.setdefault(group, Runs())

    def _keep_newest(self, runs: list[Troubled]) -> None:
        self.troubled = sorted(self.troubled + runs, key=lambda run: run.timestamp)[-NEWEST:]

    def _keep_suspects(self, runs: list[Suspected]) -> None:
        self.suspects = sorted(self.suspects + runs, key=lambda run: run.timestamp)[-NEWEST:]


def _troubled(record: RunRecord, sync_type: str, seconds: float | None) -> Troubled:
    return Troubled(
        timestamp=utc(record.timestamp),
        task_id=record.task_id or UNKNOWN,
        user_id=record.user_id,
        sync_type=sync_type,
        status=record.status,
        duration_seconds=seconds,
        step=record.step,
        error_type=record.error_type,
        error=record.error and record.error[:_LONGEST],
        traceback=bounded(record.error_traceback),
    )


def _suspected(record: RunRecord) -> Suspected:
    return Suspected(
        timestamp=utc(record.timestamp),
        task_id=record.task_id or UNKNOWN,
        user_id=record.user_id,
        sync_type=record.sync_type,
        reasons=[reason[:_LONGEST] for reason in record.suspect_reasons[:_MOST_REASONS]],
        message=record.suspect_reason and record.suspect_reason[:_LONGEST],
    )
