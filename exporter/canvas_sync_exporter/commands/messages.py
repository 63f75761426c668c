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
from canvas_sync_exporter.messages.channels.mail import mail_parts
from canvas_sync_exporter.messages.formats import Formats
from canvas_sync_exporter.messages.reports.periods import (
    ReportRequest,
    newest_report,
    report_about,
)
from canvas_sync_exporter.messages.reports.report import make_report
from canvas_sync_exporter.settings import Configuration, full_configuration

from .databases import reading_database
from .message_list import add_list
from .message_test import add_test
from .options import add_command, add_group
from .output import until_the_reader_leaves
from .terminal import writable

__all__ = ["add_parser"]

_MONTH: Final = re.compile(r"\d{4}-\d{2}")


def add_parser(subparsers: Any) -> None:
    """Add the commands to a command line."""
    group = add_group(subparsers, "messages")
    preview = add_command(
        group,
        "preview",
        _preview,
        "show a report as an e-mail would, with figures from the database",
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
    preview.add_argument("--html", action="store_true", help="the HTML part instead of the text")
    add_test(group)
    add_list(group)


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
    parts = mail_parts(content)
    with until_the_reader_leaves():
        sys.stdout.write(writable(parts.html if arguments.html else parts.text, sys.stdout))
    return 0


def _request(
    kind: MessageKind, day: dt.date | None, config: Configuration, now: dt.datetime
) -> ReportRequest:
    settings = config.reports
    if day is None:
        return newest_report(kind, settings, now)
    request = report_about(kind, settings, day)
    if request.due > now:
        due = Formats(config.file.messages.locale, settings.zone).moment(request.due)
        raise SettingsError(
            f"--period: the {kind} report on {request.period} is made on {due}; use an earlier date"
        )
    return request
