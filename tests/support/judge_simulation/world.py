"""The world that the judge sees: runs that start and end, folders, tokens, and a clock."""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from pathlib import Path
from typing import Any

from canvas_sync_core.incident import Incident
from canvas_sync_core.names import MessageState, RunStatus
from canvas_sync_core.store.comparison import Measures, anomalies, same_time_windows
from canvas_sync_core.store.messages.tables import Message
from canvas_sync_exporter.config_file.audience import Audience
from canvas_sync_exporter.config_file.config_file import read_config_file
from canvas_sync_exporter.judge.expectation import Pause
from canvas_sync_exporter.judge.expectations import Expectations
from canvas_sync_exporter.judge.facts import (
    CleanupFacts,
    DatabaseFacts,
    Facts,
    LogFolderFacts,
    Sample,
    TokenFacts,
)
from canvas_sync_exporter.judge.gathering.memory import SyncMemory
from canvas_sync_exporter.judge.incidents import REOPEN_WITHIN, reconcile
from canvas_sync_exporter.judge.runs import EndedRun, FoundRun, RunningRun
from canvas_sync_exporter.judge.verdict import judge
from canvas_sync_exporter.logs.due import last_due
from canvas_sync_exporter.messages.formats import Formats
from canvas_sync_exporter.messages.incident_content import IncidentWriter
from canvas_sync_exporter.messages.planning import Planning
from canvas_sync_exporter.settings import configuration

from .school import SYNCS, config_text, pauses, plan_runs

__all__ = ["BEGIN", "Change", "FrozenWorld", "Opened", "World", "live_through", "make_world"]

BEGIN = datetime(2025, 12, 29, tzinfo=UTC)
"""Where history begins; the judge watches from the beginning."""
LONG_RUN = timedelta(minutes=3)
JUDGED_AFTER = timedelta(seconds=15)
"""How long after the end of a run the judge looks: its usual interval."""
GIBIBYTE = 1024.0**3

_LOOK_BACK = timedelta(days=2)
_SAMPLES = 30
"""For the disk, this is one in 14 minutes, which is enough to see a trend."""
_NEXT = itemgetter(0, 1)
_WRITER = IncidentWriter(Formats("en_GB", UTC))

Change = Callable[[Facts], Facts]
Event = tuple[datetime, int, str, Any]


@dataclass(frozen=True)
class Opened:
    """An incident that was opened."""

    time: datetime
    kind: str
    subject: str
    cause: str


