"""Reads the facts from their real sources and caches what has not changed."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from canvas_sync_core.errors import CanvasSyncMonitorError
from canvas_sync_core.identifiers import host_name
from canvas_sync_core.store.database import connect_to_read
from canvas_sync_core.store.incidents.judges import judges
from canvas_sync_core.store.messages.failing_channel import FailingChannel
from canvas_sync_core.store.messages.reading import failing_channels
from canvas_sync_core.store.start_times import starts_of_type
from canvas_sync_core.store.sync_types import sync_types_in_table
from canvas_sync_exporter.judge.expectation import Expectation, Pause
from canvas_sync_exporter.judge.facts import (
    CleanupFacts,
    ClockFacts,
    DatabaseFacts,
    Facts,
    OtherExporter,
    SyncFacts,
)
from canvas_sync_exporter.judge.runs import FoundRun
from canvas_sync_exporter.logs.due import last_due
from canvas_sync_exporter.reasons import reason
from canvas_sync_exporter.settings import Configuration
from canvas_sync_exporter.shared_metric_directory import SharedMetricDirectory

from . import rows
from .counters import CounterFacts, CounterWatch
from .host import FolderWatch, SampleWatch, TokenWatch, read_clock
from .memory import FEWEST_RUNS, START_HISTORY, SyncMemory

__all__ = ["Expect", "Gatherer"]

Expect = Callable[[datetime, Mapping[str, Sequence[datetime]]], Iterable[Expectation]]
"""Returns expectations, given the current time and the past starts of each sync type."""

_SETTLED: Final = timedelta(minutes=1)
"""By then, all transactions with lower ids than a known one have been committed."""
_MAY_LIVE: Final = timedelta(hours=2)
"""How long after its last heartbeat an interrupted run may prove to be alive."""
_SUSPECTS: Final = timedelta(hours=30)
_WHOLE_NIGHTS: Final = timedelta(hours=50)
_NEW_TYPES: Final = timedelta(minutes=10)
_SOURCES: Final = (OSError, SQLAlchemyError, CanvasSyncMonitorError)

_log = logging.getLogger(__name__)
T = TypeVar("T")


class Gatherer:
    """Gathers facts periodically. Not safe for concurrent use.

    The first time reads the newest runs of each sync type; later times read only what has changed
    since, regardless of the size of the table.

    Args:
        engine: The database of the runs.
        configuration: Where everything else is.
        expect: Says what is expected of each sync type.
        pauses: Returns the pauses that end after a time.
        now: Returns the time, in UTC.
        metric_files: Those of the syncs.
    """

    def __init__(
        self,
        engine: Engine,
        configuration: Configuration,
        expect: Expect,
        pauses: Callable[[datetime], Sequence[Pause]],
        now: Callable[[], datetime],
        *,
        metric_files: SharedMetricDirectory,
    ) -> None:
        self._engine = engine
        self._configuration = configuration
        self._expect = expect
        self._read_pauses = pauses
        self._now = now
        self._started = now()
        self._database = DatabaseFacts(is_reachable=True, since=self._started)
        self._runs = _RunsMemory()
        self._pauses: Sequence[Pause] = ()
        self._counters = CounterWatch(metric_files)
        self._counted = CounterFacts()
        self._folders = FolderWatch(configuration)
        self._tokens = TokenWatch(configuration)
        self._backlog = SampleWatch(timedelta(minutes=45), timedelta(minutes=1))
        self._clock: ClockFacts | None = None
        self._failing_channels: Sequence[FailingChannel] = ()
        self._others: Sequence[OtherExporter] = ()
        self._failures: dict[str, str] = {}

    def gather(self) -> Facts:
        """Return what is known now, even while the database is down."""
        now = self._now()
        self._read_database(now)
        syncs = self._runs.make_facts(self._expect, now)
        self._counted = self._ask("counters", lambda: self._counters.read(now), self._counted)
        clock = self._clock
        self._clock = self._ask("clock", lambda: read_clock(self._configuration, now, clock), clock)
        return Facts(
            now=now,
            started=self._started,
            database=self._database,
            syncs=syncs,
            pauses=self._pauses,
            routes=self._counted.routes,
            tokens=self._ask("tokens", lambda: self._tokens.observe(now), ()),
            refusals=self._counted.refusals,
            log_folder=self._ask("folders", lambda: self._folders.observe(now), None),
            spool=self._folders.spool.samples,
            disk_free=self._folders.disk.samples,
            rollup_backlog=self._backlog.samples,
            dropped=self._counted.dropped,
            cleanup=self._cleanup(now),
            clock=_newest_clock(self._clock, syncs.values()),
            failing_channels=self._read_channels(now),
            host=host_name() if self._configuration.file.hosts else "",
            others=self._read_others(),
        )

    def _read_database(self, now: datetime) -> None:
        try:
            with connect_to_read(self._engine) as connection:
                self._runs.read(connection, now)
                if self._backlog.is_due(now):
                    self._backlog.note(now, rows.rollup_backlog(connection))
            self._pauses = self._read_pauses(now - START_HISTORY)
        except _SOURCES as error:
            self._note_database(now, reason(error))
        else:
            self._note_database(now, "")

    def _note_database(self, now: datetime, failure: str) -> None:
        is_reachable = not failure
        same = is_reachable == self._database.is_reachable
        since = self._database.since if same else now
        self._database = DatabaseFacts(is_reachable, since, failure)

    def _ask(self, source: str, read: Callable[[], T], otherwise: T) -> T:
        """Read one source; return the default if it cannot be read."""
        try:
            found = read()
        except _SOURCES as error:
            failure = reason(error)
            if self._failures.get(source) != failure:
                _log.warning("The judge cannot read the %s: %s", source, failure)
            self._failures[source] = failure
            return otherwise
        self._failures.pop(source, None)
        return found

    def _read_channels(self, now: datetime) -> Sequence[FailingChannel]:
        """Return the configured channels that fail, as last read from the database."""
        names = {each.name for each in self._configuration.file.messages.channels}
        if names and self._database.is_reachable:
            found = self._ask(
                "messages", lambda: failing_channels(self._engine, now), self._failing_channels
            )
            self._failing_channels = [each for each in found if each.channel in names]
        return self._failing_channels

    def _read_others(self) -> Sequence[OtherExporter]:
        """Return the exporters of the other configured hosts, as last read from the database."""
        hosts = sorted(self._configuration.file.hosts.keys() - {host_name()})
        if hosts and self._database.is_reachable:
            newest = self._ask("other exporters", self._newest_judgements, None)
            if newest is not None:
                self._others = [OtherExporter(host, newest.get(host)) for host in hosts]
        return self._others if hosts else ()

    def _newest_judgements(self) -> Mapping[str, datetime]:
        newest: dict[str, datetime] = {}
        for judge in judges(self._engine):
            newest[judge.host] = max(judge.judged_at, newest.get(judge.host, judge.judged_at))
        return newest

    def _cleanup(self, now: datetime) -> CleanupFacts:
        configuration = self._configuration
        due = last_due(now, configuration.exporter.cleanup_time, configuration.app.timezone)
        failure = "The newest cleanup failed." if self._counted.cleanup_failed else ""
        return CleanupFacts(due, self._counted.cleanup_success, failure)


def _newest_clock(live: ClockFacts | None, syncs: Iterable[SyncFacts]) -> ClockFacts | None:
    """Return the newest measurement by a live process or a run that has ended since."""
    found = [
        ClockFacts(run.clock_skew, run.end)
        for sync in syncs
        for run in sync.runs[:1]
        if run.clock_skew is not None
    ]
    return max([*found, *([live] if live else [])], key=lambda each: each.measured, default=None)


class _RunsMemory:
    """The newest runs of all sync types, kept up to date."""

    def __init__(self) -> None:
        self._syncs: dict[str, SyncMemory] = {}
        self._newest: deque[tuple[datetime, int]] = deque()
        self._expected: datetime | None = None
        self._seen: set[int] = set()

    def read(self, connection: Connection, now: datetime) -> None:
        """Read what has changed since the last time."""
        newest = rows.newest_id(connection)
        if not self._newest:
            self._read_first(connection, now)
        else:
            self._read_changes(connection, now)
        self._newest.append((now, newest))
        while len(self._newest) > 1 and now - self._newest[1][0] >= _SETTLED:
            self._newest.popleft()

    def make_facts(self, expect: Expect, now: datetime) -> dict[str, SyncFacts]:
        """Return the facts of each sync type; those that have not changed are the same objects."""
        starts = {
            name: memory.starts
            for name, memory in self._syncs.items()
            if memory.needs_expectation(now)
        }
        is_due = self._expected is None or not timedelta() <= now - self._expected < _NEW_TYPES
        if starts or is_due:
            expected = {each.sync_type: each for each in expect(now, starts)}
            if is_due:
                self._expected = now
                # No run of these is known, which may be exactly what is wrong.
                for name in expected.keys() - self._syncs.keys():
                    self._syncs[name] = SyncMemory(name)
                    starts[name] = []
            for name in starts:
                self._syncs[name].expect(expected.get(name), now)
        return {name: memory.make_facts(now) for name, memory in self._syncs.items()}

    def _read_first(self, connection: Connection, now: datetime) -> None:
        known_items = rows.newest_items(connection)
        for name in sync_types_in_table(connection):
            starts = starts_of_type(connection, name, now - START_HISTORY)
            memory = self._syncs[name] = SyncMemory(name, starts)
            memory.newest_items = known_items.get(name, {})
            found = rows.newest_of_type(connection, name, FEWEST_RUNS)
            if len({(each.run.user_id, each.run.course_id) for each in found}) > 1:
                since = found[0].run.start - _WHOLE_NIGHTS
                found = rows.runs_of_type_since(connection, name, since)
            self._store_runs(found)
        self._store_runs(rows.running_runs(connection))

    def _read_changes(self, connection: Connection, now: datetime) -> None:
        running = rows.running_runs(connection)
        still = {each.number for each in running}
        gone = {
            number
            for memory in self._syncs.values()
            for number in (*memory.running, *memory.interrupted_since(now - _MAY_LIVE))
            if number not in still
        }
        changed = rows.runs_by_id(connection, gone)
        self._forget(gone - {each.number for each in changed})
        numbers = rows.ids_after(connection, self._newest[0][1])
        new = rows.runs_by_id(connection, numbers - self._seen)
        self._seen = numbers
        self._store_runs([*running, *changed, *new])
        reasons = rows.suspect_reasons(connection, now - _SUSPECTS)
        for memory in self._syncs.values():
            memory.note_suspicions(reasons)

    def _store_runs(self, found: Iterable[FoundRun]) -> None:
        for each in found:
            name = each.run.sync_type
            memory = self._syncs.get(name)
            if memory is None:
                memory = self._syncs[name] = SyncMemory(name)
            memory.store(each)

    def _forget(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            for memory in self._syncs.values():
                memory.forget(number)
