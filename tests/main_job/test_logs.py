"""Each of the five logs, as JSON and as text."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime

import pytest

from canvas_sync_core.names import Log
from canvas_sync_core.schema.log_records import COMMON_FIELDS, events_of, fields_of
from support.evidence import Evidence
from support.parts import PARTS

_NOT_IN_A_ROUND = {
    *("api_call_detail", "db_statement", "guard_wait", "output", "run_suspect", "run_waiting")
}
"""Events of the level DEBUG, and of syncs that wait for the quota, have a history, or are tried
again by Celery."""
TEXT = {
    Log.OPERATIONS: [
        r"Sync Task: earlier, 48, started, running",
        r"Sync Task: earlier, 48, ended, success",
        r"Courses: 2, 2, 0",
    ],
    Log.API_CALLS: [
        r"GET /api/v1/courses - Status: 200 - [0-9.]+ms",
        r"GET /api/v1/courses/115/students/submissions - Status: 200 - [0-9.]+ms",
    ],
    Log.DATABASE: [r"INSERT courses - Count: 2 - Batch: true - Duration: [0-9.]+ms"],
    Log.ERRORS: [r"ERROR: No mail to \[removed\], Bearer \[removed\] - user_id: 48"],
    Log.PROGRESS: [r"PROGRESS: Task: earlier - 10% - Processing courses"],
}


@pytest.mark.parametrize("log", list(Log))
def test_every_line_has_the_common_fields_and_no_unknown_one(evidence: Evidence, log: Log) -> None:
    records = evidence.logs[log]
    assert records
    for record in records:
        assert tuple(record)[: len(COMMON_FIELDS)] == COMMON_FIELDS
        assert record.keys() <= set(fields_of(log))
        assert record["log"] == log.value
        assert record["level"] in {"INFO", "WARNING", "ERROR"}
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", record["timestamp"])
        human = datetime.fromisoformat(record["timestamp"]).strftime("[%Y-%m-%d %H:%M:%S] ")
        assert record["message"].startswith(human)
    assert {record["event"] for record in records} == set(events_of(log)) - _NOT_IN_A_ROUND


@pytest.mark.parametrize("log", list(Log))
def test_every_line_of_a_run_leads_to_its_row(evidence: Evidence, log: Log) -> None:
    for record in evidence.logs[log]:
        if record["task_id"] is None:
            assert (record["trace_id"], record["user_id"]) == (None, None)
            continue
        row = evidence.rows[record["task_id"]]
        for field in ("user_id", "course_id", "sync_type", "trace_id", "host", "pid"):
            assert record[field] == row[field]


def test_operations_report_the_start_and_end_of_each_run(evidence: Evidence) -> None:
    logged = [name for name in PARTS if name != "earlier"]
    started = [record["task_id"] for record in evidence.records(Log.OPERATIONS, "run_started")]
    assert sorted(started) == sorted(logged)
    ended = {record["task_id"]: record for record in evidence.records(Log.OPERATIONS, "run_ended")}
    assert ended.keys() == set(logged) - {"hanging"}
    for name, record in ended.items():
        row = evidence.rows[name]
        assert record["status"] == row["sync_status"]
        assert record["duration_seconds"] == pytest.approx(row["duration"])
        for field in ("api_calls", "api_failed", "api_throttled", "db_operations", "db_failed"):
            assert record[field] == row[field]
        for item, counts in record["items"].items():
            assert counts["created"] == row[f"{item}s_created"]
    steps = evidence.records(Log.OPERATIONS, "step_ended")
    assert [record["step"] for record in steps] == ["courses", "submissions", "mail"]


def test_api_calls_are_those_of_the_rows_each_with_a_request_id(evidence: Evidence) -> None:
    records = evidence.records(Log.API_CALLS, "api_call")
    counted = Counter(record["task_id"] for record in records)
    for name in PARTS.keys() - {"earlier"}:
        assert counted[name] == evidence.rows[name]["api_calls"]
    assert counted[None] == 1
    answered = [record for record in records if "status_code" in record]
    assert len({record["request_context_id"] for record in answered}) == len(answered)
    (dropped,) = [record for record in records if "status_code" not in record]
    assert (dropped["error_class"], dropped["task_id"]) == ("connection", "troubled")
    assert {record["canvas_host"] for record in records} == {evidence.canvas_host}


def test_throttled_calls_and_their_retries_are_distinguished(evidence: Evidence) -> None:
    throttled = evidence.records(Log.API_CALLS, "api_call", throttled=True)
    assert {(record["task_id"], record["status_code"]) for record in throttled} == {
        ("throttled", 429)
    }
    repeated = [record for record in evidence.logs[Log.API_CALLS] if record.get("retries")]
    assert Counter(record["task_id"] for record in repeated) == {
        "throttled": len(throttled),
        "troubled": 2,
    }
    assert all(record["backoff_seconds"] >= 0.5 for record in repeated)


def test_an_expired_token_is_named(evidence: Evidence) -> None:
    (refused,) = evidence.records(Log.API_CALLS, "api_call", status_code=401)
    assert (refused["task_id"], refused["auth_failure"]) == ("expired", "expired_token")


def test_database_operations_are_those_of_the_rows(evidence: Evidence) -> None:
    counted: Counter[str] = Counter()
    for record in evidence.logs[Log.DATABASE]:
        counted[record["task_id"]] += record.get("operations", 1)
    for name in PARTS.keys() - {"earlier"}:
        assert counted[name] == evidence.rows[name]["db_operations"]
    created = evidence.records(Log.DATABASE, "db_operation", operation="INSERT", task_id="healthy")
    courses = [record["count"] for record in created if record["table"] == "courses"]
    assert sum(courses) == evidence.rows["healthy"]["courses_created"] == 2


def test_errors_name_what_was_done(evidence: Evidence) -> None:
    found = Counter(
        (record["task_id"], record["operation"], record["error_type"])
        for record in evidence.logs[Log.ERRORS]
    )
    assert found == {
        ("troubled", "api", "http_502"): 1,
        ("troubled", "api", "connection"): 1,
        ("refused", "api", "forbidden"): 1,
        ("refused", "api", "http_404"): 1,
        ("expired", "api", "expired_token"): 1,
        ("expired", "run", "InvalidAccessToken"): 1,
        ("telling", "database", evidence.driver_error): 1,
        ("telling", "import", "IntegrityError"): 1,
        ("telling", "mail", "RuntimeError"): 1,
    }


def test_progress_is_reported_in_order(evidence: Evidence) -> None:
    records = evidence.records(Log.PROGRESS, "progress", task_id="telling")
    percents = [record["percent"] for record in records]
    assert percents == sorted(percents)
    assert {10.0, 50.0, 90.0} <= set(percents)
    messages = [record["progress_message"] for record in records]
    assert "Processing courses" in messages


@pytest.mark.parametrize("log", list(Log))
def test_the_text_format_has_only_the_human_lines(evidence: Evidence, log: Log) -> None:
    """They were rotated away and archived: the cleanup lost none."""
    lines = evidence.archived[log]
    assert all(re.match(r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] \S", line) for line in lines)
    for pattern in TEXT[log]:
        assert any(re.search(rf"\] {pattern}$", line) for line in lines), pattern
