"""``canvas-sync-monitor messages preview``: shows a message as an e-mail would."""

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
from canvas_sync_exporter.messages.previewing import PREVIEW_KINDS, make_preview, report_request
from canvas_sync_exporter.settings import full_configuration

from .databases import reading_database
from .options import add_command
from .output import stop_if_output_closes
from .terminal import writable

__all__ = ["add_preview"]

_MONTH: Final = re.compile(r"\d{4}-\d{2}")


def add_preview(group: Any) -> None:
    """Add the command to its group."""
    parser = add_command(
        group,
        "preview",
        _preview,
        "show a message as it would look in an e-mail, with figures from the database",
        more="Nothing is sent.",
    )
    parser.add_argument(
        "kind",
        metavar="KIND",
        choices=[each.value for each in PREVIEW_KINDS],
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
    if kind is MessageKind.INCIDENT and arguments.period is not None:
        raise SettingsError("--period: only reports have a period; leave it out")
    if kind is not MessageKind.INCIDENT:  # a wrong period needs no database
        report_request(kind, arguments.period, config, now)
    with reading_database(config) as engine:
        content = make_preview(kind, arguments.period, engine, config, now)
    parts = mail_parts(content)
    with stop_if_output_closes():
        sys.stdout.write(writable(parts.html if arguments.html else parts.text, sys.stdout))
    return 0
