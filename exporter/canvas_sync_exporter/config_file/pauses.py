"""The section ``[[pauses]]``: planned periods in which no runs are expected."""

from __future__ import annotations

from datetime import tzinfo
from itertools import combinations

from canvas_sync_exporter.schedules.pause import Pause, clean_reason

from .table import Table

__all__ = ["read_pauses"]

_DATE = "write a date such as 2026-12-19"


def read_pauses(tables: list[Table], zone: tzinfo) -> tuple[Pause, ...]:
    """Read the section and return the pauses, ordered by start.

    Args:
        tables: One for each pause.
        zone: The default time zone.
    """
    pauses = [(table, pause) for table in tables if (pause := _read_pause(table, zone))]
    pauses.sort(key=lambda each: (each[1].start, each[1].end))
    for (first_table, first), (second_table, second) in combinations(pauses, 2):
        if second.start < first.end and _share_a_sync(first, second):
            second_table.wrong_table(
                f"it overlaps the pause on line {first_table.line}; merge them, or change its "
                "`from` or `until`"
            )
    return tuple(pause for _, pause in pauses)


def _read_pause(table: Table, default_zone: tzinfo) -> Pause | None:
    names = table.sync_types("syncs")
    zone = table.zone("timezone") or default_zone
    start, end = table.time("from", zone), table.time("until", zone)
    reason = table.parsed("reason", clean_reason, '"winter break"')
    table.reject_unknown()
    if names == []:
        table.wrong("syncs", "it is empty; leave `syncs` out to pause all sync types")
    for key in ("from", "until"):
        if key not in table:
            table.wrong_table(f"`{key}` is missing; {_DATE}")
    if "reason" not in table:
        table.wrong_table("`reason` is missing; say why you pause, for anyone who asks later")
    if start is None or end is None:
        return None
    if end <= start:
        table.wrong("until", "it must be after `from`; a date means midnight at its start")
        return None
    return Pause(frozenset(names or ()), start, end, reason or "")


def _share_a_sync(first: Pause, second: Pause) -> bool:
    if not first.sync_types or not second.sync_types:
        return True
    return bool(first.sync_types & second.sync_types)
