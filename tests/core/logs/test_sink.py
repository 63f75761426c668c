"""The log sink: what each event writes, in both formats."""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections import Counter
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from canvas_sync_core.events import ErrorRecorded, Event, Heartbeat, Progressed
from canvas_sync_core.logs.control import ControlPage
from canvas_sync_core.logs.retry import BackgroundRetry
from canvas_sync_core.logs.sink import LogSink
from canvas_sync_core.names import LOGS, Log, LogLevel
from canvas_sync_exporter.logs.human_lines import text_fields
from canvas_sync_exporter.logs.lines import LineReader
from support.lock_clock import LockClock
from support.logged_events import (
    ALL_DEBUG,
    ALL_INFO,
    CALL,
    CASES,
    CONTEXT,
    DETAILED,
    FAILURE,
    SNAPSHOT,
    STATED,
    TIME,
    Case,
    Sinks,
)


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
def test_the_text_format_writes_only_the_human_line(sinks: Sinks, case: Case) -> None:
    line = f"[2025-12-22 10:15:30] {case.human}\n".encode()
    assert sinks.written(case.event, "text") == {case.log: line}


def test_a_heartbeat_writes_nothing(sinks: Sinks) -> None:
    assert sinks.written(Heartbeat(CONTEXT, TIME, SNAPSHOT), "json") == {}


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
