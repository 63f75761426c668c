"""Judges again and again, and keeps the incidents, also while the database is away."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
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
from canvas_sync_exporter.reasons import reason

from .facts import Facts
from .finding import Verdict
from .incidents import REOPEN_WITHIN, Changes, reconcile

__all__ = ["Judge", "JudgeState"]

_OUT_OF_REACH: Final = (SQLAlchemyError, StorageError, OSError)
"""What reading and writing incidents raises while the database is away or lacks the tables."""

_log = logging.getLogger(__name__)
_Identity = tuple[str, str, datetime]


@dataclass(frozen=True, slots=True)
class JudgeState:
    """What a judge last found, for channels that must not wait for the database.

    Attributes:
        judged_at: When it last judged; None before the first time.
        incidents: All that are open, acknowledged ones too.
        unjudged: Kinds that could not be judged the last time.
        next_due: When the next run of each sync type is due; types without one are left out.
        failure: Why it could not judge the last time; empty when it could.
        storage_failure: Why the incidents are in memory alone; empty when they are in the database.
        seconds_since: How long ago it last judged, or was made if it never has.
        seconds_running: How long it has been judging; None while it waits.
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
    """Judges with what is known at the time.

    Args:
        name: Tells this exporter from others with the same database.
        gather: Returns what is known now, whether or not the database is away.
        evaluate: Returns what is wrong.
        engine: The database with the incidents.
    """

    def __init__(
        self,
        name: str,
        gather: Callable[[], Facts],
        evaluate: Callable[[Facts], Verdict],
        engine: Engine,
    ) -> None:
        self._name = name
        self._gather = gather
        self._evaluate = evaluate
        self._memory = _Memory(engine)
        self._lock = Lock()
        self._state = JudgeState()
        self._last = monotonic()
        self._began: float | None = None

    @property
    def state(self) -> JudgeState:
        """What it last found, and how long ago."""
        with self._lock:
            now = monotonic()
            running = None if self._began is None else now - self._began
            return replace(self._state, seconds_since=now - self._last, seconds_running=running)

    def judge(self) -> Changes:
        """Judge once.

        Returns:
            The changes that this judge has made. Another one may have made the same ones first.
        """
        with self._lock:
            self._began = monotonic()
        try:
            facts = self._gather()
            verdict = self._evaluate(facts)
            next_due = _next_due(facts)
            changes = self._memory.take_in(verdict, _row(self._name, verdict, next_due))
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
    """The incidents as last read or changed here, and the changes that the database lacks.

    Args:
        engine: The database.
    """

    def __init__(self, engine: Engine) -> None:
        self.failure = ""
        self._engine = engine
        self._known: dict[_Identity, Incident] = {}
        self._unwritten: dict[_Identity, Incident] = {}
        self._live_judges: frozenset[str] = frozenset()

    @property
    def open_incidents(self) -> tuple[Incident, ...]:
        return tuple(each for each in self._known.values() if each.resolved_at is None)

    def take_in(self, verdict: Verdict, judge: JudgeRow) -> Changes:
        """Change the incidents by a verdict, in the database if it can be reached."""
        try:
            self._read(verdict, judge)
        except _OUT_OF_REACH as error:
            return self._keep_in_memory(verdict, judge, error)
        changes = self._reconcile(verdict, judge)
        try:
            written = write_incidents(self._engine, changes.all)
        except _OUT_OF_REACH as error:
            return self._keep_in_memory(verdict, judge, error)
        self._remember(written)
        self._note_success()
        return _only(changes, {_identity(each): each for each in written})

    def _reconcile(self, verdict: Verdict, judge: JudgeRow) -> Changes:
        known, live = self._known.values(), self._live_judges
        return reconcile(known, verdict, judge=judge.name, live_judges=live)

    def _read(self, verdict: Verdict, judge: JudgeRow) -> None:
        """Write what is left to write, and read what others have changed and who they are."""
        note_judging(self._engine, judge)
        write_incidents(self._engine, self._unwritten.values())
        self._unwritten.clear()
        known = known_incidents(self._engine, verdict.time - REOPEN_WITHIN)
        self._known = {_identity(incident): incident for incident in known}
        rows = judges(self._engine)
        self._live_judges = frozenset(row.name for row in rows if row.is_live(verdict.time))

    def _keep_in_memory(self, verdict: Verdict, judge: JudgeRow, error: Exception) -> Changes:
        """Change the incidents in memory alone; they are written once the database is back."""
        if not self.failure:
            _log.warning("Incidents are in memory until they can be stored: %s", reason(error))
        self.failure = reason(error)
        changes = self._reconcile(verdict, judge)
        self._remember(changes.all)
        self._unwritten |= {_identity(incident): incident for incident in changes.all}
        return changes

    def _note_success(self) -> None:
        if self.failure:
            _log.info("Incidents can be stored again.")
        self.failure = ""

    def _remember(self, incidents: Iterable[Incident]) -> None:
        self._known |= {_identity(incident): incident for incident in incidents}


def _identity(incident: Incident) -> _Identity:
    return (*incident.key, incident.opened_at)


def _only(changes: Changes, written: Mapping[_Identity, Incident]) -> Changes:
    """Return the changes that were written, with the numbers of their rows."""

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
    problem = f"Not judged: {', '.join(unjudged)}." if unjudged else None
    return JudgeRow(name, verdict.time, problem, next_due)


def _next_due(facts: Facts) -> dict[str, datetime]:
    return {name: sync.next_due for name, sync in facts.syncs.items() if sync.next_due is not None}


def _log_changes(changes: Changes) -> None:
    for word, incidents in (
        ("opened", changes.opened),
        ("reopened", changes.reopened),
        ("got worse", changes.worsened),
        ("is over", changes.resolved),
    ):
        for incident in incidents:
            _log.warning("Incident %s: %s: %s", word, incident.kind, incident.summary)
