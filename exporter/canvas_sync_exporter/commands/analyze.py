"""``canvas-sync-monitor analyze``, also ``python analyze_canvas_logs.py``: a report on the logs."""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from pathlib import Path
from typing import Any, Final, TextIO

import msgspec
from msgspec.structs import replace

from canvas_sync_core.errors import CanvasSyncMonitorError, SettingsError
from canvas_sync_core.files.modes import shared_opener
from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.analysis.analyze import Analysis, analyze
from canvas_sync_exporter.logs.analysis.figures import make_log_report
from canvas_sync_exporter.logs.analysis.judging import NOT_OF_SOME_RUNS, judge_analysis
from canvas_sync_exporter.logs.analysis.log_report import LogReport, Verdict
from canvas_sync_exporter.logs.analysis.records import Selection
from canvas_sync_exporter.logs.analysis.text import write_text
from canvas_sync_exporter.logs.irregular_files import irregular_files
from canvas_sync_exporter.settings import full_configuration

from . import EXIT_CODES
from .log_configuration import log_configuration
from .options import (
    TIMES,
    add_command,
    add_log_dir,
    add_period,
    moment,
    number,
    user_id,
)
from .output import stop_if_output_closes
from .progress_bar import ProgressBar

__all__ = ["ANALYZE_EXIT_CODES", "add_parser", "run"]

_FORMS: Final = {"": "text", ".txt": "text", ".json": "json", ".html": "html", ".htm": "html"}


_FAIL_ON: Final = {
    "warning": frozenset({"warning", "critical"}),
    "critical": frozenset({"critical"}),
}
"""Value of ``--fail-on`` -> levels of findings."""
_NEEDS_ATTENTION: Final = 3
_LATEST_NOW: Final = dt.datetime(9000, 1, 1, tzinfo=dt.UTC)
"""Later times leave no room for the due times that follow."""
ANALYZE_EXIT_CODES: Final = (
    f"{EXIT_CODES}, {_NEEDS_ATTENTION} something needs attention (--fail-on)"
)


class OutputError(CanvasSyncMonitorError):
    """The report cannot be written to its file."""


def add_parser(subparsers: Any) -> None:
    """Add the command to a command line."""
    more = "Reads live logs, backups and archives, in both formats."
    parser = add_command(
        subparsers, "analyze", run, more=more, epilog=TIMES, exit_codes=ANALYZE_EXIT_CODES
    )
    parser.set_defaults(complain=parser.error)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="as JSON")
    form.add_argument("--html", action="store_true", help="as one HTML page with charts")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the report to a file")
    add_log_dir(parser)
    add_period(
        parser, since="only lines at or after this time", until="only lines before this time"
    )
    parser.add_argument("--user", type=user_id, metavar="ID", help="only lines of this user")
    parser.add_argument("--task", metavar="ID", help="only lines of the run with this task id")
    parser.add_argument(
        "--top",
        type=number(1, 100),
        default=10,
        metavar="N",
        help="maximum number of rows in a list (10)",
    )
    parser.add_argument(
        "--fail-on",
        choices=tuple(_FAIL_ON),
        help=f"exit with {_NEEDS_ATTENTION} if something at least that severe needs attention",
    )
    parser.add_argument(
        "--now",
        type=moment,
        metavar="TIME",
        help="judge what happened, and what is missing, up to this time (--until, else now)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the command.

    Returns:
        The exit code.

    Raises:
        CanvasSyncMonitorError: The folder of the logs cannot be read, or a setting is wrong.
        OutputError: The report cannot be written to its file.
    """
    _refuse_what_cannot_be_judged(arguments)
    form = _form(arguments)
    config = log_configuration(arguments)
    log_dir, archive_dir = config.app.log_dir, config.archive_folder
    selection = Selection(arguments.since, arguments.until, arguments.user, arguments.task)
    now = arguments.now or dt.datetime.now(dt.UTC)
    with ProgressBar(sys.stderr) as bar:
        analysis = analyze(log_dir, archive_dir, selection, bar.show, zone=config.app.timezone)
    analysis.problems += irregular_files(log_dir, archive_dir)
    verdict = _judge(analysis, selection, arguments)
    report = make_log_report(analysis, log_dir, selection, arguments.top, verdict=verdict, now=now)
    with stop_if_output_closes():
        _write(report, form, arguments.output)
    levels = _FAIL_ON.get(arguments.fail_on, frozenset())
    return _NEEDS_ATTENTION if any(each.level in levels for each in report.attention) else 0


def _judge(analysis: Analysis, selection: Selection, arguments: argparse.Namespace) -> Verdict:
    """Judge the logs up to a time; whatever period is reported, all lines before that count."""
    if selection.is_by_run:
        return NOT_OF_SOME_RUNS
    try:
        config, problem = log_configuration(arguments, full_configuration), []
    except SettingsError as error:  # the report needs nothing of the configuration file
        config, problem = log_configuration(arguments), [f"With the configuration file: {error}"]
    until = Selection(until=arguments.now or selection.until)
    if selection != until:
        logs = frozenset({Log.OPERATIONS})
        zone = config.app.timezone
        analysis = analyze(config.app.log_dir, config.archive_folder, until, logs=logs, zone=zone)
    verdict = judge_analysis(analysis, config, _judged_until(arguments))
    return replace(verdict, not_judged=[*problem, *verdict.not_judged])


def _judged_until(arguments: argparse.Namespace) -> dt.datetime:
    """Return up to when to judge: what ``--until`` leaves open has not been missed yet."""
    given: dt.datetime | None = arguments.now
    until: dt.datetime | None = arguments.until
    now = dt.datetime.now(dt.UTC)
    return given or min(now, until or now)


def _refuse_what_cannot_be_judged(arguments: argparse.Namespace) -> None:
    if arguments.fail_on and (arguments.user is not None or arguments.task is not None):
        arguments.complain(
            "argument --fail-on: cannot be combined with --user or --task, which leave out runs "
            "that a verdict needs"
        )
    if arguments.now is not None and arguments.now >= _LATEST_NOW:
        arguments.complain(f"argument --now: use a time before the year {_LATEST_NOW.year}")


def _form(arguments: argparse.Namespace) -> str:
    """Choose the format, if necessary by the file name; anything else is wrong usage."""
    if arguments.json or arguments.html:
        return "json" if arguments.json else "html"
    ending = arguments.output.suffix.lower() if arguments.output else ""
    if ending not in _FORMS:
        endings = ", ".join(filter(None, _FORMS))
        arguments.complain(
            f"argument --output: {ending} is not a format of the report; use a name that ends "
            f"with one of {endings}, or choose the format with --json or --html"
        )
    return _FORMS[ending]


def _write(report: LogReport, form: str, output: Path | None) -> None:
    if output is None:
        _write_to(sys.stdout, report, form)
        return
    try:
        with open(output, "w", encoding="utf-8", opener=shared_opener) as file:
            _write_to(file, report, form)
    except OSError as error:
        raise OutputError(
            f"{output} cannot be written: {error.strerror}. Use --output with a file in a folder "
            "that exists and that you can write to"
        ) from error


def _write_to(file: TextIO, report: LogReport, form: str) -> None:
    if form == "json":
        file.write(msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n")
    elif form == "html":
        from canvas_sync_exporter.logs.analysis.page import html_page  # noqa: PLC0415 - slow

        file.write(html_page(report))
    else:
        write_text(report, file)
