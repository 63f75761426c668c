"""The events of a sync: frozen records of what it did.

A tracker or a hook emits an event, and each sink turns it into its own output (a log line, a
metric, a span, a row). Events contain plain numbers and bounded names, but never a token, a name,
an e-mail address, a grade or a raw URL.

Times are seconds since the Unix epoch, durations are seconds. An event's ``time`` is its end.

Events are frozen msgspec structs. They are used like dataclasses, but take a fraction of the time
to create, and so do their classes, which each process creates when it starts.
"""

from __future__ import annotations

from .api import ApiCall, ApiCallDetail, GuardWaited, ListTruncated, ServerTime
from .database import DbOperation, DbOperationsSummed
from .run import (
    ErrorInfo,
    ErrorRecorded,
    Heartbeat,
    ItemCounts,
    ItemsRecorded,
    OutputRecorded,
    Progressed,
    RunContext,
    RunEnded,
    RunSnapshot,
    RunStarted,
    RunSuspected,
    RunWaiting,
    StepEnded,
    StepStarted,
)
from .upkeep import LogsCleaned

__all__ = [
    "ApiCall",
    "ApiCallDetail",
    "DbOperation",
    "DbOperationsSummed",
    "ErrorInfo",
    "ErrorRecorded",
    "Event",
    "GuardWaited",
    "Heartbeat",
    "ItemCounts",
    "ItemsRecorded",
    "ListTruncated",
    "LogsCleaned",
    "OutputRecorded",
    "Progressed",
    "RunContext",
    "RunEnded",
    "RunSnapshot",
    "RunStarted",
    "RunSuspected",
    "RunWaiting",
    "ServerTime",
    "StepEnded",
    "StepStarted",
]

Event = (
    RunStarted
    | Heartbeat
    | RunEnded
    | RunWaiting
    | RunSuspected
    | OutputRecorded
    | StepStarted
    | StepEnded
    | Progressed
    | ItemsRecorded
    | ApiCall
    | ListTruncated
    | GuardWaited
    | DbOperation
    | DbOperationsSummed
    | ErrorRecorded
    | LogsCleaned
)
