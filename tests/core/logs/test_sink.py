"""The log sink: what each event writes, in both formats."""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
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
    Heartbeat,
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
from canvas_sync_core.logs._record_maker import RecordMaker
from canvas_sync_core.logs.control import ControlPage
from canvas_sync_core.logs.retry import BackgroundRetry
from canvas_sync_core.logs.sink import LogSink
from canvas_sync_core.names import ITEMS, LOGS, Log, LogLevel, RunStatus
from canvas_sync_core.schema.log_records import COMMON_FIELDS, LOG_EVENTS, events_of, fields_of
from canvas_sync_exporter.logs.human_lines import text_fields
from canvas_sync_exporter.logs.lines import LineReader
from support.lock_clock import LockClock

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


@pytest.fixture
def sinks(tmp_path: Path) -> Sinks:
    return Sinks(tmp_path)


@pytest.fixture(scope="module")
def shared_sinks(tmp_path_factory: pytest.TempPathFactory) -> Sinks:
    return Sinks(tmp_path_factory.mktemp("logs"))


@pytest.mark.parametrize("case", CASES)
def test_each_event_writes_one_json_line_to_its_log(sinks: Sinks, case: Case) -> None:
    ((log, content),) = sinks.written(case.event, "json").items()
    assert log is case.log
    assert content.startswith(b'{"timestamp":"2025-12-22T10:15:30.123456Z",')
    assert content.count(b"\n") == 1
    record = json.loads(content)
    assert (record["log"], record["event"], record["level"]) == (log.value, case.name, case.level)
    assert record["message"] == f"[2025-12-22 10:15:30] {case.human}"
    assert sinks.records == Counter({(log.value, case.level): 1})


@pytest.mark.parametrize("case", CASES)
def test_the_text_format_writes_the_human_line_alone(sinks: Sinks, case: Case) -> None:
    line = f"[2025-12-22 10:15:30] {case.human}\n".encode()
    assert sinks.written(case.event, "text") == {case.log: line}


def test_the_listed_fields_and_events_are_those_that_are_written(sinks: Sinks) -> None:
    rich = structs.replace(
        CALL,
        status_code=None,
        error_class="other",
        throttled=True,
        auth_failure="forbidden",
        retries=1,
        backoff=0.5,
        cost=1.0,
        rate_limit_remaining=2.0,
        request_context_id="id",
        is_page=True,
        message="no",
        token="3f2a91c0",
        token_expired_at=TIME,
        server_time=ServerTime(0.1, 0.2, 0.3, 0.4),
        graphql_operation="Courses",
        graphql_errors=1,
        received_items=0,
        received_bytes=2,
    )
    stepped = structs.replace(
        SNAPSHOT,
        step="courses",
        error=FAILURE,
        request_context_id="id",
        api_truncated=1,
        api_wait_seconds=2.0,
        api_items=0,
        api_bytes=2,
    )
    events = [
        *[case.event for case in CASES],
        ErrorRecorded(CONTEXT, TIME, "api", FAILURE, "b5ac-11"),
        rich,
        structs.replace(rich, status_code=500),
        RunEnded(CONTEXT, TIME, stepped),
        ItemsRecorded(CONTEXT, TIME, "course", ItemCounts(), inferred=True),
        DETAILED,
        STATED,
    ]
    fields: dict[Log, set[str]] = {log: set() for log in Log}
    names: dict[Log, set[str]] = {log: set() for log in Log}
    for event in events:
        for log, content in sinks.written(event, "json", ALL_DEBUG).items():
            for record in map(json.loads, content.splitlines()):
                assert list(record)[: len(COMMON_FIELDS)] == list(COMMON_FIELDS)
                said = text_fields(log, record["message"]) or {}
                assert said["event"] == record["event"]
                known = {name for name, value in said.items() if value is not None}
                assert known <= set(LOG_EVENTS[record["event"]].record.__struct_fields__)
                fields[log] |= set(record)
                names[log].add(record["event"])
    assert fields == {log: set(fields_of(log)) for log in Log}
    assert names == {log: set(events_of(log)) for log in Log}


def test_the_end_of_a_dead_processs_run_names_that_process_and_no_span(sinks: Sinks) -> None:
    """The exporter writes it, which knows the run by its row alone."""
    dead = structs.replace(SNAPSHOT, status=RunStatus.INTERRUPTED, host="worker-2", pid=4711)
    event = RunEnded(structs.replace(CONTEXT, span_id=""), TIME, dead)
    record = json.loads(sinks.written(event, "json")[Log.OPERATIONS])
    assert (record["host"], record["pid"]) == ("worker-2", 4711)
    assert (record["trace_id"], record["span_id"]) == (CONTEXT.trace_id, None)


