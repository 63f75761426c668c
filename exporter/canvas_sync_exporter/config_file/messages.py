"""The section ``[messages]``: what the exporter sends, and to whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .channels import ChannelSettings, read_channels
from .reports import ReportSettings, read_reports
from .table import Table

__all__ = ["MessageSettings", "read_messages"]


@dataclass(frozen=True, slots=True)
class MessageSettings:
    """What the exporter sends, and to whom.

    Attributes:
        reports: Which reports are made, and when.
        channels: Where they go.
    """

    reports: ReportSettings = field(default_factory=ReportSettings)
    channels: tuple[ChannelSettings, ...] = ()


def read_messages(table: Table, environ: Mapping[str, str]) -> MessageSettings:
    """Read the section.

    Args:
        table: Its table.
        environ: Where to look up variables that hold secrets.
    """
    settings = MessageSettings(
        reports=read_reports(table.table("reports")),
        channels=read_channels(table, environ),
    )
    table.reject_unknown()
    return settings
