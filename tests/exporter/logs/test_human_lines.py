"""Human-readable lines are read back."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.human_lines import text_fields


@pytest.mark.parametrize(
    ("log", "line", "expected"),
    [
        (
            Log.OPERATIONS,
            "Sync Task: nightly, 7-a, 42, started, running",
            {"event": "run_started", "task_id": "nightly, 7-a", "user_id": 42, "status": "running"},
        ),
        (
            Log.OPERATIONS,
            "Sync Task: t, -, ended, failed",
            {"event": "run_ended", "user_id": None, "status": "failed", "level": "ERROR"},
        ),
        (
            Log.OPERATIONS,
            "Sync Step: a, b, ended, success - Duration: 1500.0ms",
            {"event": "step_ended", "step": "a, b", "duration_seconds": 1.5},
        ),
        (
            Log.OPERATIONS,
            "OUTPUT: Task: my sync-7 - stderr - a - b",
            {"event": "output", "task_id": "my sync-7", "stream": "stderr", "text": "a - b"},
        ),
        (
            Log.OPERATIONS,
            "Courses: 5, 2, 3",
            {"event": "items", "item": "course", "processed": 5, "created": 2, "updated": 3},
        ),
        (
            Log.API_CALLS,
            "GET /api/v1/courses/7/assignments - Status: 429 - 145.2ms",
            {
                "method": "GET",
                "route": "/api/v1/courses/:course_id/assignments",
                "status_code": 429,
                "throttled": True,
                "duration_seconds": 0.1452,
                "level": "WARNING",
            },
        ),
        (
            Log.API_CALLS,
            "GET /api/v1/courses - Status: timeout - 30000.0ms",
            {"status_code": None, "error_class": "timeout", "level": "ERROR"},
        ),
        (
            Log.API_CALLS,
            "TRUNCATED /api/v1/courses - Count: 2",
            {"event": "list_truncated", "route": "/api/v1/courses", "count": 2},
        ),
        (
            Log.DATABASE,
            "CREATE Course - Count: 2 - Duration: 15.3ms",
            {"operation": "CREATE", "table": "Course", "count": 2, "batch": False},
        ),
        (
            Log.DATABASE,
            "UPDATE Assignment - Count: 340 - Batch: true",
            {"count": 340, "batch": True, "duration_seconds": None},
        ),
        (
            Log.ERRORS,
            "ERROR: Connection timeout - user_id: 42 - course_id: 123",
            {"error": "Connection timeout", "user_id": 42, "course_id": 123},
        ),
        (Log.ERRORS, "ERROR: a - b", {"error": "a - b", "user_id": None, "course_id": None}),
        (
            Log.ERRORS,
            "CRITICAL: a - b - operation: fetch_courses - user_id: 7 - task_id: nightly-42",
            {
                "level": "ERROR",
                "error": "a - b",
                "operation": "fetch_courses",
                "user_id": 7,
                "course_id": None,
                "task_id": "nightly-42",
            },
        ),
        (Log.ERRORS, "WARNING: slow - user_id: None", {"level": "WARNING", "error": "slow"}),
        (Log.OPERATIONS, "Users: 12", {"item": "user", "processed": 12}),
        (
            Log.OPERATIONS,
            "Sync Task: a, b, None, completed, success",
            {"event": "run_ended", "task_id": "a, b", "user_id": None, "status": "success"},
        ),
        (
            Log.OPERATIONS,
            "Sync Task: t, 4, ended, partial",
            {"event": "run_ended", "status": "partial", "level": "WARNING"},
        ),
        (
            Log.OPERATIONS,
            "Completion: 9s, 1 course, 2 quizzes",
            {
                "duration_seconds": 9.0,
                "items": {"course": {"processed": 1}, "quizzes": {"processed": 2}},
            },
        ),
        (
            Log.API_CALLS,
            "GET https://canvas.example.edu/api/v1/courses?page=2 - Status: timeout",
            {
                "canvas_host": "canvas.example.edu",
                "path": "/api/v1/courses",
                "status_code": None,
                "error_class": "timeout",
                "duration_seconds": None,
            },
        ),
        (
            Log.DATABASE,
            "INSERT Grade - Count: 3 - Duration: 2ms - Batch: True",
            {"count": 3, "batch": True, "duration_seconds": 0.002},
        ),
        (
            Log.API_CALLS,
            "_OTHER /api/v1/courses - Status: 200 - 5ms",
            {"method": "_OTHER", "duration_seconds": 0.005},
        ),
        (
            Log.DATABASE,
            "BULK_CREATE Submission - Count: 1000",
            {"operation": "BULK_CREATE", "table": "Submission", "count": 1000},
        ),
        (Log.DATABASE, "CR\u00c9ER Cours - Count: 2", {"operation": "CR\u00c9ER", "count": 2}),
        (Log.DATABASE, "XX\u2026 Cours - Count: 2", {"operation": "XX\u2026", "table": "Cours"}),
        *(
            (Log.DATABASE, f"{sql} Course - Count: 3 - Duration: 2ms", {"table": "Course"})
            for sql in (
                *("INSERT OR REPLACE INTO", "REPLACE INTO", "INSERT IGNORE INTO", "INSERT IGNORE"),
                *("MERGE INTO", "UPSERT INTO", "delete from", "UPDATE OR IGNORE"),
            )
        ),
        (Log.DATABASE, "DETAIL INSERT INTO Course - SQL: INSERT", {"table": "Course"}),
        (Log.DATABASE, "INSERT Course into - Count: 3", {"table": "Course into"}),
        (Log.DATABASE, "other  - Count: 3", {"operation": "other", "table": "", "count": 3}),
        (Log.PROGRESS, "PROGRESS: Task: t - 100%", {"percent": 100.0, "progress_message": ""}),
        (Log.PROGRESS, "PROGRESS: Task: t - 50% - ", {"percent": 50.0, "progress_message": ""}),
        (
            Log.PROGRESS,
            "PROGRESS: Task: a - b - 10% - Processing 5% of - courses",
            {"task_id": "a - b", "percent": 10.0, "progress_message": "Processing 5% of - courses"},
        ),
    ],
)
def test_each_human_line_of_the_contract_is_read_back(
    log: Log, line: str, expected: dict[str, Any]
) -> None:
    whole = f"[2025-12-22 10:15:30] {line}"
    fields = text_fields(log, whole)
    assert fields is not None
    assert fields["timestamp"] == dt.datetime(2025, 12, 22, 10, 15, 30, tzinfo=dt.UTC)
    assert fields["message"] == whole.rstrip()
    assert expected.items() <= fields.items()


@given(st.sampled_from(Log), st.text())
def test_no_human_line_breaks_the_reader(log: Log, rest: str) -> None:
    with suppress(ValueError):
        text_fields(log, f"[2025-12-22 10:15:30] {rest}")


@pytest.mark.parametrize(
    ("log", "part"),
    [(Log.ERRORS, " - user_id: 1"), (Log.DATABASE, " - Count: 1"), (Log.OPERATIONS, ", 1 course")],
)
def test_a_long_human_line_is_read_in_time_that_grows_with_its_length(log: Log, part: str) -> None:
    start = {Log.ERRORS: "ERROR: a", Log.DATABASE: "CREATE a", Log.OPERATIONS: "Completion: 1s"}
    line = f"[2025-12-22 10:15:30] {start[log]}{part * 40_000} "
    text_fields(log, line + "-")  # took minutes if each part were tried from each place
