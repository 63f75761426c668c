"""``canvas-sync-monitor cleanup``: the nightly cleanup of the logs, now."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from canvas_sync_exporter.jobs.log_cleanup import clean_logs
from canvas_sync_exporter.logs import CleanupPlan, make_retention_settings, plan_cleanup

from . import FAILED
from .log_configuration import log_configuration
from .options import add_command, add_log_dir
from .output import note
from .progress_bar import ProgressBar

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Any) -> None:
    """Add the command to a command line."""
    parser = add_command(subparsers, "cleanup", run)
    parser.add_argument(
        "--dry-run", action="store_true", help="only show what would be archived and deleted"
    )
    add_log_dir(parser)


def run(arguments: argparse.Namespace) -> int:
    """Clean up the logs, or show what that would do.

    Returns:
        The exit code.

    Raises:
        CanvasSyncMonitorError: A setting is wrong, or another cleanup is running.
        OSError: A folder cannot be read or written.
    """
    config = log_configuration(arguments)
    if arguments.dry_run:
        return _show_plan(plan_cleanup(make_retention_settings(config)))
    with ProgressBar(sys.stderr, "archiving") as bar:
        report = clean_logs(config, bar.show)
    for log in report.logs:
        archives = ", ".join(log.archives) or ("nothing" if log.error else "nothing to archive")
        files = "1 file" if log.files == 1 else f"{log.files} files"
        print(f"{log.log}: {archives} ({files}, {log.bytes} bytes)")
        if log.error:
            print(f"{log.log}: not all could be archived: {log.error}")
    deleted = len(report.archives_deleted)
    print("Deleted 1 old archive." if deleted == 1 else f"Deleted {deleted} old archives.")
    print(f"{report.gain.capitalize()}.")
    _print_problems(report.problems)
    return FAILED if report.errors else 0


def _show_plan(plan: CleanupPlan) -> int:
    for log, files in plan.files.items():
        listed = ", ".join(f"{file.name} ({file.bytes} bytes)" for file in files)
        print(f"{log}: would archive {listed or 'nothing'}")
    for archive in plan.archives:
        print(f"Would delete {archive.name} ({archive.bytes} bytes).")
    print("Nothing was changed.")
    _print_problems(plan.problems)
    return 0


def _print_problems(problems: Sequence[str]) -> None:
    for problem in problems:
        note(problem)
