"""The section ``[messages]``: what the exporter sends, and to whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Final

from canvas_sync_core.names import MessageKind
from canvas_sync_exporter.schedules.hours import WeeklyHours, parse_hours

from .channels import ChannelSettings, read_channels
from .reports import ReportSettings, read_reports
from .table import Table

__all__ = ["MessageSettings", "QuietHours", "read_messages"]

_DEFAULT_LOCALE: Final = "en_GB"


@dataclass(frozen=True, slots=True)
class QuietHours:
    """The hours of the week in which only critical incidents are worth a message."""

    hours: WeeklyHours
    zone: tzinfo

    def cover(self, time: datetime) -> bool:
        """Return whether a time is in them."""
        return self.hours.covers(time, self.zone)


@dataclass(frozen=True, slots=True)
class MessageSettings:
    """What the exporter sends, and to whom.

    Attributes:
        incidents: Whether the exporter sends messages about incidents; false if Alertmanager does.
        quiet_hours: When only critical incidents are worth a message; None for never.
        zone: The time zone of messages; None for the settings' one.
        locale: The language of numbers and dates.
        reports: Which reports are made, and when.
        channels: Where they go.
    """

    incidents: bool = True
    quiet_hours: QuietHours | None = None
    zone: tzinfo | None = None
    locale: str = _DEFAULT_LOCALE
    reports: ReportSettings = field(default_factory=ReportSettings)
    channels: tuple[ChannelSettings, ...] = ()

    @property
    def for_incidents(self) -> tuple[str, ...]:
        """The names of the destinations that receive messages about incidents."""
        return tuple(
            each.name
            for each in self.channels
            if self.incidents and MessageKind.INCIDENT in each.audience.kinds
        )


def read_messages(
    table: Table, default_zone: tzinfo, environ: Mapping[str, str]
) -> MessageSettings:
    """Read the section.

    Args:
        table: Its table.
        default_zone: The time zone if the section names none.
        environ: Where to look up variables that hold secrets.
    """
    zone = table.zone("timezone")
    hours = table.parsed("quiet_hours", _quiet_hours, '"Mon-Fri 20:00-07:00, Sat-Sun 00:00-24:00"')
    settings = MessageSettings(
        incidents=table.flag("incidents") is not False,
        quiet_hours=None if hours is None else QuietHours(hours, zone or default_zone),
        zone=zone,
        locale=table.parsed("locale", _locale, '"de_DE"') or _DEFAULT_LOCALE,
        reports=read_reports(table.table("reports")),
        channels=read_channels(table, environ),
    )
    table.reject_unknown()
    return settings


def _quiet_hours(text: str) -> WeeklyHours:
    instead = 'to receive critical incidents only, write severities = "critical" for a destination'
    return parse_hours(text, instead=instead)


def _locale(text: str) -> str:
    from babel import Locale, UnknownLocaleError  # noqa: PLC0415 - few files have this key

    try:
        return str(Locale.parse(text.strip(), sep="-" if "-" in text else "_"))
    except (ValueError, UnknownLocaleError):
        raise ValueError("write a language, or a language and a country, such as de_DE") from None
