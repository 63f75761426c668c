"""Judges periodically and maintains the incidents, even while the database is down."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from canvas_sync_core.clock import monotonic
from canvas_sync_core.errors import StorageError
from canvas_sync_core.incident import Incident
from canvas_sync_core.locks import Lock
from canvas_sync_core.names import IncidentKind
from canvas_sync_core.store.incidents.judges import JudgeRow, judges, note_judging
from canvas_sync_core.store.incidents.reading import known_incidents
from canvas_sync_core.store.incidents.writing import write_incidents
from canvas_sync_exporter.formatting import format_code
from canvas_sync_exporter.reasons import reason

from .expectation import Pause
from .facts import DatabaseFacts, Facts, SyncFacts
from .finding import Verdict
from .incident_file import IncidentFile
from .incidents import REOPEN_WITHIN, Changes, reconcile

__all__ = ["Judge", "JudgeState"]

_OUT_OF_REACH: Final = (SQLAlchemyError, StorageError, OSError)
"""Raised by reading and writing incidents while the database is down or lacks the tables."""

_MICROSECOND: Final = timedelta(microseconds=1)

_log = logging.getLogger(__name__)
_Identity = tuple[str, str, datetime]


@dataclass(frozen=True, slots=True)
class JudgeState:
    """The latest result of a judge, for channels that must not wait for the database.

    Attributes:
        judged_at: When it last judged; None before the first time.
        incidents: All open incidents, including acknowledged ones.
        unjudged: Kinds that could not be judged last time.
        next_due: When the next run of each sync type is due; types without one are left out.
        failure: Why the last attempt to judge failed; empty if it succeeded.
        storage_failure: Why the incidents are only in memory; empty if they are in the database.
        seconds_since: Seconds since it last judged, or was created if it never has.
        seconds_running: How long it has been judging; None between two rounds.
    """

    judged_at: datetime | None = None
    incidents: tuple[Incident, ...] = ()
    unjudged: frozenset[IncidentKind] = frozenset()
    next_due: Mapping[str, datetime] = field(default_factory=dict)
    failure: str = ""
    storage_failure: str = ""
    seconds_since: float = 0.0
    seconds_running: float | None = None


class Judge:
    """Gathers facts, evaluates them and updates the incidents.

    Args:
        name: Distinguishes this exporter from others with the same database.
        gather: Returns what is known now, even while the database is down.
        evaluate: Returns what is wrong.
        engine: The database with the incidents.
        file: A copy of the incidents, for a restart while the database is down.
    """

    def __init__(
        self,
        name: str,
        gather: Callable[[], Facts],
        evaluate: Callable[[Facts], Verdict],
        engine: Engine,
        file: Path,
    ) -> None:
        self._name = name
        self._gather = gather
        self._evaluate = evaluate
        self._memory = _Memory(engine, IncidentFile(file))
        self._lock = Lock()
        self._state = JudgeState()
        self._last = monotonic()
        self._began: float | None = None

    @property
    def state(self) -> JudgeState:
        """The latest result, and how long ago it was."""
        with self._lock:
            now = monotonic()
            running = None if self._began is None else now - self._began
            return replace(self._state, seconds_since=now - self._last, seconds_running=running)

    def judge(self) -> Changes:
        """Judge once.

        Returns:
            The changes that this judge made, without those that another judge made first.
        """
        with self._lock:
            self._began = monotonic()
        try:
            facts = self._gather()
            verdict = self._evaluate(facts)
            next_due = _next_due(facts)
            row = _row(self._name, verdict, next_due)
            changes = self._memory.apply(verdict, row, facts.database)
        except BaseException as error:
            with self._lock:
                self._began = None
                self._state = replace(self._state, failure=reason(error))
            raise
        with self._lock:
            self._began, self._last = None, monotonic()
            self._state = JudgeState(
                judged_at=verdict.time,
                incidents=self._memory.open_incidents,
                unjudged=frozenset(IncidentKind) - verdict.judged,
                next_due=next_due,
                storage_failure=self._memory.failure,
            )
        _log_changes(changes)
        return changes


class _Memory:
    """The incidents as last read or changed here, and the changes not yet in the database.

    Args:
        engine: The database.
        file: Where the incidents are saved.
    """

    def __init__(self, engine: Engine, file: IncidentFile) -> None:
        self.failure = ""
        self._engine = engine
        self._file = file
        saved = file.load()
        self._known = _by_identity(saved.known)
        self._unwritten = _by_identity(saved.unwritten)
        self._live_judges: frozenset[str] = frozenset()

    @property
    def open_incidents(self) -> tuple[Incident, ...]:
        return tuple(each for each in self._known.values() if each.resolved_at is None)

    def apply(self, verdict: Verdict, judge: JudgeRow, database: DatabaseFacts) -> Changes:
        """Apply a verdict to the incidents, in the database if it is reachable."""
        if database.is_reachable:
            try:
                changes = self._change_in_database(verdict, judge)
            except _OUT_OF_REACH as error:
                changes = self._change_in_memory(verdict, judge, reason(error))
        else:  # do not wait for another timeout
            changes = self._change_in_memory(verdict, judge, database.reason)
        self._file.save(self._known.values(), self._unwritten.values())
        return changes

    def _change_in_database(self, verdict: Verdict, judge: JudgeRow) -> Changes:
        self._read(verdict, judge)
        changes = self._reconcile(verdict, judge)
        written = _by_identity(write_incidents(self._engine, changes.all))
        self._known |= written
        if self.failure:
            _log.info("Incidents can be stored again.")
        self.failure = ""
        return _only(changes, written)

    def _change_in_memory(self, verdict: Verdict, judge: JudgeRow, failure: str) -> Changes:
        """Change the incidents in memory only; they are written once the database is back."""
        if not self.failure:
            _log.warning("Incidents stay in memory until they can be stored: %s", failure)
        self.failure = failure
        changes = self._reconcile(verdict, judge)
        changed = _by_identity(changes.all)
        self._known |= changed
        self._unwritten |= changed
        return changes

    def _reconcile(self, verdict: Verdict, judge: JudgeRow) -> Changes:
        known, live = self._known.values(), self._live_judges
        return reconcile(known, verdict, judge=judge.name, live_judges=live)

    def _read(self, verdict: Verdict, judge: JudgeRow) -> None:
        """Write pending changes, then read the changes of other judges and who is active."""
        note_judging(self._engine, judge)
        write_incidents(self._engine, self._unwritten.values())
        self._unwritten.clear()
        known = known_incidents(self._engine, verdict.time - REOPEN_WITHIN)
        self._known = _by_identity(known)
        rows = judges(self._engine)
        self._live_judges = frozenset(row.name for row in rows if row.is_live(verdict.time))


def _identity(incident: Incident) -> _Identity:
    return (*incident.key, incident.opened_at)


def _by_identity(incidents: Iterable[Incident]) -> dict[_Identity, Incident]:
    return {_identity(incident): incident for incident in incidents}


def _only(changes: Changes, written: Mapping[_Identity, Incident]) -> Changes:
    """Return the changes that were written, with their row ids."""

    def choose(incidents: Iterable[Incident]) -> tuple[Incident, ...]:
        return tuple(written[key] for each in incidents if (key := _identity(each)) in written)

    return Changes(
        opened=choose(changes.opened),
        reopened=choose(changes.reopened),
        worsened=choose(changes.worsened),
        resolved=choose(changes.resolved),
        updated=choose(changes.updated),
    )


def _row(name: str, verdict: Verdict, next_due: Mapping[str, datetime]) -> JudgeRow:
    unjudged = sorted(set(IncidentKind) - verdict.judged)
    problem = f"Not judged: {', '.join(map(format_code, unjudged))}." if unjudged else None
    return JudgeRow(name, verdict.time, problem, next_due)


def _next_due(facts: Facts) -> dict[str, datetime]:
    due = {name: _after_pauses(sync, facts.pauses) for name, sync in facts.syncs.items()}
    return {name: time for name, time in due.items() if time is not None}


def _after_pauses(sync: SyncFacts, pauses: Sequence[Pause]) -> datetime | None:
    """Return when the next run outside any pause is due."""
    due = sync.next_due
    while due is not None and sync.expectation is not None:
        ends = [pause.end for pause in pauses if pause.covers(sync.sync_type, due)]
        if not ends:
            break
        due = sync.expectation.schedule.next_due(max(ends) - _MICROSECOND)
    return due


def _log_changes(changes: Changes) -> None:
    for word, incidents in (
        ("opened", changes.opened),
        ("reopened", changes.reopened),
        ("got worse", changes.worsened),
        ("resolved", changes.resolved),
    ):
        for incident in incidents:
            _log.warning("Incident %s: %s: %s", word, incident.kind, incident.summary)
