"""``canvas-sync-monitor init``: from an existing sync to its first recorded run."""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from canvas_sync_core.errors import CanvasSyncMonitorError
from canvas_sync_core.files.modes import make_folder, shared_opener
from canvas_sync_core.files.sanitizing import escape_controls
from canvas_sync_core.names import DISTRIBUTION
from canvas_sync_exporter.config_file.config_file import new_config_file
from canvas_sync_exporter.judge.expectations import Expectations
from canvas_sync_exporter.onboarding.canvas_address import CanvasAddress, find_canvas
from canvas_sync_exporter.onboarding.config_text import config_text, sync_section
from canvas_sync_exporter.onboarding.crontab import cron_jobs, read_crontab, system_zone
from canvas_sync_exporter.onboarding.detection import LIBRARIES, Project, detect
from canvas_sync_exporter.onboarding.instructions import steps
from canvas_sync_exporter.onboarding.planned_sync import PlannedSync, planned_syncs
from canvas_sync_exporter.onboarding.programs import ScheduledJob, home_folder
from canvas_sync_exporter.onboarding.source_files import read_sources
from canvas_sync_exporter.onboarding.systemd import timer_jobs
from canvas_sync_exporter.onboarding.unit_files import unit_folders
from canvas_sync_exporter.settings import Configuration, configuration, full_configuration

from .expectation_text import expectation_lines
from .init_questions import ask_about, ask_for_host, can_ask
from .init_wait import wait_for_run
from .options import add_command
from .output import stop_if_output_closes
from .terminal import writable

__all__ = ["add_parser", "run", "say"]

_MOST_UNREAD: Final = 3


class NotWrittenError(CanvasSyncMonitorError):
    """The configuration file cannot be written."""


def add_parser(subparsers: Any) -> None:
    """Add the command to a command line."""
    parser = add_command(
        subparsers,
        "init",
        run,
        more="Run it as the user of the syncs, with the same environment. It only reads the"
        " project, and never overwrites a configuration.",
    )
    parser.add_argument(
        "folder",
        nargs="?",
        type=_folder,
        default=Path(),
        metavar="DIR",
        help="folder of the project; relative paths in settings start there (.)",
    )
    parser.add_argument("--yes", action="store_true", help="ask nothing, use what is found")
    parser.add_argument(
        "--wait", action="store_true", help="then wait for the next run, and show what it recorded"
    )


def _folder(raw: str) -> Path:
    if not raw or not Path(raw).is_dir():
        raise argparse.ArgumentTypeError("name the folder of your sync; . is the current one")
    return Path(raw)


def run(arguments: argparse.Namespace) -> int:
    """Run the command.

    Returns:
        The exit code.

    Raises:
        CanvasSyncMonitorError: A setting or the configuration file cannot be used, or the database
            cannot be read, or the file cannot be written.
    """
    with contextlib.chdir(arguments.folder), stop_if_output_closes():
        config = configuration(os.environ)
        folder = Path.cwd()
        project = detect(read_sources(folder))
        home, zone = home_folder(), system_zone()
        jobs = cron_jobs(read_crontab(), folder, home, zone)
        for units in unit_folders(home, os.environ):
            jobs += timer_jobs(units, folder, home, zone)
        canvas = find_canvas(os.environ, folder, jobs)
        say(*_found(folder, project, jobs, canvas))
        syncs, host = planned_syncs(project, jobs), canvas.host if canvas else ""
        if can_ask() and not arguments.yes:
            say("", "Press Enter to accept the value in brackets.")
            syncs, host = ask_about(syncs), ask_for_host(host)
        _say_below(_configure(config, syncs))
        _say_below(_variables(config, host))
        _say_below(_instructions(project, syncs))
        _say_below(_next_steps(folder, is_waiting=arguments.wait))
        if arguments.wait:
            wait_for_run(config, say)
    return 0


def say(*lines: str) -> None:
    """Print lines at once, whatever characters the names of files have."""
    for line in lines:
        print(writable(escape_controls(line), sys.stdout), flush=True)


def _say_below(lines: Iterable[str]) -> None:
    """Print a paragraph, if there is anything to say."""
    if paragraph := list(lines):
        say("", *paragraph)


