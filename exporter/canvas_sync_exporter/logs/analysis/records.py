"""The fields that the analysis parses from a line, and the filter for lines."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import Annotated, Any, Final, TypeVar

import msgspec

from canvas_sync_exporter.logs.lines import Moment
from canvas_sync_exporter.logs.task_ids import ids_in_logs

__all__ = [
    "ApiRecord",
    "ApiRecordOfRun",
    "DbRecord",
    "DbRecordOfRun",
    "ErrorRecord",
    "ProgressRecord",
    "Record",
    "RunLine",
    "RunRecord",
    "RunRecordOfRun",
    "Selection",
    "bounded",
    "by_day",
    "is_nameless_end",
    "utc",
]


# Bounds, so that values in a damaged line cannot make a sum too large to store or show.
_Id = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_Number = Annotated[int, msgspec.Meta(ge=0, le=2**32)]
_AtLeastOne = Annotated[int, msgspec.Meta(ge=1, le=2**32)]
_Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e9)]
_Bytes = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
_Percent = Annotated[float, msgspec.Meta(ge=-1e6, le=1e6)]


class Record(msgspec.Struct, gc=False):
    """The fields of every line."""

    timestamp: Moment
    event: str = ""


class RunLine(Record, gc=False):
    """A line that belongs to a run."""

    task_id: str | None = None
    user_id: _Id | None = None


class ApiRecord(Record, gc=False):
    """A line of ``api_calls.log``, without its run: each field costs time on so many lines."""

    method: str = ""
    route: str = ""
    duration_seconds: _Seconds | None = None
    status_code: _Number | None = None
    error_class: str | None = None
    throttled: bool = False
    retries: _Number = 0
    backoff_seconds: _Seconds | None = None
    graphql_errors: _Number = 0
    count: _Number = 1


class ApiRecordOfRun(ApiRecord, gc=False):
    """The same with its run, for filters by run."""

    task_id: str | None = None
    user_id: _Id | None = None


class DbRecord(Record, gc=False):
    """A line of ``database.log``, without its run."""

    operation: str = ""
    table: str = ""
    count: _Number = 0
    duration_seconds: _Seconds | None = None
    outcome: str = "success"
    operations: _AtLeastOne = 1
    longest_seconds: _Seconds | None = None


class DbRecordOfRun(DbRecord, gc=False):
    """The same with its run, for filters by run."""

    task_id: str | None = None
    user_id: _Id | None = None


class ErrorRecord(RunLine, gc=False):
    """A line of ``errors.log``."""

    course_id: _Id | None = None
    operation: str = "unknown"
    error_type: str = "unknown"
    error: str = ""
    error_traceback: tuple[str, ...] = ()


class ItemCount(msgspec.Struct, gc=False):
    """How many items of one kind a run handled."""

    processed: _Number = 0


class RunRecord(RunLine, gc=False):
    """A line of ``operations.log``."""

    sync_type: str | None = None
    status: str = ""
    duration_seconds: _Seconds | None = None
    step: str | None = None
    error_type: str | None = None
    error: str | None = None
    error_traceback: tuple[str, ...] = ()
    suspect_reasons: tuple[str, ...] = ()
    suspect_reason: str | None = None
    course_id: _Id | None = None
    canvas_host: str | None = None
    request_context_id: str | None = None
    items: dict[str, ItemCount] = {}
    api_calls: _Number = 0
    api_failed: _Number = 0
    api_throttled: _Number = 0
    api_retried: _Number = 0
    api_truncated: _Number = 0
    api_seconds: _Seconds = 0.0
    api_items: _Number | None = None
    api_bytes: _Bytes | None = None
    db_operations: _Number = 0
    db_failed: _Number = 0
    db_seconds: _Seconds = 0.0


class RunRecordOfRun(RunRecord, gc=False):
    """The same with its run, for filters by run."""


class ProgressRecord(RunLine, gc=False):
    """A line of ``progress.log``."""

    percent: _Percent = 0.0
    progress_message: str = ""


_Record = TypeVar("_Record", bound=Record)
_MAX_TRACEBACK_LINES: Final = 20
_LONGEST_TRACEBACK_LINE: Final = 300
_TIMESTAMP: Final = attrgetter("timestamp")


@dataclass(frozen=True, slots=True)
class Selection:
    """A filter for lines; selects everything by default.

    Attributes:
        since: Lines from this time on.
        until: Lines before this time.
        user_id: Lines that name this user.
        task_id: Lines that name this run.
    """

    since: dt.datetime | None = None
    until: dt.datetime | None = None
    user_id: int | None = None
    task_id: str | None = None

    @property
    def is_by_time(self) -> bool:
        """Whether it selects a period."""
        return self.since is not None or self.until is not None

    @property
    def is_by_run(self) -> bool:
        """Whether it selects a user or a run."""
        return self.user_id is not None or self.task_id is not None

    def of(self, records: list[Any]) -> list[Any]:
        """Return the selected records. For a selection by run, the records must include their run.

        Ends that name no run are included, because only the matching start shows whose they are.
        """
        if self.since is not None:
            since = self.since
            records = [record for record in records if record.timestamp >= since]
        if self.until is not None:
            until = self.until
            records = [record for record in records if record.timestamp < until]
        if self.user_id is not None:
            user_id = self.user_id
            records = [
                record for record in records if record.user_id == user_id or is_nameless_end(record)
            ]
        if self.task_id is not None:
            ids = ids_in_logs(self.task_id)
            records = [
                record for record in records if record.task_id in ids or is_nameless_end(record)
            ]
        return records

    def covers(self, first: dt.datetime, last: dt.datetime) -> bool:
        """Return whether all of a period is selected, regardless of user and run."""
        return (self.since is None or first >= self.since) and (
            self.until is None or last < self.until
        )

    def misses(self, first: dt.datetime | None, last: dt.datetime | None) -> bool:
        """Return whether nothing of a period is selected; an unknown bound is None."""
        is_before = self.since is not None and last is not None and last < self.since
        return is_before or (self.until is not None and first is not None and first >= self.until)


def is_nameless_end(record: Any) -> bool:
    """Return whether a line is the end of a run without the run's id, as in old logs."""
    return (
        isinstance(record, RunRecord)
        and record.event == "run_ended"
        and record.task_id is None
        and record.duration_seconds is not None
    )


def utc(time: dt.datetime) -> dt.datetime:
    """Return a time in UTC; one outside the range of years keeps its clock time."""
    try:
        return time if time.tzinfo is dt.UTC else time.astimezone(dt.UTC)
    except OverflowError:
        return time.replace(tzinfo=dt.UTC)


def bounded(traceback: tuple[str, ...]) -> list[str]:
    """Return the innermost lines of a traceback, bounded in number and length."""
    return [line[:_LONGEST_TRACEBACK_LINE] for line in traceback[-_MAX_TRACEBACK_LINES:]]


def by_day(records: list[_Record]) -> Iterator[tuple[str, list[_Record]]]:
    """Group records by day in UTC, such as ``2025-12-22``."""
    records = sorted(records, key=_TIMESTAMP)
    start = 0
    while start < len(records):
        day = utc(records[start].timestamp).date()
        last = dt.datetime.combine(day, dt.time.max, dt.UTC)
        end = bisect_right(records, last, lo=start, key=lambda record: utc(record.timestamp))
        yield day.isoformat(), records[start:end]
        start = end
