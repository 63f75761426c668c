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

    def add(self, records: list[DbRecord]) -> None:
        """Add lines of one operation each."""
        self.count += len(records)
        self.failed += sum(record.outcome != "success" for record in records)
        self.rows += sum(record.count for record in records)
        durations = [record.duration_seconds for record in records]
        self.durations.add([seconds for seconds in durations if seconds is not None])

    def add_sum(self, record: DbRecord) -> None:
        """Add a line that sums up several operations.

        Count, rows, total and maximum stay exact. The line does not say how the other durations are
        distributed, so each counts as their average.
        """
        self.count += record.operations
        self.failed += record.operations if record.outcome != "success" else 0
        self.rows += record.count
        total, others, longest = record.duration_seconds, record.operations, record.longest_seconds
        if total is None:
            return
        if longest is not None and longest <= total:
            self.durations.add([longest])
            total, others = total - longest, others - 1
        self.durations.add_repeated(total / others, others)

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
            found.add([record for record in part if record.operations == 1])
            for record in part:
                if record.operations > 1:
                    found.add_sum(record)

    def merge(self, newer: DbSection) -> None:
        """Add the summary of later lines."""
        for group, operations in newer.groups.items():
            self._operations(group).merge(operations)
        merge_counts(self.unknown, newer.unknown, OTHER)

    def _operations(self, group: DbGroup) -> Operations:
        if group not in self.groups and len(self.groups) >= MOST_NAMES:
            group = (OTHER, OTHER)
        return self.groups.setdefault(group, Operations())