@dataclass
class World:
    """One school, one judge, one clock.

    Attributes:
        now: The time.
        incidents: All that were ever open, by kind, subject and when they opened.
        messages: What people were told: when, what, about which incident.
        planned_messages: The messages to a channel that receives everything.
        change: What a fault makes of the facts.
    """

    expectations: Expectations
    pauses: Sequence[Pause]
    noise: random.Random
    now: datetime = BEGIN
    incidents: dict[tuple[Any, ...], Incident] = field(default_factory=dict)
    messages: list[tuple[datetime, str, Incident]] = field(default_factory=list)
    planned_messages: list[Message] = field(default_factory=list)
    change: Change | None = None
    judged: int = 0
    _memories: dict[str, SyncMemory] = field(default_factory=dict)
    _measures: dict[tuple[Any, ...], list[Measures]] = field(default_factory=dict)
    _events: list[Event] = field(default_factory=list)
    _numbers: int = 0
    _known_samples: dict[timedelta, tuple[Sample, ...]] = field(default_factory=dict)

    def add_runs(self, runs: Iterable[EndedRun]) -> None:
        """Let runs happen."""
        for run in runs:
            number = self._number()
            if run.end - run.start > LONG_RUN:
                self._events.append((run.start, self._number(), "start", (number, run)))
            self._events.append((run.end, self._number(), "end", (number, run)))
        self._sort_events()

    def planned(self) -> list[EndedRun]:
        """Take back all runs that have not begun yet."""
        taken, remaining = [], []
        for event in self._events:
            run = event[3][1] if event[2] in ("start", "end") else None
            if run is not None and run.start > self.now:
                if event[2] == "end":
                    taken.append(run)
            else:
                remaining.append(event)
        self._events = remaining
        return taken[::-1]

    def go_on(
        self,
        until: datetime,
        step: timedelta = timedelta(hours=2),
        rest: timedelta = timedelta(),
    ) -> None:
        """Let time pass; the judge looks after each end of a run, and each ``step`` without one.

        Args:
            until: The end of the time.
            step: How long the judge waits for an end of a run.
            rest: How long it does without a look after ordinary runs.
        """
        while self.now < until:
            upcoming = self._events[-1][0] if self._events else until
            tick = self.now + step
            if tick <= min(upcoming, until):
                self._judge_at(tick)
                continue
            if upcoming > until:
                break
            looked = upcoming + JUDGED_AFTER
            is_ordinary = True
            while self._events and self._events[-1][0] <= looked:
                is_ordinary &= self._happen(*self._events.pop())
            if not is_ordinary or looked - self.now >= rest:
                self._judge_at(max(looked, self.now))
        self.now = max(self.now, until)

    def judge_at(self, times: Iterable[datetime]) -> None:
        """Have the judge look at some times as well."""
        for time in times:
            self._events.append((time, self._number(), "look", None))
        self._sort_events()

    def frozen(self) -> FrozenWorld:
        """Preserve this world, so that several can go on from here."""
        return FrozenWorld(pickle.dumps(self, pickle.HIGHEST_PROTOCOL))

    @property
    def open_incidents(self) -> list[Incident]:
        """The incidents that are not over."""
        return [each for each in self.incidents.values() if each.resolved_at is None]

    def facts(self) -> Facts:
        """What is known now."""
        facts = Facts(
            now=self.now,
            started=BEGIN - timedelta(days=30),
            database=DatabaseFacts(is_reachable=True, since=BEGIN - timedelta(days=30)),
            syncs=self._sync_facts(),
            pauses=self.pauses,
            tokens=[TokenFacts("3f2a91c0", None, 520.0, 700.0, self.now)],
            spool=self._samples(timedelta(minutes=12), lambda _: 4096.0),
            disk_free=self._samples(timedelta(hours=7), _disk_free),
            rollup_backlog=self._samples(timedelta(minutes=40), lambda _: 12.0),
            log_folder=LogFolderFacts("/var/log/canvas_sync"),
            cleanup=self._cleanup(),
        )
        return self.change(facts) if self.change else facts

    def _judge_at(self, time: datetime) -> None:
        self.now = time
        self.judged += 1
        verdict = judge(self.facts())
        recent = [
            each
            for each in self.incidents.values()
            if each.resolved_at is None or time - each.resolved_at <= REOPEN_WITHIN
        ]
        if not recent and not verdict.findings:
            return
        changes = reconcile(recent, verdict)
        for incident in changes.all:
            self.incidents[(*incident.key, incident.opened_at)] = incident
        for word in ("opened", "worsened", "resolved"):
            self.messages += [(time, word, each) for each in getattr(changes, word)]
        self._plan_messages()

    def _plan_messages(self) -> None:
        """Plan messages as an exporter does, and deliver them at once."""
        since = self.now - _LOOK_BACK
        known = [
            each
            for each in self.incidents.values()
            if each.resolved_at is None or each.resolved_at >= since
        ]
        planning = Planning(
            known, self.planned_messages, _WRITER, self.now, pauses=self.pauses, is_quiet=False
        )
        sent = [each.message for each in planning.plan("email", Audience())]
        self.planned_messages += [replace(each, state=MessageState.SENT) for each in sent]

    def _happen(self, time: datetime, _order: int, kind: str, what: Any) -> bool:
        """Let an event happen; return whether it is the end of a run without anything unusual."""
        if kind == "look":
            return False
        number, run = what
        memory = self._memories.setdefault(run.sync_type, SyncMemory(run.sync_type))
        if kind == "start":
            running = RunningRun(run.id, run.sync_type, run.start, run.start, run.user_id)
            memory.store(FoundRun(number, running, frozenset()))
            return False
        items = frozenset({"course", "grade"} if run.items else ())
        if run.error_type == "no grades":
            run, items = replace(run, error_type=None), frozenset({"course"})
        compared = self._compared(run)
        memory.store(FoundRun(number, compared, items))
        is_successful = run.status is RunStatus.SUCCESS
        return is_successful and not (run.api_failed or compared.suspect_reason)

    def _compared(self, run: EndedRun) -> EndedRun:
        """Compare a run with its history, as the exporter does when it flags suspect runs."""
        if run.status not in (RunStatus.SUCCESS, RunStatus.PARTIAL):
            return run
        known = self._measures.setdefault((run.sync_type, run.user_id), [])
        measures = Measures(
            run.items, run.duration, run.api_calls, run.api_items, run.api_bytes, run.start
        )
        found = anomalies(measures, known[-20:])
        if found:
            windows = same_time_windows(run.start)
            older = [
                each
                for each in known[:-20]
                if each.start and any(low <= each.start <= high for low, high in windows)
            ]
            found = anomalies(measures, [*known[-20:], *older])
        if run.status is RunStatus.SUCCESS:
            known.append(replace(measures, is_suspect=True) if found else measures)
            del known[:-1500]
        if not found:
            return run
        return replace(run, suspect_reason="; ".join(each.text for each in found))

    def _sync_facts(self) -> dict[str, Any]:
        starts = {
            name: memory.starts
            for name, memory in self._memories.items()
            if memory.needs_expectation(self.now)
        }
        if starts:
            expected = {each.sync_type: each for each in self.expectations.at(self.now, starts)}
            for name in starts:
                self._memories[name].expect(expected.get(name), self.now)
        facts = {name: memory.make_facts(self.now) for name, memory in self._memories.items()}
        return {
            name: replace(each, running=[replace(run, heartbeat=self.now) for run in each.running])
            if each.running
            else each
            for name, each in facts.items()
        }

    def _cleanup(self) -> CleanupFacts:
        at = datetime(2000, 1, 1, 2).time()
        due = last_due(self.now, at, UTC)
        return CleanupFacts(due, due + timedelta(seconds=40))

    def _samples(self, length: timedelta, value: Callable[[datetime], float]) -> tuple[Sample, ...]:
        hour = self.now.replace(minute=self.now.minute // 30 * 30, second=0, microsecond=0)
        known = self._known_samples.get(length)
        if known is None or known[-1].time != hour:
            step = length / _SAMPLES
            times = (hour - length + step * number for number in range(_SAMPLES + 1))
            known = self._known_samples[length] = tuple(Sample(each, value(each)) for each in times)
        return known

    def _sort_events(self) -> None:
        """Put the next event last, from where it is taken; a heap of a year of them is slower."""
        self._events.sort(key=_NEXT, reverse=True)

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers


@dataclass(frozen=True)
class FrozenWorld:
    """A world that stands still."""

    _pickled: bytes

    def copy(self) -> World:
        """Make a world that goes its own way from here."""
        copied: World = pickle.loads(self._pickled)
        return copied


def make_world(folder: Path, seed: int, *, configured: bool, end: datetime) -> World:
    """Make a healthy school, with all its runs up to a time.

    Args:
        folder: Where its configuration file goes.
        seed: Makes the noise.
        configured: Whether schedules and pauses are configured; otherwise they are learned.
        end: When its last run is due.
    """
    file = folder / "canvas-sync-monitor.toml"
    file.write_text(config_text() if configured else "")
    environ = {
        "CANVAS_SYNC_CONFIG": str(file),
        "CANVAS_SYNC_LOG_DIR": str(folder),
        "CANVAS_SYNC_TIMEZONE": "Europe/Berlin",
    }
    settings = configuration(environ)
    settings = replace(settings, file=read_config_file(file, settings.app.timezone))
    noise = random.Random(seed)
    world = World(
        expectations=Expectations(settings),
        pauses=pauses() if configured else (),
        noise=noise,
    )
    for sync in SYNCS:
        world.add_runs(plan_runs(sync, BEGIN, end, random.Random(noise.random())))
    return world


def live_through(folder: Path, seed: int, *, configured: bool, end: datetime) -> list[Opened]:
    """Let a healthy school live until a time, and return what was opened.

    The judge looks after each start and each run that is not quite as usual. After ordinary runs it
    rests for 40 minutes: a verdict that they change would hold for longer.
    """
    world = make_world(folder, seed, configured=configured, end=end)
    world.go_on(end, rest=timedelta(minutes=40))
    return [
        Opened(time, str(each.kind), each.subject, each.cause)
        for time, word, each in world.messages
        if word == "opened"
    ]


def _disk_free(time: datetime) -> float:
    """Fills by 3 GiB a day, until the nightly cleanup."""
    seconds = (time.hour * 60 + time.minute - 120) % 1440 * 60
    return 60 * GIBIBYTE - 3 * GIBIBYTE * seconds / 86400
