"""Makes facts from what the logs alone say: runs, and when they were due.

Logs have no heartbeats. A run without an end counts as in progress, until a later run of the same
user and course has ended: then its process must have died.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from canvas_sync_core.names import RunStatus
from canvas_sync_exporter.judge.expectations import Expectations
from canvas_sync_exporter.judge.facts import DatabaseFacts, Facts, SyncFacts
from canvas_sync_exporter.judge.rounds import Key
from canvas_sync_exporter.judge.runs import EndedRun, FoundRun, RunningRun
from canvas_sync_exporter.logs.analysis.logged_runs import LoggedRun, LoggedRuns
from canvas_sync_exporter.logs.analysis.run_pairs import Started
from canvas_sync_exporter.logs.analysis.runs import UNKNOWN
from canvas_sync_exporter.settings import Configuration

from .memory import SyncMemory
from .suspicions import suspicions

__all__ = ["LogGatherer"]

_ALWAYS: Final = datetime.min.replace(tzinfo=UTC)
_NO_END: Final = "the logs have no end of this run"


@dataclass(frozen=True, slots=True)
class _TypeRuns:
    """The runs of one sync type, oldest first; ``open`` are those without an end."""

    ended: Sequence[EndedRun]
    items: Sequence[frozenset[str]]
    open: Mapping[str, Started]

    @property
    def starts(self) -> list[datetime]:
        """When they began, oldest first."""
        return sorted(
            [*(run.start for run in self.ended), *(run.timestamp for run in self.open.values())]
        )


class LogGatherer:
    """Gathers facts from the logs.

    Args:
        runs: The newest runs that ended.
        open_runs: Task id -> a run without an end.
        begin: The time of the oldest line.
        configuration: Schedules, pauses and limits.
    """

    def __init__(
        self,
        runs: LoggedRuns,
        open_runs: Mapping[str, Started],
        begin: datetime,
        configuration: Configuration,
    ) -> None:
        self._begin = begin
        self._configuration = configuration
        by_type: dict[str, dict[str, Started]] = {}
        for task_id, run in open_runs.items():
            if run.sync_type != UNKNOWN:
                by_type.setdefault(run.sync_type, {})[task_id] = run
        self._syncs = {
            name: _type_runs(
                name, runs.by_type.get(name, ()), runs.suspicions, by_type.get(name, {})
            )
            for name in sorted(runs.by_type.keys() | by_type.keys())
        }

    def facts(self, now: datetime) -> Facts:
        """Return what was known at a time, from the lines up to then."""
        expectations = Expectations(self._configuration)
        expected = {
            each.sync_type: each
            for each in expectations.at(now, {name: s.starts for name, s in self._syncs.items()})
        }
        syncs: dict[str, SyncFacts] = {}
        for name in sorted(self._syncs.keys() | expected.keys()):
            runs = self._syncs.get(name) or _TypeRuns((), (), {})
            memory = SyncMemory(name, runs.starts)
            for found in _found(name, runs, now):
                memory.store(found)
            memory.expect(expected.get(name), now)
            syncs[name] = memory.make_facts(now)
        return Facts(
            now=now,
            started=self._begin,
            database=DatabaseFacts(is_reachable=True, since=_ALWAYS),
            syncs=syncs,
            pauses=self._configuration.file.pauses,
        )


def _type_runs(
    name: str,
    logged: Iterable[LoggedRun],
    recorded: Mapping[str, str],
    without_end: Mapping[str, Started],
) -> _TypeRuns:
    runs = [run for run in sorted(logged, key=lambda each: each.start) if _status(run) is not None]
    reasons = suspicions(runs, recorded)
    newest: dict[Key, datetime] = {(run.user_id, run.course_id): run.start for run in runs}
    still_open: dict[str, Started] = {}
    dead: list[EndedRun] = []
    for task_id, run in without_end.items():
        if newest.get((run.user_id, run.course_id), _ALWAYS) > run.timestamp:
            dead.append(_dead(name, task_id, run))
        else:
            still_open[task_id] = run
    ended = [*(_ended(name, run, reasons.get(n, "")) for n, run in enumerate(runs)), *dead]
    items = [*(frozenset(run.items) for run in runs), *(frozenset[str]() for _ in dead)]
    return _TypeRuns(ended, items, still_open)


def _found(name: str, runs: _TypeRuns, now: datetime) -> Iterator[FoundRun]:
    for number, (run, items) in enumerate(zip(runs.ended, runs.items, strict=True)):
        yield FoundRun(number, run, items)
    for number, (task_id, started) in enumerate(runs.open.items(), len(runs.ended)):
        running = RunningRun(
            id=task_id,
            sync_type=name,
            start=started.timestamp,
            heartbeat=now,
            user_id=started.user_id,
            course_id=started.course_id,
            is_waiting=started.is_waiting,
        )
        yield FoundRun(number, running, frozenset())


def _status(run: LoggedRun) -> RunStatus | None:
    """Return how a run ended; None if another program has written an unknown status."""
    try:
        return RunStatus(run.status)
    except ValueError:
        return None


def _ended(name: str, run: LoggedRun, suspect_reason: str) -> EndedRun:
    return EndedRun(
        id=run.task_id,
        sync_type=name,
        status=RunStatus(run.status),
        start=run.start,
        end=run.end,
        duration=run.seconds or 0.0,
        user_id=run.user_id,
        course_id=run.course_id,
        canvas_host=run.canvas_host,
        items=sum(run.items.values()),
        api_calls=run.api_calls,
        api_failed=run.api_failed,
        api_throttled=run.api_throttled,
        api_retried=run.api_retried,
        api_truncated=run.api_truncated,
        api_seconds=run.api_seconds,
        api_items=run.api_items,
        api_bytes=run.api_bytes,
        db_operations=run.db_operations,
        db_failed=run.db_failed,
        db_seconds=run.db_seconds,
        error_type=run.error_type,
        error_message=run.error,
        request_context_id=run.request_context_id,
        suspect_reason=suspect_reason,
    )


def _dead(name: str, task_id: str, run: Started) -> EndedRun:
    return EndedRun(
        id=task_id,
        sync_type=name,
        status=RunStatus.INTERRUPTED,
        start=run.timestamp,
        end=run.timestamp,
        duration=0.0,
        user_id=run.user_id,
        course_id=run.course_id,
        error_message=_NO_END,
    )
