"""The lines to add to a project, each with the place where it belongs."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from canvas_sync_core.names import DISTRIBUTION

from .detection import CLIENTS, Mark, Project, Role
from .planned_sync import PlannedSync

__all__ = ["Step", "installed_command", "steps"]

_PACKAGE: Final = "canvas_sync_instrumentation"
_TRACKER: Final = "CanvasSyncMetricsTracker"
_PATH_OF_CRON: Final = "/usr/bin:/bin"
_UNLESS_IN_APP: Final = ", unless it makes the app"
_MOST: Final = 3
"""More places of one kind are not named: they would bury the others."""


@dataclass(frozen=True, slots=True)
class Step:
    """Lines to add.

    Attributes:
        place: Where, such as ``sync.py, after line 3``.
        code: The lines.
    """

    place: str
    code: tuple[str, ...]


def steps(project: Project, syncs: Sequence[PlannedSync]) -> list[Step]:
    """Return what to add, in the order in which to read it; what is there already is left out."""
    return [
        *_hook_steps(project, syncs),
        *_run_steps(project, syncs),
        *_command_steps(project, syncs),
    ]


def _hook_steps(project: Project, syncs: Sequence[PlannedSync]) -> Iterator[Step]:
    """Yield what switches the hooks on."""
    apps = project.of(Role.FLASK_APP)[:_MOST]
    if apps or "init_app" in project.ours():
        if "init_app" not in project.ours():
            yield from (_after(app, "app", "init_app") for app in apps)
        for script in _scripts(syncs):
            yield from _client_hooks(project, _imports_of(project, script), _UNLESS_IN_APP)
    else:
        yield from _hooks_one_by_one(project, syncs)
    if "instrument_apscheduler" not in project.ours():
        for scheduler in project.of(Role.SCHEDULER)[:_MOST]:
            yield _after(scheduler, "scheduler", "instrument_apscheduler")


def _scripts(syncs: Sequence[PlannedSync]) -> list[Path | None]:
    """Return the files that cron or systemd starts, each a process that needs hooks."""
    return list(dict.fromkeys(sync.job.script for sync in syncs if sync.job))


def _imports_of(project: Project, script: Path | None) -> list[Mark]:
    return [mark for mark in project.of(Role.IMPORT) if mark.path == script]


def _after(mark: Mark, usual: str, hook: str) -> Step:
    """Return a call that belongs after the one that makes an object, with the object's name."""
    made = f", which makes `{mark.name}`" if mark.name else ""
    code = (_import([hook]), f"{hook}({mark.name or usual})")
    return Step(f"{mark.path}, after line {mark.end_line}{made}", code)


def _import(names: Iterable[str]) -> str:
    return f"from {_PACKAGE} import {', '.join(names)}"


def _hooks_one_by_one(project: Project, syncs: Sequence[PlannedSync]) -> Iterator[Step]:
    """Yield the hooks of a project without a Flask app, whose ``init_app`` brings all of them."""
    ours, scripts = project.ours(), _scripts(syncs)
    if "instrument_celery" not in ours:
        for app in project.of(Role.CELERY_APP)[:_MOST]:
            yield _after(app, "app", "instrument_celery")
    for script in scripts:
        yield from _client_hooks(project, _imports_of(project, script))
    hooked = {mark.name for script in scripts for mark in _imports_of(project, script)}
    others = [mark for name, mark in project.imports().items() if name not in hooked]
    yield from _client_hooks(project, others)
    if "instrument_sqlalchemy" not in ours:
        engines = project.of(Role.ENGINE)
        for engine in engines[:_MOST]:
            yield _after(engine, "engine", "instrument_sqlalchemy")
        if further := ", ".join(f"{each.path}:{each.end_line}" for each in engines[_MOST:]):
            yield Step(f"likewise after {further}", ("instrument_sqlalchemy(…)",))


