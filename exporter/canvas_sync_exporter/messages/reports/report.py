"""Makes any report."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Engine

from canvas_sync_core.names import MessageKind
from canvas_sync_exporter.messages.content import Content
from canvas_sync_exporter.messages.formats import Formats
from canvas_sync_exporter.settings import Configuration

from .daily import daily_content, read_daily
from .failures import failures_content, read_failures
from .links import report_links
from .performance import performance_content, read_performance
from .periods import ReportRequest
from .trends import read_trends, trend_content

__all__ = ["make_report"]


def make_report(
    request: ReportRequest, engine: Engine, config: Configuration, now: datetime
) -> Content:
    """Make a report.

    Args:
        request: Which one, on which period.
        engine: The database with the runs and the incidents.
        config: The settings, with the configuration file.
        now: The current time.

    Raises:
        CanvasSyncMonitorError: The database lacks a table, or the metric files are damaged.
        OSError: The metric files cannot be read.
        SQLAlchemyError: The database is unreachable.
    """
    content = _make(request, engine, config, now)
    links = report_links(request, config.file.links.page_url, config.reports.zone)
    return replace(content, links=links)


def _make(request: ReportRequest, engine: Engine, config: Configuration, now: datetime) -> Content:
    formats = Formats(config.file.messages.locale, config.reports.zone)
    match request.kind:
        case MessageKind.DAILY:
            return daily_content(read_daily(request, engine, config, now), formats)
        case MessageKind.PERFORMANCE:
            return performance_content(read_performance(request, engine, config), formats)
        case MessageKind.FAILURES:
            return failures_content(read_failures(request, engine, config), formats)
        case _:
            return trend_content(read_trends(request, engine, config), formats)
