"""``canvas-sync-monitor run -- COMMAND``: runs a cron job's command as a sync run.

It does not need the ``exporter`` extra.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any, Final

from canvas_sync_core.names import DISTRIBUTION
from canvas_sync_instrumentation.command import OVERLAPS, Job, run_command
from canvas_sync_instrumentation.pid_lock import AlreadyRunningError

from .options import add_command

__all__ = ["RUN_EXIT_CODES", "add_parser", "run"]

RUN_EXIT_CODES: Final = (
    "exit codes: that of COMMAND, 128 and the number of the signal that ended it; 2 wrong usage,"
    " 75 not started because the same job is already running, 126 COMMAND cannot be executed,"
    " 127 COMMAND not found"
)


def add_parser(subparsers: Any) -> None:
    """Add the command to a command line."""
    parser = add_command(
        subparsers,
        "run",
        run,
        more="COMMAND is run even if telemetry fails, and keeps its standard input and output.",
        exit_codes=RUN_EXIT_CODES,
    )
    parser.usage = f"{DISTRIBUTION} run [options] -- COMMAND [ARGUMENT ...]"
    parser.add_argument("--sync-type", default="full", metavar="WORD", help="what it is (full)")
    parser.add_argument("--user", type=int, metavar="ID", help="Canvas id of the user to sync")
    parser.add_argument(
        "--no-overlap",
        action="store_true",
        help="do not start while the same command, type and user is running on this machine",
    )
    parser.add_argument("command", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    parser.set_defaults(complain=parser.error)


def run(arguments: argparse.Namespace) -> int:
    """Run the command.

    Returns:
        Its exit code, or one of :data:`RUN_EXIT_CODES`.
    """
    words = arguments.command[arguments.command[:1] == ["--"] :]
    if not words:
        arguments.complain("no command given: canvas-sync-monitor run -- python nightly_sync.py")
    job = Job(tuple(words), arguments.sync_type, arguments.user, arguments.no_overlap)
    try:
        return run_command(job)
    except AlreadyRunningError as holder:
        told = f" ({holder})" if str(holder) else ""
        print(
            f"{DISTRIBUTION}: not started: {job.name} is already running{told}. The next "
            "start will run it.",
            file=sys.stderr,
        )
        return OVERLAPS