def _found(
    folder: Path, project: Project, jobs: Sequence[ScheduledJob], canvas: CanvasAddress | None
) -> Iterator[str]:
    """Yield what was found, and where."""
    rows = [
        (LIBRARIES[name], f"{mark.path}:{mark.line}") for name, mark in project.imports().items()
    ]
    rows += [(job.scheduler, f"{job.place}: {_time_of(job)}, {job.command}") for job in jobs]
    if canvas is not None:
        rows.append(("Canvas", f"{canvas.host}, from {canvas.source}"))
    yield f"Found in {folder}:" if rows else f"Found no code that calls Canvas in {folder}."
    width = max((len(name) for name, _ in rows), default=0)
    yield from (f"  {name.ljust(width)}  {text}" for name, text in rows)
    for unread in project.unread[:_MOST_UNREAD]:
        yield f"  not read: {unread.path}: {unread.reason}"
    if more := len(project.unread[_MOST_UNREAD:]):
        yield f"  not read: {more} more"


def _time_of(job: ScheduledJob) -> str:
    return f"{job.schedule} ({job.zone})" if job.schedule else "at times that are not known"


def _write(path: Path, text: str) -> None:
    try:
        make_folder(path.parent)
        with open(path, "x", encoding="utf-8", opener=shared_opener) as file:
            file.write(text)
    except OSError as error:
        raise NotWrittenError(
            f"{path} cannot be written: {error.strerror}. To write it elsewhere, name a file with "
            "CANVAS_SYNC_CONFIG"
        ) from error


def _configure(config: Configuration, syncs: Sequence[PlannedSync]) -> Iterator[str]:
    """Write the configuration file unless there is one, and yield what was done."""
    path = config.config_file
    if path is None or not os.path.lexists(path):
        path = new_config_file(config.exporter.config, config.app.log_dir).absolute()
        _write(path, config_text(syncs))
        yield f"Wrote {path}:"
        missing = []
    else:
        present = full_configuration(os.environ).file.syncs
        missing = [sync for sync in syncs if sync.sync_type not in present]
        yield f"{path.absolute()} is left as it is:"
    yield from _expectations(full_configuration(os.environ))
    yield from _further_jobs(syncs)
    if missing:
        yield "It has no section for these; to add them, append:"
        yield from ("    " + line for each in missing for line in sync_section(each).splitlines())


def _further_jobs(syncs: Sequence[PlannedSync]) -> Iterator[str]:
    """Yield the jobs whose schedule is left out."""
    for sync in syncs:
        for job in sync.further_jobs:
            yield (
                f"Left out: {job.place} also runs {job.command}, at"
                f" {job.schedule or 'other times'}. To watch that schedule as well, give it"
                " another sync type."
            )


def _expectations(config: Configuration) -> Iterator[str]:
    now = datetime.now(UTC)
    expected = Expectations(config).at(now, {})
    for each in expected:
        yield from (f"  {line}" for line in expectation_lines(each, now, config.app.timezone))
    for name in sorted(set(config.file.syncs) - {each.sync_type for each in expected}):
        yield f"  {name}: learned once it has run"
    if expected:
        yield f"Times are in {config.app.timezone}."


def _variables(config: Configuration, host: str) -> Iterator[str]:
    """Yield the variables that are not set as they should be."""
    wanted = {"CANVAS_SYNC_LOG_DIR": str(config.app.log_dir.absolute())}
    if host and host not in config.app.canvas_hosts:
        wanted["CANVAS_SYNC_CANVAS_HOSTS"] = ",".join([*config.app.canvas_hosts, host])
    missing = {name: value for name, value in wanted.items() if os.environ.get(name) != value}
    if missing:
        yield "Set for the sync and for the exporter (without `export` for cron and systemd):"
    for name, value in missing.items():
        yield f"  export {name}={shlex.quote(value)}"


def _instructions(project: Project, syncs: Sequence[PlannedSync]) -> Iterator[str]:
    found = steps(project, syncs)
    if not found:
        yield "The code already has everything that it needs."
        return
    yield "Add:"
    for step in found:
        yield f"  {step.place}:"
        yield from (f"    {line}" for line in step.code)


def _next_steps(folder: Path, *, is_waiting: bool) -> Iterator[str]:
    yield f"Then start the sync, and the exporter: {DISTRIBUTION} serve"
    if not is_waiting:
        command = shlex.join([DISTRIBUTION, "init", "--wait", str(folder)])
        yield f"To see the first run arrive: {command}"
    yield 'Slack and e-mail: see "Get messages" in the documentation.'