def test_the_end_of_a_run_tells_its_totals(sinks: Sinks) -> None:
    items = {**SNAPSHOT.items, "course": ItemCounts(12, 2, 9, 1)}
    snapshot = structs.replace(
        SNAPSHOT,
        status=RunStatus.FAILED,
        duration=2.5,
        progress=40.0,
        step="courses",
        error=FAILURE,
        items=items,
        api_calls=7,
        api_seconds=1.25,
        db_operations=3,
    )
    content = sinks.written(RunEnded(CONTEXT, TIME, snapshot), "json")[Log.OPERATIONS]
    record = json.loads(content)
    assert (record["status"], record["duration_seconds"], record["step"]) == (
        "failed",
        2.5,
        "courses",
    )
    assert (record["error_type"], record["error"]) == ("ConnectTimeout", "Connection timeout")
    assert record["items"]["course"] == {
        "processed": 12,
        "created": 2,
        "updated": 9,
        "unchanged": 1,
        "failed": 0,
    }
    assert (record["api_calls"], record["api_failed"], record["api_seconds"]) == (7, 0, 1.25)
    assert (record["db_operations"], record["progress"]) == (3, 40.0)


def test_a_call_outside_a_run_keeps_the_common_fields(sinks: Sinks) -> None:
    content = sinks.written(structs.replace(CALL, context=None), "json")[Log.API_CALLS]
    record = json.loads(content)
    assert list(record)[: len(COMMON_FIELDS)] == list(COMMON_FIELDS)
    assert (record["task_id"], record["user_id"], record["trace_id"]) == (None, None, None)


def test_a_heartbeat_writes_nothing(sinks: Sinks) -> None:
    assert sinks.written(Heartbeat(CONTEXT, TIME, SNAPSHOT), "json") == {}


def test_microseconds_are_there_when_they_are_zero(sinks: Sinks) -> None:
    content = sinks.written(structs.replace(CALL, time=1766398531.0), "json")[Log.API_CALLS]
    assert content.startswith(b'{"timestamp":"2025-12-22T10:15:31.000000Z",')


