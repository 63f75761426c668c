"""``canvas-sync-monitor tail``: the newest lines of the logs, and those that follow."""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import closing
from typing import Any, Final

from canvas_sync_exporter.logs.tail import POLL_SECONDS, LogTail

from .line_filters import add_filters, line_filter
from .log_configuration import log_configuration
from .options import add_command, add_log_dir, number
from .output import LinePrinter, note, stop_if_output_closes

__all__ = ["add_parser", "run"]

_MAX_LINES: Final = 100_000


def add_parser(subparsers: Any) -> None:
    """Add the command to a command line."""
    parser = add_command(subparsers, "tail", run, epilog="Ctrl-C ends -f.")
    parser.add_argument(
        "-f",
        "--follow",
        action="store_true",
        help="keep showing new lines, through rotation and cleanup",
    )
    parser.add_argument(
        "-n",
        "--lines",
        type=number(0, _MAX_LINES),
        default=10,
        metavar="N",
        help="show the newest N lines (10)",
    )
    add_filters(parser)
    parser.set_defaults(since=None, until=None)
    add_log_dir(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object per line")


def run(arguments: argparse.Namespace) -> int:
    """Run the command.

    Returns:
        The exit code.

    Raises:
        CanvasSyncMonitorError: The folder of the logs cannot be read, or a setting is wrong.
        OSError: A file cannot be read.
    """
    config = log_configuration(arguments)
    tail = LogTail(
        config.app.log_dir,
        config.archive_folder,
        line_filter(arguments),
        lines=arguments.lines,
        zone=config.app.timezone,
    )
    printer = LinePrinter(sys.stdout, as_json=arguments.json)
    with closing(tail), stop_if_output_closes():
        for problem in tail.problems:
            note(problem)
        lines = tail.newest
        while True:
            for line in lines:
                printer.print(line)
            printer.flush()
            if not arguments.follow:
                break
            lines = tail.poll()
            if not lines:
                time.sleep(POLL_SECONDS)
    return 0
