"""``canvas-sync-monitor search``: lines of the logs, newest first."""

from __future__ import annotations

import argparse
import sys
from contextlib import closing
from typing import Any, Final

from canvas_sync_core.names import DISTRIBUTION, LINE_LEVELS, Log
from canvas_sync_exporter.logs.search import LineFilter, LogSearch, SearchNotes, compile_pattern

from .options import (
    TIMES,
    add_command,
    add_log_dir,
    add_period,
    log_configuration,
    number,
    user_id,
)
from .output import LinePrinter, until_the_reader_leaves
from .progress_bar import ProgressBar

__all__ = ["add_parser", "run"]

_MAX_LIMIT: Final = 100_000


def add_parser(subparsers: Any) -> None:
    """Add the command to a command line."""
    parser = add_command(
        subparsers,
        "search",
        run,
        more="A line must match all filters.",
        epilog=f"{TIMES} PATTERN has the syntax of RE2.",
    )
    words = parser.add_mutually_exclusive_group()
    words.add_argument("text", nargs="?", metavar="TEXT", help="text that the line contains")
    words.add_argument(
        "--regex", type=_pattern, metavar="PATTERN", help="regular expression in the line"
    )
    _add_filters(parser)
    parser.add_argument(
        "--limit",
        type=number(1, _MAX_LIMIT),
        default=100,
        metavar="N",
        help="maximum number of lines (100)",
    )
    add_log_dir(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object per line")


def _add_filters(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--log", action="append", choices=list(Log), help="in this log; may be repeated")
    add("--level", type=str.upper, choices=LINE_LEVELS, help="of this level")
    add("--user", type=user_id, metavar="ID", help="of this user")
    add("--course", type=user_id, metavar="ID", help="of this course")
    add("--task", metavar="ID", help="of the run with this task id")
    add("--trace", metavar="ID", help="of this trace")
    add(
        "--status",
        help="HTTP status, class of a failed request (timeout), status of a run (failed), or "
        "outcome of a database operation",
    )
    add("--route", help="Canvas route template, such as /api/v1/courses/:course_id")
    add_period(parser, since="written at or after this time", until="written before then")


def run(arguments: argparse.Namespace) -> int:
    """Run the command.

    Returns:
        The exit code.

    Raises:
        CanvasSyncMonitorError: The folder of the logs cannot be read, or a setting is wrong.
        OSError: A file cannot be read.
    """
    config, wanted = log_configuration(arguments), _wanted(arguments)
    bar = ProgressBar(sys.stderr)
    found = LogSearch(
        config.app.log_dir,
        config.archive_folder,
        wanted,
        limit=arguments.limit,
        on_progress=bar.show,
        zone=config.app.timezone,
    )
    printer = LinePrinter(sys.stdout, as_json=arguments.json)
    with closing(found), bar, until_the_reader_leaves():
        for line in found:
            bar.hide()
            printer.print(line)
            printer.flush()
    _tell(found.notes, is_cut=found.cursor is not None, limit=arguments.limit)
    return 0


def _wanted(arguments: argparse.Namespace) -> LineFilter:
    return LineFilter(
        text=arguments.text,
        pattern=arguments.regex,
        logs=tuple(Log(log) for log in dict.fromkeys(arguments.log or Log)),
        level=arguments.level,
        user_id=arguments.user,
        course_id=arguments.course,
        task_id=arguments.task,
        trace_id=arguments.trace,
        status=arguments.status,
        route=arguments.route,
        since=arguments.since,
        until=arguments.until,
    )


def _tell(notes: SearchNotes, *, is_cut: bool, limit: int) -> None:
    """Return notes about what the lines do not show."""
    if is_cut:
        print(f"{DISTRIBUTION}: stopped at --limit {limit}; there may be more", file=sys.stderr)
    if notes.unreadable_lines:
        print(f"{DISTRIBUTION}: {notes.unreadable_lines} lines unreadable", file=sys.stderr)
    for problem in notes.problems:
        print(f"{DISTRIBUTION}: {problem}", file=sys.stderr)


def _pattern(raw: str) -> Any:
    try:
        return compile_pattern(raw)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