def test_logs_rotate_at_the_size_of_the_contract(sinks: Sinks) -> None:
    size, backups = LOGS[Log.ERRORS]
    log = sinks.folder / "errors.log"
    log.write_bytes((b"x" * 1023 + b"\n") * (size // 1024))
    sink = sinks.make("json")
    for _ in range(2):
        sink.handle(ErrorRecorded(CONTEXT, TIME, "api", FAILURE))
    sink.close(0)
    assert (sinks.folder / "errors.log.1").stat().st_size >= size
    assert log.read_bytes().count(b"\n") == 1
    assert backups == 10


def test_locked_logs_are_waited_for_once_and_not_tried_by_each_line(
    sinks: Sinks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stopped process holds all five; the end of a run that failed alone writes to three."""
    sink, attempts, clock = sinks.make("json"), [], LockClock(monkeypatch)
    generation, caller = ControlPage.generation, threading.get_ident()

    def attempt(page: ControlPage, timeout: float = 0.0) -> int:
        if threading.get_ident() == caller:
            attempts.append(page)
        return generation(page, timeout)

    monkeypatch.setattr(ControlPage, "generation", attempt)
    monkeypatch.setattr(BackgroundRetry, "start", lambda _: None)
    with ExitStack() as stopped:
        for log in Log:
            path = sinks.folder / "state" / "control" / f"{log.value}.log.control"
            page = ControlPage(path)
            stopped.enter_context(page.locked(1))
            stopped.enter_context(page.swapping())
        for case in CASES:
            sink.handle(case.event)
        assert 0 < clock.waited[caller] < 0.1
        attempts.clear()
        for case in CASES:
            sink.handle(case.event)
        assert not attempts
    monkeypatch.undo()
    assert sink.flush(600)


def test_close_delivers_and_later_lines_are_counted_as_dropped(tmp_path: Path) -> None:
    dropped: Counter[tuple[str, str]] = Counter()
    sink = LogSink(
        tmp_path,
        "json",
        levels=ALL_INFO,
        zone=dt.UTC,
        control_dir=tmp_path / "control",
        host="worker-1",
        on_drop=lambda sink, reason, count=1: dropped.update({(sink, reason): count}),
        on_record=lambda log, level: None,
    )
    sink.handle(CALL)
    assert sink.flush(0)
    sink.close(0)
    sink.handle(CALL)
    assert (tmp_path / "api_calls.log").read_bytes().count(b"\n") == 1
    assert dropped == Counter({("log", "closed"): 1})


anything = st.text(
    st.characters(codec=None, categories=None) | st.sampled_from('\n\r\x85\u2028\x1b\udc80"\\')
)


def as_utf8(text: str) -> str:
    """Return what UTF-8 can carry of a text: a lone surrogate becomes its escape."""
    return text.encode("utf-8", "backslashreplace").decode()


@given(task_id=anything, message=anything)
def test_any_text_makes_one_json_line_that_decodes_to_the_same_values(
    shared_sinks: Sinks, task_id: str, message: str
) -> None:
    event = Progressed(structs.replace(CONTEXT, task_id=task_id), TIME, 10.0, message)
    content = shared_sinks.written(event, "json")[Log.PROGRESS]
    assert len(content.decode().splitlines()) == 1
    assert content.endswith(b"\n")
    record = msgspec.json.decode(content)
    assert (record["task_id"], record["progress_message"]) == (as_utf8(task_id), as_utf8(message))


@given(task_id=anything, message=anything)
def test_any_text_makes_one_text_line(shared_sinks: Sinks, task_id: str, message: str) -> None:
    event = Progressed(structs.replace(CONTEXT, task_id=task_id), TIME, 10.0, message)
    content = shared_sinks.written(event, "text")[Log.PROGRESS].decode()
    assert len(content.splitlines()) == 1
    assert not set(content[:-1]) & {chr(code) for code in [*range(0x20), *range(0x7F, 0xA0)]}


@given(moment=st.floats(0, 4e9))
def test_any_moment_becomes_rfc_3339_with_microseconds(moment: float) -> None:
    record = RecordMaker("worker-1").makers[ApiCall].make(structs.replace(CALL, time=moment))
    assert record is not None
    decoded = datetime.fromisoformat(record.timestamp)
    assert abs(decoded.timestamp() - moment) < 0.000002
    assert len(record.timestamp) == len("2025-12-22T10:15:30.123456Z")


@pytest.mark.parametrize(
    ("level", "written"),
    [
        (LogLevel.INFO, {"INFO", "WARNING", "ERROR"}),
        (LogLevel.WARNING, {"WARNING", "ERROR"}),
        (LogLevel.ERROR, {"ERROR"}),
        (LogLevel.OFF, set()),
    ],
)
def test_a_log_has_the_lines_of_its_level_and_above(
    sinks: Sinks, level: LogLevel, written: set[str]
) -> None:
    sink = sinks.make("json", {**ALL_INFO, Log.API_CALLS: level, Log.PROGRESS: LogLevel.OFF})
    sink.handle(CALL)
    sink.handle(structs.replace(CALL, status_code=404))
    sink.handle(structs.replace(CALL, status_code=502))
    sink.handle(Progressed(CONTEXT, TIME, 10.0, "Processing courses"))
    log = sinks.folder / "api_calls.log"
    lines = log.read_bytes().splitlines() if log.exists() else []
    assert {json.loads(line)["level"] for line in lines} == written
    assert {level for _, level in sinks.records} == written
    assert not (sinks.folder / "progress.log").exists()


@pytest.mark.parametrize("case", CASES)
def test_an_event_is_chosen_by_the_level_of_its_line(case: Case) -> None:
    maker = RecordMaker("worker-1").makers[type(case.event)]
    record = maker.make(case.event)
    assert record is not None
    assert record.level == maker.level(case.event)


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_a_human_line_has_the_clock_of_the_installation_and_is_read_back(
    sinks: Sinks, log_format: str
) -> None:
    zone = ZoneInfo("America/St_Johns")
    sink = sinks.make(log_format, zone=zone)
    sink.handle(CALL)
    (line,) = (sinks.folder / "api_calls.log").read_bytes().splitlines()
    assert b"[2025-12-22 06:45:30] GET" in line
    record, is_whole = LineReader(Log.API_CALLS, dict[str, Any], zone).read_line(line)
    assert is_whole
    assert record is not None
    moment = record["timestamp"]
    moment = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    assert int(moment.timestamp()) == int(TIME)


@pytest.mark.parametrize(
    ("event", "log", "human", "fields"),
    [
        (
            DETAILED,
            Log.API_CALLS,
            "DETAIL GET /api/v1/courses/123 - Attempt: 2 - Page: 2 - Per page: 100"
            " - Links: current, next - Queue: 3.0ms - CPU: 12.0ms - Database: 8.0ms",
            {"attempt": 1, "page": 2, "per_page": 100, "links": ["current", "next"]},
        ),
        (
            STATED,
            Log.DATABASE,
            "DETAIL CREATE Course - SQL: INSERT INTO courses(id) VALUES(?)",
            {"statement": "INSERT INTO courses(id) VALUES(?)"},
        ),
    ],
)
def test_at_level_debug_a_second_line_says_more(
    sinks: Sinks, event: Event, log: Log, human: str, fields: dict[str, Any]
) -> None:
    sinks.make("json", ALL_DEBUG).handle(event)
    first, second = (sinks.folder / f"{log.value}.log").read_bytes().splitlines()
    record = json.loads(second)
    assert (json.loads(first)["level"], record["level"]) == ("INFO", "DEBUG")
    assert record["message"] == f"[2025-12-22 10:15:30] {human}"
    assert fields.items() <= record.items()
    assert text_fields(log, record["message"]) is not None


def test_at_level_info_an_event_with_details_writes_one_line(sinks: Sinks) -> None:
    assert sinks.written(DETAILED, "json")[Log.API_CALLS].count(b"\n") == 1
    assert sinks.written(STATED, "json")[Log.DATABASE].count(b"\n") == 1


def test_an_operation_that_is_summed_up_has_no_line_of_its_own(sinks: Sinks) -> None:
    assert sinks.written(operation(is_summed=True), "json") == {}
