"""The section ``[syncs.<type>]``: what is expected of each sync type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta, tzinfo

from canvas_sync_core.names import ITEMS
from canvas_sync_exporter.schedules.cron import CronSchedule, parse_cron
from canvas_sync_exporter.schedules.durations import format_duration
from canvas_sync_exporter.schedules.hours import WeeklyHours, parse_hours
from canvas_sync_exporter.schedules.sync_types import NAME_HINT, is_sync_type

from .table import Table

__all__ = ["SyncSettings", "read_syncs"]


@dataclass(frozen=True, slots=True)
class SyncSettings:
    """What is expected of a sync type; None where nothing is configured.

    Attributes:
        zone: The time zone of schedule and hours.
        schedule: When runs start; excludes ``every``.
        every: The interval between runs.
        hours: The hours of the week in which they run at that interval.
        grace: How late a run may start.
        max_duration: How long a run may take.
        max_age: How old items may get, by kind.
    """

    zone: tzinfo
    schedule: CronSchedule | None = None
    every: timedelta | None = None
    hours: WeeklyHours | None = None
    grace: timedelta | None = None
    max_duration: timedelta | None = None
    max_age: Mapping[str, timedelta] = field(default_factory=dict)


def read_syncs(table: Table, zone: tzinfo) -> dict[str, SyncSettings]:
    """Read the section.

    Args:
        table: Its table.
        zone: The default time zone.
    """
    found = {}
    for name, each in table.named_tables():
        if not is_sync_type(name):
            each.wrong_table(f"{name[:80]!r} cannot be a sync type: {NAME_HINT}")
        found[name] = _read_sync(each, zone)
    return found


def _read_sync(table: Table, default_zone: tzinfo) -> SyncSettings:
    zone = table.zone("timezone") or default_zone
    settings = SyncSettings(
        zone=zone,
        schedule=table.parsed("schedule", lambda text: parse_cron(text, zone), '"0 2 * * *"'),
        every=table.duration("every"),
        hours=table.parsed("hours", parse_hours, '"Mon-Fri 07:00-19:00"'),
        grace=table.duration("grace"),
        max_duration=table.duration("max_duration"),
        max_age=_read_max_age(table.table("max_age")),
    )
    table.reject_unknown()
    _check(table, settings)
    return settings


def _read_max_age(table: Table) -> dict[str, timedelta]:
    ages = {item: table.duration(item) for item in ITEMS}
    table.reject_unknown()
    return {item: age for item, age in ages.items() if age is not None}


def _check(table: Table, settings: SyncSettings) -> None:
    if "schedule" in table and "every" in table:
        table.wrong("every", "write either `schedule` or `every`")
    if "hours" in table and "every" not in table:
        table.wrong("hours", 'it needs `every`, such as every = "15m"')
    if settings.hours and settings.every and settings.every >= settings.hours.shortest():
        shortest = format_duration(settings.hours.shortest())
        table.wrong(
            "every", f"no run would be due: the shortest window of `hours` is {shortest}; use less"
        )
