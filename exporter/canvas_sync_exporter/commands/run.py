"""``canvas-sync-monitor run -- COMMAND``: runs a cron job's command as a sync run.

It does not need the ``exporter`` extra.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from canvas_sync_core.canvas.redaction import redact
from canvas_sync_core.companion import open_standard_streams
from canvas_sync_core.errors import SettingsError
from canvas_sync_core.identifiers import host_name
from canvas_sync_core.names import DISTRIBUTION
from canvas_sync_core.settings import Settings, read
from canvas_sync_exporter.config_file.urls import http_url
from canvas_sync_exporter.reasons import reason
from canvas_sync_exporter.wrapper.failure_line import command_for_details, failure_line
from canvas_sync_instrumentation.command import OVERLAPS, CommandResult, Job, run_command
from canvas_sync_instrumentation.pid_lock import AlreadyRunningError

from .options import add_command, number

if TYPE_CHECKING:
    from canvas_sync_exporter.wrapper.ping import RunPing

__all__ = ["RUN_EXIT_CODES", "add_parser", "run"]

RUN_EXIT_CODES: Final = (
    "Exit codes: that of COMMAND, or 128 plus the number of the signal that ended it; 2 wrong"
    " usage, 75 not started because the same job is already running, 126 COMMAND cannot be"
    " executed, 127 COMMAND not found"
)
_MOST_LINES: Final = 200
_STDERR: Final = 2


def add_parser(subparsers: Any) -> None:
    """Add the command to a command line."""
    parser = add_command(
        subparsers,
        "run",
        run,
        more="COMMAND is run even if telemetry fails. If COMMAND fails, one line on standard error"
        " says so; if it succeeds, nothing is printed.",
        exit_codes=RUN_EXIT_CODES,
    )
    parser.usage = f"{DISTRIBUTION} run [options] -- COMMAND [ARGUMENT ...]"
    parser.add_argument("--sync-type", default="full", metavar="WORD", help="its sync type (full)")
    parser.add_argument("--user", type=int, metavar="ID", help="Canvas id of the user to sync")
    parser.add_argument(
        "--no-overlap",
        action="store_true",
        help="do not start while the same command, type and user is running on this machine",
    )
    parser.add_argument(
        "--keep-output",
        type=number(1, _MOST_LINES),
        default=0,
        metavar="N",
        help="record the last N lines of its standard output and error, which then are pipes",
    )
    parser.add_argument(
        "--ping-url",
        type=_ping_url,
        metavar="URL",
        help="call URL/start, then URL or URL/fail, as healthchecks.io expects",
    )
    parser.add_argument(
        "--notify",
        action="store_true",
        help="send a failure to the destinations of the configuration file if no exporter does",
    )
    parser.add_argument("command", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    parser.set_defaults(complain=parser.error)


def run(arguments: argparse.Namespace) -> int:
    """Run the command.

    Returns:
        Its exit code, or one of :data:`RUN_EXIT_CODES`.
    """
    words = arguments.command[arguments.command[:1] == ["--"] :]
    if not words or not words[0]:  # an empty variable of a shell
        arguments.complain("no command given: canvas-sync-monitor run -- python nightly_sync.py")
    job = Job(
        tuple(words),
        arguments.sync_type,
        arguments.user,
        arguments.no_overlap,
        arguments.keep_output,
    )
    open_standard_streams()
    ping = _start_ping(arguments.ping_url)
    try:
        result = run_command(job) if ping is None else run_command(job, ping.on_start)
    except AlreadyRunningError as holder:
        details = f" ({holder})" if str(holder) else ""
        _say(f"not started: {job.name} is already running{details}. The next start will run it.")
        return OVERLAPS
    if result.failure:
        _print_line(job, result)
    if ping is not None and (refusal := ping.on_end(is_failed=bool(result.failure))):
        _say(f"the ping URL cannot be called: {refusal}. Correct --ping-url.")
    if arguments.notify and not result.is_cancelled:
        try:
            _notify(job, result)
        except Exception as error:  # noqa: BLE001 - the exit code must stay that of the command
            _say(f"the message was not sent: {reason(error)}. Please report this.")
    return result.exit_code


def _print_line(job: Job, result: CommandResult) -> None:
    line = failure_line(
        redact(job.name),
        result.failure,
        result.seconds,
        _command_for_details(result),
        is_cancelled=result.is_cancelled,
    )
    _say(line)


def _notify(job: Job, result: CommandResult) -> None:
    """Send a message about a failure, or about the first success after one."""
    try:
        from canvas_sync_exporter.wrapper.failure_content import CommandFailure  # noqa: PLC0415 - slow
        from canvas_sync_exporter.wrapper.notifying import Notifier  # noqa: PLC0415 - slow
    except ImportError as error:
        _say(f"messages cannot be sent: {error}. Install {DISTRIBUTION}[exporter].")
        return
    notifier = Notifier(os.environ, job.lock_name, _say)
    if not result.failure:
        notifier.on_success()
        return
    failure = CommandFailure(
        name=redact(job.name),
        sync_type=job.sync_type,
        reason=result.failure,
        time=dt.datetime.now(dt.UTC),
        seconds=result.seconds,
        host=host_name(),
        task_id=None if result.run is None else result.run.task_id,
        advice=_command_for_details(result),
    )
    notifier.on_failure(failure)


def _command_for_details(result: CommandResult) -> str:
    return command_for_details(None if result.run is None else result.run.task_id, _log_dir())


def _start_ping(url: str | None) -> RunPing | None:
    if url is None:
        return None
    from canvas_sync_exporter.wrapper.ping import RunPing  # noqa: PLC0415 - slow

    ping = RunPing(url)
    if not ping.is_possible:
        _say("the ping URL is not called: the system cannot start another process.")
    return ping


def _log_dir() -> Path | None:
    try:
        return read(Settings, os.environ).log_dir
    except SettingsError:
        return None


def _ping_url(text: str) -> str:
    try:
        return http_url(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _say(message: str) -> None:
    _write(f"{DISTRIBUTION}: {message}")


def _write(line: str) -> None:
    """Write to standard error, unbuffered: a failure must not change the exit code."""
    with contextlib.suppress(OSError):
        os.write(_STDERR, f"{line}\n".encode(errors="backslashreplace"))
