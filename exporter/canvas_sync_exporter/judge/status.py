"""The current status, read from the database: open incidents and the newest runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import Engine

from canvas_sync_core.incident import SEVERITY_ORDER, Incident, IncidentState
from canvas_sync_core.names import RunStatus, Severity
from canvas_sync_core.store.database import connect_to_read
from canvas_sync_core.store.incidents.judges import LIVE_FOR, JudgeRow, judges
from canvas_sync_core.store.incidents.reading import open_incidents

from .expectation import Pause
from .gathering.rows import newest_of_each_type
from .incident_view import IncidentView
from .runs import EndedRun, RunningRun

__all__ = ["LastRun", "Level", "Status", "SyncStatus", "read_status"]


class Level(StrEnum):
    """The overall status in one word."""

    WELL = "well"
    WARNING = "warning"
    CRITICAL = "critical"
    UNKNOWN = "unknown"


_LEVELS: Final = {Severity.WARNING: Level.WARNING, Severity.CRITICAL: Level.CRITICAL}


@dataclass(frozen=True, slots=True)
class LastRun:
    """The newest run of a sync type.

    Attributes:
        end: None while it runs.
        duration: In seconds; None while it runs.
    """

    task_id: str
    status: RunStatus
    start: datetime
    end: datetime | None
    duration: float | None


@dataclass(frozen=True, slots=True)
class SyncStatus:
    """The status of a sync type.

    Attributes:
        state: The kind of its worst open incident, otherwise ``paused``, ``running`` or ``well``;
            ``unknown`` when no exporter judges, or not everything was judged.
        level: The severity of that state.
        last_run: None if it has never run.
        next_due: When its next run is due; None when none is expected.
        paused_until: When its current pause ends; None if it is not paused.
    """

    sync_type: str
    state: str
    level: Level
    last_run: LastRun | None
    next_due: datetime | None
    paused_until: datetime | None


@dataclass(frozen=True, slots=True)
class Status:
    """The status of everything.

    Attributes:
        status: The level of the worst open incident; ``unknown`` when no exporter judges, or when
            none is open but not everything was judged.
        problem: What is unknown, and why; empty when everything was judged.
        judged_at: When an exporter last judged; None if none ever has.
        judge: Name of that exporter.
        incidents: Those that need attention, worst and oldest first, then the acknowledged ones.
        syncs: By sync type.
    """

    status: Level
    problem: str
    judged_at: datetime | None
    judge: str | None
    incidents: tuple[IncidentView, ...]
    syncs: tuple[SyncStatus, ...]


def read_status(engine: Engine, pauses: Sequence[Pause], now: datetime) -> Status:
    """Read the current status.

    Args:
        engine: The database.
        pauses: All pauses that may be active.
        now: The current time.

    Raises:
        SQLAlchemyError: The database is down.
        StorageError: The database lacks the incident tables.
    """
    incidents = sorted(open_incidents(engine), key=_rank)
    known_judges = judges(engine)
    newest = max(known_judges, key=lambda judge: judge.judged_at, default=None)
    problem = _problem(newest, now)
    level = Level.UNKNOWN if problem else _worst(incidents)
    if not problem and (problem := _unjudged(known_judges, now)) and level is Level.WELL:
        level = Level.UNKNOWN
    due = {} if newest is None else newest.next_due
    with connect_to_read(engine) as connection:
        newest_runs = [each.run for each in newest_of_each_type(connection)]
    last_runs = {run.sync_type: _last_run(run) for run in newest_runs}
    names = sorted({*last_runs, *due, *(name for each in incidents for name in each.affects)})
    known = _Known(due, incidents, pauses, now, problem)
    return Status(
        status=level,
        problem=problem,
        judged_at=None if newest is None else newest.judged_at,
        judge=None if newest is None else newest.name,
        incidents=tuple(map(IncidentView.of, incidents)),
        syncs=tuple(known.of(name, last_runs.get(name)) for name in names),
    )


@dataclass(frozen=True, slots=True)
class _Known:
    """Everything known apart from the runs."""

    due: Mapping[str, datetime]
    incidents: Sequence[Incident]
    pauses: Sequence[Pause]
    now: datetime
    problem: str

    def of(self, name: str, last_run: LastRun | None) -> SyncStatus:
        """Return the status of a sync type."""
        ends = [pause.end for pause in self.pauses if pause.covers(name, self.now)]
        state, level = self._state(name, last_run, is_paused=bool(ends))
        due = self.due.get(name)
        return SyncStatus(
            sync_type=name,
            state=state,
            level=level,
            last_run=last_run,
            next_due=due,
            paused_until=max(ends, default=None),
        )

    def _state(self, name: str, last_run: LastRun | None, *, is_paused: bool) -> tuple[str, Level]:
        own = [each for each in self.incidents if name in each.affects]
        if own:
            return own[0].kind, _worst(own)
        if self.problem:
            return "unknown", Level.UNKNOWN
        if is_paused:
            return "paused", Level.WELL
        is_running = last_run is not None and last_run.status is RunStatus.RUNNING
        return "running" if is_running else "well", Level.WELL


def _problem(newest: JudgeRow | None, now: datetime) -> str:
    """Return why the status is unknown; empty if an exporter judges."""
    if newest is None:
        return "No exporter has ever judged here. Start `canvas-sync-monitor serve`."
    if newest.is_live(now):
        return ""
    minutes = int(LIVE_FOR.total_seconds() // 60)
    return (
        f"No exporter judges: {newest.name} was the last to do so, over {minutes} minutes ago. "
        "Start `canvas-sync-monitor serve` again."
    )


def _unjudged(known_judges: Sequence[JudgeRow], now: datetime) -> str:
    """Return what none of the exporters that judge could judge; empty if one judged everything."""
    problems = [judge.problem for judge in known_judges if judge.is_live(now)]
    if not all(problems):
        return ""
    return (
        f"{problems[0]} An exporter judges everything two minutes after it starts, or after the "
        "database is back."
    )


def _worst(incidents: Sequence[Incident]) -> Level:
    levels = [
        SEVERITY_ORDER.index(each.severity)
        for each in incidents
        if each.state is IncidentState.OPEN
    ]
    return _LEVELS[SEVERITY_ORDER[max(levels)]] if levels else Level.WELL


def _rank(incident: Incident) -> tuple[bool, int, datetime]:
    is_known = incident.state is IncidentState.ACKNOWLEDGED
    return is_known, -SEVERITY_ORDER.index(incident.severity), incident.opened_at


def _last_run(run: EndedRun | RunningRun) -> LastRun:
    if isinstance(run, RunningRun):
        return LastRun(run.id, RunStatus.RUNNING, run.start, None, None)
    return LastRun(run.id, run.status, run.start, run.end, run.duration)
