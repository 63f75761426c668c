"""Database operations: counts, rows, durations."""

from __future__ import annotations

import datetime as dt

import msgspec

from canvas_sync_core.names import OTHER
from canvas_sync_core.sketch import Sketch

from .counts import MOST_NAMES, count, merge_counts
from .records import DbRecord

__all__ = ["DbGroup", "DbSection", "Operations"]

DbGroup = tuple[str, str]
"""Operation and table."""


class Operations(msgspec.Struct, array_like=True):
    """The operations of one kind on one table; the text format lacks some durations."""

    count: int = 0
    failed: int = 0
    rows: int = 0
    durations: Sketch = msgspec.field(default_factory=Sketch)

    def merge(self, other: Operations) -> None:
        """Add another part."""
        self.count += other.count
        self.failed += other.failed
        self.rows += other.rows
        self.durations.merge(other.durations)


class DbSection(msgspec.Struct, array_like=True):
    """The summary of ``database.log``."""

    groups: dict[DbGroup, Operations] = msgspec.field(default_factory=dict)
    unknown: dict[str, int] = msgspec.field(default_factory=dict)

    def add(self, records: list[DbRecord], first: dt.datetime, last: dt.datetime) -> None:
        """Add records from the period ``first`` to ``last``, in UTC."""
        groups: dict[DbGroup, list[DbRecord]] = {}
        for record in records:
            if record.event == "db_operation":
                groups.setdefault((record.operation, record.table), []).append(record)
            elif record.event != "db_statement":  # the preceding line is the operation
                count(self.unknown, record.event, OTHER)
        for group, part in groups.items():
            found = self._operations(group)
            found.count += len(part)
            found.failed += sum(record.outcome != "success" for record in part)
            found.rows += sum(record.count for record in part)
            durations = [record.duration_seconds for record in part]
            found.durations.add([seconds for seconds in durations if seconds is not None])

    def merge(self, newer: DbSection) -> None:
        """Add the summary of later lines."""
        for group, operations in newer.groups.items():
            self._operations(group).merge(operations)
        merge_counts(self.unknown, newer.unknown, OTHER)

    def _operations(self, group: DbGroup) -> Operations:
        if group not in self.groups and len(self.groups) >= MOST_NAMES:
            group = (OTHER, OTHER)
        return self.groups.setdefault(group, Operations())
