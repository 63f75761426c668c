"""Events with the lines that they write, and log sinks that write them."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import structs

from canvas_sync_core.events import (
    ApiCall,
    ApiCallDetail,
    DbOperation,
    DbOperationsSummed,
    ErrorInfo,
    ErrorRecorded,
    Event,
    GuardWaited,
    ItemCounts,
    ItemsRecorded,
    ListTruncated,
    LogsCleaned,
    OutputRecorded,
    Progressed,
    RunContext,
    RunEnded,
    RunSnapshot,
    RunStarted,
    RunSuspected,
    RunWaiting,
    ServerTime,
    StepEnded,
    StepStarted,
)
from canvas_sync_core.logs.sink import LogSink
from canvas_sync_core.names import ITEMS, Log, LogLevel, RunStatus

ALL_INFO = dict.fromkeys(Log, LogLevel.INFO)
ALL_DEBUG = dict.fromkeys(Log, LogLevel.DEBUG)
TIME = 1766398530.123456  # 2025-12-22 10:15:30.123456 UTC
CONTEXT = RunContext("nightly-42", 42, 123, "full", "4b" * 16, "00f067aa0ba902b7", sampled=True)
SNAPSHOT = RunSnapshot(
    task_id="nightly-42",
    user_id=42,
    course_id=123,
    sync_type="full",
    canvas_host="canvas.example.edu",
    status=RunStatus.RUNNING,
    start_time=TIME,
    end_time=None,
    duration=None,
    heartbeat=TIME,
    progress=0.0,
    step=None,
    error=None,
    items=dict.fromkeys(ITEMS, ItemCounts()),
    api_calls=0,
    api_failed=0,
    api_throttled=0,
    api_retried=0,
    api_seconds=0.0,
    db_operations=0,
    db_failed=0,
    db_seconds=0.0,
    trace_id="4b" * 16,
    host="worker-1",
    pid=1,
)
CALL = ApiCall(
    CONTEXT,
    TIME,
    0.1452,
    "GET",
    "/api/v1/courses/:course_id",
    "/api/v1/courses/123",
    "canvas.example.edu",
    200,
)
FAILURE = ErrorInfo("ConnectTimeout", "Connection timeout", ("sync:main:7", "sync:pages:9"))
CLEANUP = LogsCleaned(
    TIME, duration=1.5, files=3, archives_deleted=1, reclaimed_bytes=4096, error=None
)


def ended(status: RunStatus, error: ErrorInfo | None = None) -> RunEnded:
    return RunEnded(
        CONTEXT, TIME, structs.replace(SNAPSHOT, status=status, duration=2.5, error=error)
    )


def operation(**changes: Any) -> DbOperation:
    return structs.replace(DbOperation(CONTEXT, TIME, 0.0153, "CREATE", "Course", 2), **changes)


DETAILED = structs.replace(
    CALL,
    detail=ApiCallDetail(attempt=1, page=2, per_page=100, links=("current", "next")),
    server_time=ServerTime(0.003, 0.01, 0.002, 0.008),
)
STATED = operation(statement="INSERT INTO courses(id) VALUES(?)")


class Case(NamedTuple):
    """An event and what its line says; the human line without its time."""

    event: Event
    log: Log
    name: str
    level: str
    human: str


CASES: list[Case] = [
    Case(
        RunStarted(CONTEXT, TIME, SNAPSHOT),
        Log.OPERATIONS,
        "run_started",
        "INFO",
        "Sync Task: nightly-42, 42, started, running",
    ),
    Case(
        RunStarted(structs.replace(CONTEXT, user_id=None), TIME, SNAPSHOT),
        Log.OPERATIONS,
        "run_started",
        "INFO",
        "Sync Task: nightly-42, -, started, running",
    ),
    Case(
        RunWaiting(CONTEXT, TIME, structs.replace(SNAPSHOT, error=FAILURE)),
        Log.OPERATIONS,
        "run_waiting",
        "INFO",
        "Sync Task: nightly-42, 42, waiting, running",
    ),
    Case(
        RunSuspected(CONTEXT, TIME, ("few_items", "fast"), "few_items: 1; fast: 2"),
        Log.OPERATIONS,
        "run_suspect",
        "WARNING",
        "Sync Task: nightly-42, 42, suspect, few_items fast",
    ),
    Case(
        GuardWaited(CONTEXT, TIME, 0.8124, "3f2a91c0"),
        Log.API_CALLS,
        "guard_wait",
        "INFO",
        "WAIT 3f2a91c0 - Duration: 812.4ms",
    ),
    *[
        Case(
            ended(status, error),
            Log.OPERATIONS,
            "run_ended",
            level,
            f"Sync Task: nightly-42, 42, ended, {status.value}",
        )
        for status, level, error in (
            (RunStatus.SUCCESS, "INFO", None),
            (RunStatus.PARTIAL, "WARNING", None),
            (RunStatus.CANCELLED, "WARNING", None),
            (RunStatus.FAILED, "ERROR", FAILURE),
            (RunStatus.INTERRUPTED, "ERROR", None),
        )
    ],
    Case(
        StepStarted(CONTEXT, TIME, "courses"),
        Log.OPERATIONS,
        "step_started",
        "INFO",
        "Sync Step: courses, started, running",
    ),
    Case(
        StepEnded(CONTEXT, TIME, "courses", 1.5, None),
        Log.OPERATIONS,
        "step_ended",
        "INFO",
        "Sync Step: courses, ended, success - Duration: 1500.0ms",
    ),
    Case(
        StepEnded(CONTEXT, TIME, "courses", 1.5, FAILURE),
        Log.OPERATIONS,
        "step_ended",
        "ERROR",
        "Sync Step: courses, ended, failed - Duration: 1500.0ms",
    ),
    Case(
        ItemsRecorded(CONTEXT, TIME, "course", ItemCounts(12, 2, 10)),
        Log.OPERATIONS,
        "items",
        "INFO",
        "Courses: 12, 2, 10",
    ),
    Case(
        ItemsRecorded(CONTEXT, TIME, "enrollment", ItemCounts(3, 1, 1, 0, 1)),
        Log.OPERATIONS,
        "items",
        "WARNING",
        "Enrollments: 3, 1, 1",
    ),
    Case(
        OutputRecorded(CONTEXT, TIME, "stderr", "Traceback"),
        Log.OPERATIONS,
        "output",
        "INFO",
        "OUTPUT: Task: nightly-42 - stderr - Traceback",
    ),
    Case(
        CLEANUP,
        Log.OPERATIONS,
        "logs_cleaned",
        "INFO",
        "Log Cleanup: success - Files: 3 - Freed: 4096 bytes - Duration: 1500.0ms",
    ),
    Case(
        structs.replace(CLEANUP, error=ErrorInfo("CleanupFailed", "errors: disk full")),
        Log.OPERATIONS,
        "logs_cleaned",
        "ERROR",
        "Log Cleanup: failed - Files: 3 - Freed: 4096 bytes - Duration: 1500.0ms",
    ),
    *[
        Case(
            structs.replace(CALL, **changes),
            Log.API_CALLS,
            "api_call",
            level,
            f"GET /api/v1/courses/123 - Status: {outcome} - 145.2ms",
        )
        for changes, level, outcome in (
            ({}, "INFO", "200"),
            ({"retries": 1}, "WARNING", "200"),
            ({"status_code": 404}, "WARNING", "404"),
            ({"status_code": 429, "throttled": True}, "WARNING", "429"),
            ({"status_code": 503}, "ERROR", "503"),
            ({"status_code": None, "error_class": "timeout"}, "ERROR", "timeout"),
        )
    ],
    Case(
        ListTruncated(CONTEXT, TIME, "/api/v1/courses", 3),
        Log.API_CALLS,
        "list_truncated",
        "WARNING",
        "TRUNCATED /api/v1/courses - Count: 3",
    ),
    Case(
        operation(),
        Log.DATABASE,
        "db_operation",
        "INFO",
        "CREATE Course - Count: 2 - Duration: 15.3ms",
    ),
    Case(
        operation(operation="UPDATE", table="Assignment", count=340, batch=True),
        Log.DATABASE,
        "db_operation",
        "INFO",
        "UPDATE Assignment - Count: 340 - Batch: true - Duration: 15.3ms",
    ),
    Case(
        operation(operation="UPDATE", table="Assignment", count=340, batch=True, duration=0.0),
        Log.DATABASE,
        "db_operation",
        "INFO",
        "UPDATE Assignment - Count: 340 - Batch: true",
    ),
    Case(
        DbOperationsSummed(
            CONTEXT,
            TIME,
            duration=0.25,
            elapsed=0.5,
            longest=0.004,
            operation="UPDATE",
            table="Assignment",
            operations=592,
            count=1184,
            batch=True,
            system="sqlite",
        ),
        Log.DATABASE,
        "db_operation",
        "INFO",
        "UPDATE Assignment - Count: 1184 - Batch: true - Operations: 592 - Duration: 250.0ms",
    ),
    Case(
        operation(error=ErrorInfo("IntegrityError", "taken")),
        Log.DATABASE,
        "db_operation",
        "ERROR",
        "CREATE Course - Count: 2 - Duration: 15.3ms",
    ),
    Case(
        ErrorRecorded(CONTEXT, TIME, "api", FAILURE),
        Log.ERRORS,
        "error",
        "ERROR",
        "ERROR: Connection timeout - user_id: 42 - course_id: 123",
    ),
    Case(
        ErrorRecorded(structs.replace(CONTEXT, course_id=None), TIME, "api", FAILURE),
        Log.ERRORS,
        "error",
        "ERROR",
        "ERROR: Connection timeout - user_id: 42",
    ),
    Case(
        ErrorRecorded(None, TIME, "api", FAILURE),
        Log.ERRORS,
        "error",
        "ERROR",
        "ERROR: Connection timeout",
    ),
    Case(
        Progressed(CONTEXT, TIME, 10.0, "Processing courses"),
        Log.PROGRESS,
        "progress",
        "INFO",
        "PROGRESS: Task: nightly-42 - 10% - Processing courses",
    ),
]


class Sinks:
    """Makes log sinks in one folder and reads what they wrote."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.records: Counter[tuple[str, str]] = Counter()
        self._made: list[LogSink] = []

    def make(
        self, log_format: str, levels: Mapping[Log, LogLevel] = ALL_INFO, zone: dt.tzinfo = dt.UTC
    ) -> LogSink:
        sink = LogSink(
            self.folder,
            log_format,
            levels=levels,
            zone=zone,
            control_dir=self.folder / "state" / "control",
            host="worker-1",
            on_drop=self._refuse,
            on_record=lambda log, level: self.records.update([(log, level)]),
        )
        self._made.append(sink)
        return sink

    @staticmethod
    def _refuse(sink: str, reason: str, count: int = 1) -> None:
        raise AssertionError(f"{count} lines of {sink} lost: {reason}")

    def written(
        self, event: Event, log_format: str, levels: Mapping[Log, LogLevel] = ALL_INFO
    ) -> dict[Log, bytes]:
        """Return what an event adds to each log, for those that it changes."""
        sink = self.make(log_format, levels)
        before = {log: self._content(log) for log in Log}
        sink.handle(event)
        added = {log: self._content(log).removeprefix(before[log]) for log in Log}
        sink.close(0)
        return {log: content for log, content in added.items() if content}

    def _content(self, log: Log) -> bytes:
        file = self.folder / f"{log.value}.log"
        return file.read_bytes() if file.exists() else b""
