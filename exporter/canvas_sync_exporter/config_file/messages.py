"""The section ``[messages]``: what the exporter sends, and to whom."""

from __future__ import annotations

from dataclasses import dataclass, field

from .reports import ReportSettings, read_reports
from .table import Table

__all__ = ["MessageSettings", "read_messages"]


@dataclass(frozen=True, slots=True)
class MessageSettings:
    """What the exporter sends, and to whom.

    Attributes:
        reports: Which reports are made, and when.
    """

    reports: ReportSettings = field(default_factory=ReportSettings)


def read_messages(table: Table) -> MessageSettings:
    """Read the section."""
    settings = MessageSettings(reports=read_reports(table.table("reports")))
    table.reject_unknown()
    return settings
