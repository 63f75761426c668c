"""Makes a message to look at, with figures from the database, without sending it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from sqlalchemy import Engine

from canvas_sync_core.errors import CanvasSyncMonitorError, SettingsError
from canvas_sync_core.names import REPORT_KINDS, MessageKind
from canvas_sync_core.store.incidents.reading import IncidentFilter, incident_page
from canvas_sync_exporter.settings import Configuration

from .content import Content
from .formats import Formats
from .incident_content import IncidentWriter
from .reports.periods import ReportRequest, newest_report, report_about
from .reports.report import make_report

__all__ = ["PREVIEW_KINDS", "NoMessageError", "make_preview", "report_request"]

PREVIEW_KINDS: Final = (*REPORT_KINDS, MessageKind.INCIDENT)


class NoMessageError(CanvasSyncMonitorError):
    """There is nothing yet that a message of this kind could be about."""


def make_preview(
    kind: MessageKind, day: date | None, engine: Engine, config: Configuration, now: datetime
) -> Content:
    """Make a report, or the message about the newest incident.

    Args:
        kind: One of :data:`PREVIEW_KINDS`.
        day: A date of the report's period; None for the last report that was due. An incident has
            no period.
        engine: The database.
        config: The settings, with the configuration file.
        now: The current time.

    Raises:
        NoMessageError: There has been no incident.
        SettingsError: The report's period has not ended yet.
        CanvasSyncMonitorError: The database lacks a table, or the metric files are damaged.
    """
    if kind is MessageKind.INCIDENT:
        return _newest_incident(engine, config, now)
    return make_report(report_request(kind, day, config, now), engine, config, now)


def report_request(
    kind: MessageKind, day: date | None, config: Configuration, now: datetime
) -> ReportRequest:
    """Return which report is meant.

    Raises:
        SettingsError: Its period has not ended yet.
    """
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


def _newest_incident(engine: Engine, config: Configuration, now: datetime) -> Content:
    newest = incident_page(engine, IncidentFilter(), 1).items
    if not newest:
        raise NoMessageError("There has been no incident, so there is no message to show.")
    settings = config.file.messages
    formats = Formats(settings.locale, settings.zone or config.app.timezone)
    return IncidentWriter(formats, config.file.links).describe(newest[0], now)
