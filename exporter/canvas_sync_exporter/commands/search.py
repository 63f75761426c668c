"""``canvas-sync-monitor search``: lines of the logs."""

from __future__ import annotations

import argparse
import sys
from contextlib import closing
from typing import Any

from canvas_sync_exporter.logs.search import LogSearch, Order, SearchNotes

from .line_filters import add_filters, line_filter
from .log_configuration import log_configuration
from .options import TIMES, add_command, add_limit, add_log_dir, add_period
from .output import LinePrinter, note, stop_if_output_closes
from .progress_bar import ProgressBar

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Any) -> None:
    """Add the command to a command line."""
    parser = add_command(
        subparsers,
        "search",
        run,
        more="A line must match all filters.",
        epilog=f"{TIMES} PATTERN has the syntax of RE2.",
    )
    add_filters(parser)
    add_period(parser, since="written at or after this time", until="written before then")
    parser.add_argument(
        "--oldest-first", action="store_true", help="show the oldest lines first, not the newest"
    )
    add_limit(parser, "lines", default=100, most=100_000)
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
    config, wanted = log_configuration(arguments), line_filter(arguments)
    bar = ProgressBar(sys.stderr)
    found = LogSearch(
        config.app.log_dir,
        config.archive_folder,
        wanted,
        limit=arguments.limit,
        order=Order.OLDEST if arguments.oldest_first else Order.NEWEST,
        on_progress=bar.show,
        zone=config.app.timezone,
    )
    printer = LinePrinter(sys.stdout, as_json=arguments.json)
    with closing(found), bar, stop_if_output_closes():
        for line in found:
            bar.hide()
            printer.print(line)
            printer.flush()
    _print_notes(found.notes, is_cut=found.cursor is not None, limit=arguments.limit)
    return 0


def _print_notes(notes: SearchNotes, *, is_cut: bool, limit: int) -> None:
    """Print notes about what the lines do not show."""
    if is_cut:
        note(f"stopped at --limit {limit}; there may be more")
    if count := notes.unreadable_lines:
        lines = "1 unreadable line" if count == 1 else f"{count} unreadable lines"
        note(lines)
    for problem in notes.problems:
        note(problem)
