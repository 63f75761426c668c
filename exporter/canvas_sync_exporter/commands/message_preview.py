"""``canvas-sync-monitor messages preview``: shows a message as an e-mail would."""

from __future__ import annotations

import argparse
import datetime as dt
import os
import re
import sys
from typing import Any, Final

from sqlalchemy import Engine

from canvas_sync_core.errors import CanvasSyncMonitorError, SettingsError
from canvas_sync_core.names import REPORT_KINDS, MessageKind
from canvas_sync_core.store.incidents.reading import IncidentFilter, incident_page
from canvas_sync_exporter.messages.channels.mail import mail_parts
from canvas_sync_exporter.messages.content import Content
from canvas_sync_exporter.messages.formats import Formats
from canvas_sync_exporter.messages.incident_content import IncidentWriter
from canvas_sync_exporter.messages.reports.periods import (
    ReportRequest,
    newest_report,
    report_about,
)
from canvas_sync_exporter.messages.reports.report import make_report
from canvas_sync_exporter.settings import Configuration, full_configuration

from .databases import reading_database
from .options import add_command
from .output import until_the_reader_leaves
from .terminal import writable

__all__ = ["add_preview"]

_KINDS: Final = (*REPORT_KINDS, MessageKind.INCIDENT)
_MONTH: Final = re.compile(r"\d{4}-\d{2}")


def add_preview(group: Any) -> None:
    """Add the command to its group."""
    parser = add_command(
        group,
        "preview",
        _preview,
        "show a message as an e-mail would, with figures from the database",
        more="Nothing is sent.",
    )
    parser.add_argument(
        "kind",
        metavar="KIND",
        choices=list(_KINDS),
        help=f"a report ({', '.join(REPORT_KINDS)}), or incident for the newest one",
    )
    parser.add_argument(
        "--period",
        type=_date,
        metavar="DATE",
        help="the report on the day, week or month with this date, such as 2026-11-29 or 2026-11; "
        "by default the last one that was due",
    )
    parser.add_argument("--html", action="store_true", help="the HTML part instead of the text")


def _date(raw: str) -> dt.date:
    try:
        return dt.date.fromisoformat(f"{raw}-01" if _MONTH.fullmatch(raw) else raw)
    except ValueError:
        raise argparse.ArgumentTypeError("use a date such as 2026-11-29, or 2026-11") from None


def _preview(arguments: argparse.Namespace) -> int:
    """Print a message.

    Raises:
        CanvasSyncMonitorError: A setting is wrong, the database cannot be read, the period has not
            ended yet, or there is no incident.
    """
    config = full_configuration(os.environ)
    kind, now = MessageKind(arguments.kind), dt.datetime.now(dt.UTC)
    if kind is MessageKind.INCIDENT:
        if arguments.period is not None:
            raise SettingsError("--period: only reports have a period; leave it out")
        with reading_database(config) as engine:
            content = _newest_incident(engine, config, now)
    else:
        request = _request(kind, arguments.period, config, now)
        with reading_database(config) as engine:
            content = make_report(request, engine, config, now)
    parts = mail_parts(content)
    with until_the_reader_leaves():
        sys.stdout.write(writable(parts.html if arguments.html else parts.text, sys.stdout))
    return 0


def _newest_incident(engine: Engine, config: Configuration, now: dt.datetime) -> Content:
    newest = incident_page(engine, IncidentFilter(), 1).items
    if not newest:
        raise CanvasSyncMonitorError("There has been no incident, so there is no message to show.")
    settings = config.file.messages
    formats = Formats(settings.locale, settings.zone or config.app.timezone)
    return IncidentWriter(settings, formats).describe(newest[0], now)


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
