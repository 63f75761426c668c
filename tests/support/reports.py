"""What the tests of reports share."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Engine

from canvas_sync_core.names import REPORT_KINDS, MessageKind
from canvas_sync_core.store.database import open_engine
from canvas_sync_exporter.config_file.config_file import ConfigFile
from canvas_sync_exporter.messages.content import Content, Section
from canvas_sync_exporter.messages.reports.periods import report_about
from canvas_sync_exporter.messages.reports.report import make_report
from canvas_sync_exporter.settings import Configuration, configuration

__all__ = ["all_reports", "make", "rows", "section", "settings", "utc"]


def utc(text: str) -> datetime:
    """A time in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def settings(folder: object, **file: Any) -> Configuration:
    """The settings of a school in Berlin, with these fields of the configuration file."""
    environ = {
        "CANVAS_SYNC_TIMEZONE": "Europe/Berlin",
        "CANVAS_SYNC_LOG_DIR": str(folder),
    }
    return dataclasses.replace(configuration(environ), file=ConfigFile(**file))


def make(
    kind: MessageKind, day: str, engine: Engine, config: Configuration, now: str = "2027-01-01"
) -> Content:
    """Make the report on the period that contains a date."""
    request = report_about(kind, config.reports, date.fromisoformat(day))
    return make_report(request, engine, config, utc(now))


def all_reports(database_url: str) -> str:
    """Make all reports on today's runs; return them as text."""
    config = configuration({"CANVAS_SYNC_DATABASE_URL": database_url})
    engine = open_engine(database_url)
    now = datetime.now(UTC)
    today, tomorrow = now.date(), now.date() + timedelta(days=1)
    try:
        requests = [
            report_about(kind, config.reports, tomorrow if kind is MessageKind.DAILY else today)
            for kind in REPORT_KINDS
        ]
        contents = [make_report(each, engine, config, now) for each in requests]
        assert all(content.sections for content in contents)
        return msgspec.json.encode(contents).decode()
    finally:
        engine.dispose()


def section(content: Content, title: str) -> Section:
    """The section with this title."""
    return next(each for each in content.sections if each.title == title)


def rows(content: Content, title: str) -> tuple[tuple[str, ...], ...]:
    """The rows of the table in the section with this title."""
    table = section(content, title).table
    assert table is not None
    return table.rows
