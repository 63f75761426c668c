"""The section ``[messages.reports]``: which reports are made, and when."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, time, tzinfo
from typing import Final, TypeVar

from canvas_sync_core.names import REPORT_KINDS, MessageKind

from .problems import did_you_mean
from .table import Table

__all__ = ["WEEKDAYS", "ReportSettings", "read_reports"]

WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_BUCKET_MINUTES: Final = 15
_DEFAULT_TIME: Final = time(7, 30)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ReportSettings:
    """Which reports are made, and when.

    Attributes:
        kinds: The reports that are made.
        at: The time of day at which they are made.
        weekday: The day on which the weekly ones are made; 0 is Monday. Their week ends with the
            midnight before.
        timezone: The time zone of days, weeks and months, and of all times in reports: that of all
            messages. The section does not have it.
    """

    kinds: frozenset[MessageKind] = field(default_factory=lambda: frozenset(REPORT_KINDS))
    at: time = _DEFAULT_TIME
    weekday: int = 0
    timezone: tzinfo | None = None

    @property
    def zone(self) -> tzinfo:
        """The time zone; UTC unless it was set."""
        return self.timezone or UTC


def read_reports(table: Table) -> ReportSettings:
    """Read the section."""
    defaults = ReportSettings()
    kinds = table.texts("kinds", _kind, '["daily", "weekly"]')
    settings = ReportSettings(
        kinds=defaults.kinds if kinds is None else frozenset(kinds),
        at=_default_to(table.parsed("at", _time_of_day, '"07:30"'), defaults.at),
        weekday=_default_to(table.parsed("weekday", _weekday, '"Mon"'), defaults.weekday),
    )
    table.reject_unknown()
    return settings


def _default_to(value: T | None, default: T) -> T:
    return default if value is None else value


def _kind(text: str) -> MessageKind:
    return _word(text, {kind.value: kind for kind in REPORT_KINDS}.__getitem__, REPORT_KINDS)


def _weekday(text: str) -> int:
    return _word(text[:1].upper() + text[1:].lower(), WEEKDAYS.index, WEEKDAYS)


def _word(text: str, find: Callable[[str], T], known: Iterable[str]) -> T:
    words = list(map(str, known))
    try:
        return find(text)
    except (LookupError, ValueError):
        hint = did_you_mean(text, words)
        raise ValueError(f"use one of {', '.join(words)}{hint}") from None


def _time_of_day(text: str) -> time:
    try:
        value = time.fromisoformat(text)
    except ValueError:
        raise ValueError("write a time of day such as 07:30") from None
    if value.tzinfo is not None:
        raise ValueError("write a time without a zone; `timezone` names the zone")
    if value.second or value.microsecond or value.minute % _BUCKET_MINUTES:
        raise ValueError("use a full, quarter or half hour, such as 07:30")
    return value
