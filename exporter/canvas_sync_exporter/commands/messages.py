"""``canvas-sync-monitor messages``: the messages that the exporter sends."""

from __future__ import annotations

import argparse
import datetime as dt
import os
import re
import sys
from typing import Any, Final

from canvas_sync_core.errors import SettingsError
from canvas_sync_core.names import REPORT_KINDS, MessageKind
from canvas_sync_exporter.messages.content import Content
from canvas_sync_exporter.messages.formats import Formats
from canvas_sync_exporter.messages.reports.periods import (
    ReportRequest,
    newest_report,
    report_about,
)
from canvas_sync_exporter.messages.reports.report import make_report
from canvas_sync_exporter.settings import Configuration, full_configuration

from .content_lines import content_lines
from .databases import reading_database
from .options import add_command, add_group
from .output import Painter, until_the_reader_leaves
from .terminal import terminal_width, writable

__all__ = ["add_parser"]

_MONTH: Final = re.compile(r"\d{4}-\d{2}")


def add_parser(subparsers: Any) -> None:
    """Add the commands to a command line."""
    group = add_group(subparsers, "messages")
    preview = add_command(
        group,
        "preview",
        _preview,
        "show a report as it would be sent, with figures from the database",
        more="Nothing is sent.",
    )
    preview.add_argument("kind", metavar="KIND", choices=list(REPORT_KINDS), help=_kinds())
    preview.add_argument(
        "--period",
        type=_date,
        metavar="DATE",
        help="the report on the day, week or month with this date, such as 2026-11-29 or 2026-11; "
        "by default the last one that was due",
    )


def _kinds() -> str:
    return f"the report: {', '.join(REPORT_KINDS)}"


def _date(raw: str) -> dt.date:
    try:
        return dt.date.fromisoformat(f"{raw}-01" if _MONTH.fullmatch(raw) else raw)
    except ValueError:
        raise argparse.ArgumentTypeError("use a date such as 2026-11-29, or 2026-11") from None


def _preview(arguments: argparse.Namespace) -> int:
    """Print a report.

    Raises:
        CanvasSyncMonitorError: A setting is wrong, the database cannot be read, or the period has
            not ended yet.
    """
    config = full_configuration(os.environ)
    now = dt.datetime.now(dt.UTC)
    request = _request(MessageKind(arguments.kind), arguments.period, config, now)
    with reading_database(config) as engine:
        content = make_report(request, engine, config, now)
    with until_the_reader_leaves():
        _print(content)
    return 0


def _request(
    kind: MessageKind, day: dt.date | None, config: Configuration, now: dt.datetime
) -> ReportRequest:
    settings = config.reports
    if day is None:
        return newest_report(kind, settings, now)
    request = report_about(kind, settings, day)
    if request.due > now:
        due = Formats(settings.locale, settings.zone).moment(request.due)
        raise SettingsError(
            f"--period: the {kind} report on {request.period} is made on {due}; use an earlier date"
        )
    return request


def _print(content: Content) -> None:
    out = sys.stdout
    for line in content_lines(content, terminal_width(out), Painter(out)):
        print(writable(line, out))
