"""The syncs of a project: their types, and when they run."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from typing import Final

from canvas_sync_exporter.schedules.cron import parse_cron
from canvas_sync_exporter.schedules.durations import parse_duration
from canvas_sync_exporter.schedules.sync_types import is_sync_type

from .detection import CLIENTS, Project, Role
from .programs import ScheduledJob

__all__ = ["DEFAULT_TYPE", "PlannedSync", "Timing", "parse_timing", "planned_syncs"]

DEFAULT_TYPE: Final = "full"
"""As the tracker and ``canvas-sync-monitor run`` have it."""

_CLOCK: Final = re.compile(r"(\d{1,2}):(\d\d)")


@dataclass(frozen=True, slots=True)
class Timing:
    """When a sync runs; empty if that is to be learned from its runs.

    Attributes:
        schedule: A cron expression.
        every: A duration, instead of ``schedule``.
    """

    schedule: str = ""
    every: str = ""

    def __str__(self) -> str:
        return self.schedule or self.every


@dataclass(frozen=True, slots=True)
class PlannedSync:
    """A sync of the project.

    Attributes:
        sync_type: Its type.
        timing: When it runs.
        zone: The time zone of that; empty for that of the settings.
        job: What starts it.
        further_jobs: More jobs with the same sync type, which can have one schedule only.
    """

    sync_type: str
    timing: Timing = Timing()
    zone: str = ""
    job: ScheduledJob | None = None
    further_jobs: tuple[ScheduledJob, ...] = ()


def planned_syncs(project: Project, jobs: Sequence[ScheduledJob]) -> list[PlannedSync]:
    """Return a sync for each scheduled job; without one, for each sync type that the code names.

    If files of some jobs import a client, the others do not sync: a backup, for example.
    """
    callers = {mark.path for mark in project.of(Role.IMPORT) if mark.name in CLIENTS}
    jobs = [job for job in jobs if job.script in callers] or jobs
    named = [name for name in project.sync_types if is_sync_type(name)]
    if not jobs:
        return [PlannedSync(name) for name in named or [DEFAULT_TYPE]]
    usual = named[0] if len(named) == 1 else DEFAULT_TYPE
    syncs: dict[str, PlannedSync] = {}
    for job in jobs:
        names = _names(job, syncs) if len(jobs) > 1 else [job.program.sync_type or ""]
        name = next(filter(is_sync_type, names), usual)
        if name in syncs:
            first = syncs[name]
            syncs[name] = replace(first, further_jobs=(*first.further_jobs, job))
        else:
            syncs[name] = PlannedSync(name, Timing(schedule=job.schedule), job.zone, job)
    return list(syncs.values())


def _names(job: ScheduledJob, syncs: Mapping[str, PlannedSync]) -> list[str]:
    """Return what to call a job, best first: files of the same name go by their folders too."""
    names = [job.program.sync_type] if job.program.sync_type else []
    if job.script is not None:
        stem, first = job.script.stem, syncs.get(job.script.stem)
        if first is None or (first.job and first.job.script == job.script):
            names.append(stem)
        names.append("_".join(job.script.with_suffix("").parts))
    return names


def parse_timing(text: str) -> Timing:
    """Read a cron expression, a time of day or a duration; nothing means to learn it.

    Raises:
        ValueError: It is none of them; the message says what to write.
    """
    text = " ".join(text.split())
    if not text:
        return Timing()
    if clock := _CLOCK.fullmatch(text):
        text = f"{int(clock[2])} {int(clock[1])} * * *"
    try:
        parse_duration(text)
    except ValueError:
        parse_cron(text, UTC)
        return Timing(schedule=text)
    return Timing(every=text)
