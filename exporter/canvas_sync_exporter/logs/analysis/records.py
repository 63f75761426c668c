"""What the analysis reads of a line, and which lines it wants."""

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


# Bounds, so that no sum of what a damaged line says is too large to be kept or shown.
_Id = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_Number = Annotated[int, msgspec.Meta(ge=0, le=2**32)]
_Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e9)]
_Percent = Annotated[float, msgspec.Meta(ge=-1e6, le=1e6)]


class Record(msgspec.Struct, gc=False):
    """What every line says."""

    timestamp: Moment
    event: str = ""


class RunLine(Record, gc=False):
    """A line that is known by its run."""

    task_id: str | None = None
    user_id: _Id | None = None


class ApiRecord(Record, gc=False):
    """A line of ``api_calls.log``, without its run: there are many, and each field costs time."""

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
    """The same, where lines are chosen by their run."""

    task_id: str | None = None
    user_id: _Id | None = None


class DbRecord(Record, gc=False):
    """A line of ``database.log``, without its run."""

    operation: str = ""
    table: str = ""
    count: _Number = 0
    duration_seconds: _Seconds | None = None
    outcome: str = "success"


class DbRecordOfRun(DbRecord, gc=False):
    """The same, where lines are chosen by their run."""

    task_id: str | None = None
    user_id: _Id | None = None


class ErrorRecord(RunLine, gc=False):
    """A line of ``errors.log``."""

    course_id: _Id | None = None
    operation: str = "unknown"
    error_type: str = "unknown"
    error: str = ""
    error_traceback: tuple[str, ...] = ()


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


class RunRecordOfRun(RunRecord, gc=False):
    """The same, where lines are chosen by their run."""


class ProgressRecord(RunLine, gc=False):
    """A line of ``progress.log``."""

    percent: _Percent = 0.0
    progress_message: str = ""


_Record = TypeVar("_Record", bound=Record)
_MOST_PLACES: Final = 20
_LONGEST_PLACE: Final = 300
_TIMESTAMP: Final = attrgetter("timestamp")


@dataclass(frozen=True, slots=True)
class Selection:
    """Which lines are wanted; everything by default.

    Attributes:
        since: Lines of this moment and later.
        until: Lines before this moment.
        user_id: Lines that name this user.
        task_id: Lines that name this run.
    """

    since: dt.datetime | None = None
    until: dt.datetime | None = None
    user_id: int | None = None
    task_id: str | None = None

    @property
    def is_by_time(self) -> bool:
        """Whether it asks for a period."""
        return self.since is not None or self.until is not None

    @property
    def is_by_run(self) -> bool:
        """Whether it asks for a user or a run."""
        return self.user_id is not None or self.task_id is not None

    def of(self, records: list[Any]) -> list[Any]:
        """Return those of the records that are wanted; each has its run if that is asked for.

        An end that names no run is among them: only its start tells whether it is one of a run that
        is asked for.
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
        """Return whether all of a period is wanted, as far as time goes."""
        return (self.since is None or first >= self.since) and (
            self.until is None or last < self.until
        )

    def misses(self, first: dt.datetime | None, last: dt.datetime | None) -> bool:
        """Return whether nothing of a period is wanted; a bound that is not known is None."""
        is_before = self.since is not None and last is not None and last < self.since
        return is_before or (self.until is not None and first is not None and first >= self.until)


def is_nameless_end(record: Any) -> bool:
    """Return whether a line is the end of a run that it does not name, as in old logs."""
    return (
        isinstance(record, RunRecord)
        and record.event == "run_ended"
        and record.task_id is None
        and record.duration_seconds is not None
    )


def utc(moment: dt.datetime) -> dt.datetime:
    """Return a moment in UTC; one that is beyond the years there, as its own clock told it."""
    try:
        return moment if moment.tzinfo is dt.UTC else moment.astimezone(dt.UTC)
    except OverflowError:
        return moment.replace(tzinfo=dt.UTC)


def bounded(traceback: tuple[str, ...]) -> list[str]:
    """Return the innermost places of a traceback, of a length that can be kept."""
    return [place[:_LONGEST_PLACE] for place in traceback[-_MOST_PLACES:]]


def by_day(records: list[_Record]) -> Iterator[tuple[str, list[_Record]]]:
    """Divide records by their days in UTC, such as ``2025-12-22``."""
    records = sorted(records, key=_TIMESTAMP)
    start = 0
    while start < len(records):
        day = utc(records[start].timestamp).date()
        last = dt.datetime.combine(day, dt.time.max, dt.UTC)
        end = bisect_right(records, last, lo=start, key=lambda record: utc(record.timestamp))
        yield day.isoformat(), records[start:end]
        start = end