def _client_hooks(project: Project, imports: Sequence[Mark], unless: str = "") -> Iterator[Step]:
    """Yield the hooks of the clients that are imported, in the file of the first one."""
    by_name = {mark.name: mark for mark in reversed(imports)}
    ours = project.ours()
    clients = [name for name in CLIENTS if name in by_name and f"instrument_{name}" not in ours]
    if clients:
        first = by_name[clients[0]]
        hooks = [f"instrument_{name}" for name in clients]
        code = (_import(hooks), *(f"{hook}()" for hook in hooks))
        yield Step(f"{first.path}, after the imports (line {first.end_line}){unless}", code)


def _run_steps(project: Project, syncs: Sequence[PlannedSync]) -> Iterator[Step]:
    """Yield what makes each execution of the sync a run."""
    sync_type = syncs[0].sync_type
    tasks, jobs = project.of(Role.CELERY_TASK), project.of(Role.JOB)
    for marks, decorator, place in (
        (tasks, "canvas_sync_task", "below the other decorators of"),
        (jobs, "track_sync", "above"),
    ):
        for mark in marks[:_MOST]:
            code = (_import([decorator]), f"@{decorator}(sync_type={_quoted(sync_type)})")
            yield Step(f"{mark.path}, line {mark.line}, {place} `{mark.name}`", code)
    if not (tasks or jobs or _is_tracked(project)):
        tracked = [sync for sync in syncs if sync.job is None or not sync.job.program.is_wrapped]
        yield from (_tracker(project, sync) for sync in tracked)


def _is_tracked(project: Project) -> bool:
    return bool({_TRACKER, "track_sync", "canvas_sync_task"} & set(project.ours()))


def _tracker(project: Project, sync: PlannedSync) -> Step:
    code = (
        "import uuid",
        _import([_TRACKER]),
        f"with {_TRACKER}(str(uuid.uuid4()), user_id=None, sync_type={_quoted(sync.sync_type)}):",
        "    ...  # the code that syncs, unchanged",
    )
    return Step(_where_to_track(project, None if sync.job is None else sync.job.script), code)


def _where_to_track(project: Project, script: Path | None) -> str:
    """Return where Canvas is called, if possible in the file that cron or systemd starts."""
    calls = project.of(Role.CANVAS_CALL) or list(project.imports().values())
    call = next((each for each in calls if each.path == script), calls[0] if calls else None)
    if call is not None and script in {None, call.path}:
        inside = f", in `{call.function}`" if call.function else ""
        return f"{call.path}, around the work with Canvas (line {call.line}{inside})"
    return f"{script or 'your sync'}, around the call that syncs"


def _command_steps(project: Project, syncs: Sequence[PlannedSync]) -> Iterator[Step]:
    """Yield what monitors a command whose code stays as it is, or is no Python."""
    if _is_tracked(project):
        return
    for sync in syncs:
        if sync.job is not None and not sync.job.program.is_wrapped:
            place = f"{sync.job.place}, before `{sync.job.command}`"
            reason = "instead of the tracker, if the code has to stay as it is"
            yield _wrapper(f"{place}, {reason}", installed_command(), sync.sync_type)
        elif sync.job is None and not project.imports():
            place = "before the command that starts the sync, if it is not Python"
            yield _wrapper(place, DISTRIBUTION, sync.sync_type)


def _wrapper(place: str, program: str, sync_type: str) -> Step:
    return Step(place, (shlex.join([program, "run", "--sync-type", sync_type, "--"]),))


def installed_command() -> str:
    """Return the command as cron and systemd, which search few folders, find it."""
    if shutil.which(DISTRIBUTION, path=_PATH_OF_CRON):
        return DISTRIBUTION
    program = Path(sys.executable).with_name(DISTRIBUTION)
    return str(program) if program.exists() else DISTRIBUTION


def _quoted(text: str) -> str:
    """Return a literal of Python with double quotes, as formatters write it."""
    return json.dumps(text, ensure_ascii=False)
