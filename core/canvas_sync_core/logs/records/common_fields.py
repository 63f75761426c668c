"""What all log records share: their common fields, and how levels and errors are written."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple, Protocol

from canvas_sync_core.asynchronous import raise_if_asynchronous
from canvas_sync_core.events import (
    DbOperation,
    ErrorInfo,
    Event,
    LogsCleaned,
    RunContext,
    StepEnded,
)
from canvas_sync_core.files.sanitizing import escape_controls
from canvas_sync_core.identifiers import getpid
from canvas_sync_core.names import Log
from canvas_sync_core.schema.log_records import LOG_EVENTS, Record

__all__ = [
    "DEBUG",
    "ERROR",
    "INFO",
    "WARNING",
    "CommonFields",
    "RecordRule",
    "always",
    "error_fields",
    "error_level",
    "record_rule",
]

DEBUG: Final = "DEBUG"
INFO: Final = "INFO"
WARNING: Final = "WARNING"
ERROR: Final = "ERROR"

_LINES: Final = {event.record: (event.log.value, name) for name, event in LOG_EVENTS.items()}
"""Record type -> the log and the event name of its lines."""

_NO_CONTEXT: Final = (None, None, None, None, None, None)
CommonValues = tuple[
    str,
    str,
    str,
    str,
    str,
    str | None,
    int | None,
    int | None,
    str | None,
    str | None,
    str | None,
    str,
    int,
]


class _Logged(Protocol):
    """The attributes that all events share."""

    @property
    def context(self) -> RunContext | None: ...

    @property
    def time(self) -> float: ...


class RecordRule(NamedTuple):
    """How the events of one type become records.

    Attributes:
        log: The log that they belong to.
        level: Returns the level of an event.
        make: Returns the record of an event; None if there is nothing to log.
    """

    log: Log
    level: Callable[[Any], str]
    make: Callable[[Any], Record | None]


class CommonFields:
    """Makes the common fields of records.

    Args:
        host: Name of this machine or container.
        zone: Time zone of the times in human-readable lines.
    """

    def __init__(self, host: str, zone: dt.tzinfo) -> None:
        self._zone = zone
        self._host = host
        self._pid = getpid()
        self._second = (-1, "", "")

    def after_fork_in_child(self) -> None:
        """Write the child's process id from now on."""
        self._pid = getpid()

    def times(self, seconds: float) -> tuple[str, str]:
        """Return a Unix time as RFC 3339 with microseconds, and as human-readable lines show it."""
        second, microsecond = divmod(int(seconds * 1_000_000), 1_000_000)
        known = self._second
        if known[0] != second:
            machine = _clock(second, dt.UTC)
            human = machine if self._zone is dt.UTC else _clock(second, self._zone)
            known = self._second = (second, machine, f"[{human.replace('T', ' ')}]")
        digits = str(1_000_000 + microsecond)[1:]  # a format with zeros takes longer
        return f"{known[1]}.{digits}Z", known[2]

    def of(self, event: _Logged, level: str, record: type[Record], human: str) -> CommonValues:
        """Return the common fields of an event's record, in order."""
        timestamp, clock = self.times(event.time)
        message = escape_controls(f"{clock} {human}")
        log, name = _LINES[record]
        context = event.context
        if context is None:
            return (
                timestamp,
                level,
                log,
                name,
                message,
                *_NO_CONTEXT,
                self._host,
                self._pid,
            )
        return (
            timestamp,
            level,
            log,
            name,
            message,
            context.task_id,
            context.user_id,
            context.course_id,
            context.sync_type,
            context.trace_id,
            context.span_id or None,
            self._host,
            self._pid,
        )


def record_rule(
    record: type[Record], level: Callable[[Any], str], make: Callable[[Any], Record | None]
) -> RecordRule:
    """Return how events become records of the type ``record``, in the log of that type."""
    log, _ = _LINES[record]
    return RecordRule(Log(log), level, make)


def error_fields(error: ErrorInfo | None) -> tuple[str | None, str | None, tuple[str, ...]]:
    """Return the fields that describe an error: its class, message and traceback."""
    return (None, None, ()) if error is None else (error.error_type, error.message, error.traceback)


def always(level: str) -> Callable[[Event], str]:
    """Return the level of events whose level does not depend on their values."""
    return lambda _event: level


def error_level(event: StepEnded | LogsCleaned | DbOperation) -> str:
    """Return the level of an event that is either a success or an error."""
    return INFO if event.error is None else ERROR


def _clock(second: int, zone: dt.tzinfo) -> str:
    """Return what a clock shows; in UTC where the zone's clock would leave the years 1 to 9999."""
    if zone is not dt.UTC:
        try:
            return dt.datetime.fromtimestamp(second, zone).strftime("%Y-%m-%dT%H:%M:%S")
        except (OverflowError, ValueError, OSError) as error:
            raise_if_asynchronous(error)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
