"""Errors: what went wrong, where, for whom, when."""

from __future__ import annotations

import datetime as dt
from typing import Final

import msgspec

from canvas_sync_core.names import OTHER

from .counts import count, merge_counts
from .records import ErrorRecord, bounded, by_day, utc

__all__ = ["NEWEST", "ErrorSection", "Example"]

NEWEST: Final = 100
"""Number of errors to list; the newest ones."""

_LONGEST: Final = 500
_NOBODY: Final = -1  # stands for further users or courses when a table is full


class Example(msgspec.Struct, array_like=True):
    """One error."""

    timestamp: dt.datetime
    error_type: str
    operation: str
    error: str
    task_id: str | None
    user_id: int | None
    course_id: int | None
    traceback: list[str]


class ErrorSection(msgspec.Struct, array_like=True):
    """The summary of ``errors.log``."""

    types: dict[str, int] = msgspec.field(default_factory=dict)
    operations: dict[str, int] = msgspec.field(default_factory=dict)
    users: dict[int, int] = msgspec.field(default_factory=dict)
    courses: dict[int, int] = msgspec.field(default_factory=dict)
    days: dict[str, int] = msgspec.field(default_factory=dict)
    newest: list[Example] = msgspec.field(default_factory=list)
    unknown: dict[str, int] = msgspec.field(default_factory=dict)

    def add(self, records: list[ErrorRecord], first: dt.datetime, last: dt.datetime) -> None:
        """Add records from the period ``first`` to ``last``, in UTC."""
        errors = [record for record in records if record.event == "error"]
        for record in records:
            if record.event != "error":
                count(self.unknown, record.event, OTHER)
        for record in errors:
            count(self.types, record.error_type, OTHER)
            count(self.operations, record.operation, OTHER)
            if record.user_id is not None:
                count(self.users, record.user_id, _NOBODY)
            if record.course_id is not None:
                count(self.courses, record.course_id, _NOBODY)
        for day, part in by_day(errors):
            count(self.days, day, OTHER, len(part))
        newest = sorted(errors, key=lambda record: record.timestamp)[-NEWEST:]
        self._keep_newest([_example(record) for record in newest])

    def merge(self, newer: ErrorSection) -> None:
        """Add the summary of later lines."""
        merge_counts(self.types, newer.types, OTHER)
        merge_counts(self.operations, newer.operations, OTHER)
        merge_counts(self.users, newer.users, _NOBODY)
        merge_counts(self.courses, newer.courses, _NOBODY)
        merge_counts(self.days, newer.days, OTHER)
        merge_counts(self.unknown, newer.unknown, OTHER)
        self._keep_newest(newer.newest)

    def _keep_newest(self, examples: list[Example]) -> None:
        self.newest = sorted(self.newest + examples, key=lambda each: each.timestamp)[-NEWEST:]


def _example(record: ErrorRecord) -> Example:
    return Example(
        timestamp=utc(record.timestamp),
        error_type=record.error_type,
        operation=record.operation,
        error=record.error[:_LONGEST],
        task_id=record.task_id,
        user_id=record.user_id,
        course_id=record.course_id,
        traceback=bounded(record.error_traceback),
    )
