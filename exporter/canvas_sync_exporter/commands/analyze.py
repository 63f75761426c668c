"""``canvas-sync-monitor analyze``, also ``python analyze_canvas_logs.py``: what the logs say."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import msgspec

from canvas_sync_exporter.logs.analysis.analyze import analyze
from canvas_sync_exporter.logs.analysis.figures import make_report
from canvas_sync_exporter.logs.analysis.page import html_page
from canvas_sync_exporter.logs.analysis.records import Selection
from canvas_sync_exporter.logs.analysis.report import Report
from canvas_sync_exporter.logs.analysis.text import write_text
from canvas_sync_exporter.logs.strangers import strangers

from .options import TIMES, add_command, add_log_dir, add_period, log_folders, number, user_id
from .output import until_the_reader_leaves
from .progress_bar import ProgressBar

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Any) -> None:
    """Add the command to a command line."""
    more = "Reads live logs, backups and archives, in both formats."
    parser = add_command(subparsers, "analyze", run, more=more, epilog=TIMES)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="as JSON")
    form.add_argument("--html", action="store_true", help="as one HTML page with charts")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the report to a file")
    add_log_dir(parser)
    add_period(parser, since="only lines from then on", until="only lines before then")
    parser.add_argument("--user", type=user_id, metavar="ID", help="only lines of this user")
    parser.add_argument("--task", metavar="ID", help="only lines of the run with this task id")
    parser.add_argument(
        "--top", type=number(1, 100), default=10, metavar="N", help="rows in a list (10)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the command.

    Returns:
        The exit code.

    Raises:
        CanvasSyncMonitorError: The folder of the logs cannot be read, or a setting is wrong.
        OSError: The report cannot be written.
    """
    log_dir, archive_dir = log_folders(arguments)
    selection = Selection(arguments.since, arguments.until, arguments.user, arguments.task)
    with ProgressBar(sys.stderr) as bar:
        analysis = analyze(log_dir, archive_dir, selection, bar.show)
    analysis.problems += strangers(log_dir, archive_dir)
    report = make_report(analysis, log_dir, selection, arguments.top)
    with until_the_reader_leaves():
        _write(report, arguments)
    return 0


def _write(report: Report, arguments: argparse.Namespace) -> None:
    output: Path | None = arguments.output
    form = output.suffix if output and not (arguments.json or arguments.html) else ""
    if arguments.json or form == ".json":
        content = msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n"
    elif arguments.html or form in {".html", ".htm"}:
        content = html_page(report)
    elif output is None:
        write_text(report, sys.stdout)
        return
    else:
        with output.open("w", encoding="utf-8") as file:
            write_text(report, file)
        return
    if output is None:
        sys.stdout.write(content)
    else:
        output.write_text(content, encoding="utf-8")
