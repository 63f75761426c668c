"""Calls, lists and database operations of a run add up in it."""

from __future__ import annotations

from typing import Any

import pytest

from canvas_sync_core.events import (
    ApiCall,
    DbOperation,
    ErrorRecorded,
    Event,
    ItemCounts,
    ItemsRecorded,
    ListTruncated,
)
from canvas_sync_instrumentation.monitor import hook_recorder
from canvas_sync_instrumentation.testing import FixedClock
from canvas_sync_instrumentation.tracker import CanvasSyncMetricsTracker
from support.tracked_runs import clock, ended, events, only

__all__ = ["clock", "events"]


def test_calls_and_operations_add_up_in_the_run(events: list[Event]) -> None:
    with CanvasSyncMetricsTracker("t1", 42) as run:
        run.record_api_call("get", "https://canvas.test/api/v1/courses?per_page=9", 200, 0.25)
        run.record_api_call(
            "GET",
            "https://canvas.test/api/v1/courses/7",
            403,
            0.5,
            body="403 Forbidden (Rate Limit Exceeded)",
        )
        run.record_api_call("GET", "/api/v1/courses/7", error=TimeoutError("slow"))
        run.record_db_operation("CREATE", "Course", 2, 0.0153)
        run.record_db_operation("UPDATE", "Assignment", 340, batch=True, error="locked")
    snapshot = ended(events).snapshot
    assert (snapshot.api_calls, snapshot.api_failed, snapshot.api_throttled) == (3, 2, 1)
    assert snapshot.api_seconds == pytest.approx(0.75)
    assert snapshot.canvas_host == "canvas.test"
    assert (snapshot.db_operations, snapshot.db_failed) == (2, 1)
    assert snapshot.db_seconds == pytest.approx(0.0153)
    assert [call.outcome for call in only(ApiCall, events)] == ["200", "403", "timeout"]
    assert only(ApiCall, events)[0].route == "/api/v1/courses"
    assert only(ApiCall, events)[1].route == "/api/v1/courses/:id"
    assert [op.outcome for op in only(DbOperation, events)] == ["success", "failed"]
    assert [error.error.error_type for error in only(ErrorRecorded, events)] == [
        "timeout",
        "Error",
    ]


@pytest.mark.parametrize(
    ("given", "items", "size"),
    [
        ({}, None, None),
        ({"headers": {"Content-Length": "900"}}, None, 900),
        ({"body": '[{"id": 1}, {"id": 2}]'}, 2, 22),
        ({"body": "[\u00fc\udc80]"}, None, 5),
        ({"body": "[]", "headers": {"content-length": "22"}}, 0, 2),
        ({"items": 0, "size": 2}, 0, 2),
        ({"body": "[1]", "items": 100, "size": 4711}, 100, 4711),
    ],
)
def test_a_call_by_hand_records_what_is_given_or_can_be_seen(
    events: list[Event], given: dict[str, Any], items: int | None, size: int | None
) -> None:
    date = {"Date": "Mon, 22 Dec 2025 10:15:30 GMT"}
    given = {**given, "headers": {**date, **given.get("headers", {})}}
    with CanvasSyncMetricsTracker("t1", 42) as run:
        run.record_api_call("GET", "/api/v1/courses", 200, **given)
        run.record_api_call("GET", "/api/v1/courses", None)
    call, _ = only(ApiCall, events)
    assert (call.received_items, call.received_bytes) == (items, size)
    snapshot = ended(events).snapshot
    assert (snapshot.api_items, snapshot.api_bytes) == (items, size)
    assert snapshot.clock_skew is None  # when it was recorded says nothing about when it was


def test_explicit_database_calls_do_not_stand_in_for_items(events: list[Event]) -> None:
    with CanvasSyncMetricsTracker("t1", 42) as run:
        run.record_db_operation("CREATE", "courses", 2)
    assert ended(events).snapshot.items["course"] == ItemCounts()


def test_items_are_read_off_hooked_database_operations_unless_the_app_records_them(
    events: list[Event],
) -> None:
    recorder = hook_recorder()
    with CanvasSyncMetricsTracker("t1", 42) as run:
        recorder.db_operation_ended("INSERT", "canvas_courses", 0.1, count=3)
        recorder.db_operation_ended("UPDATE", "lms.assignments", 0.1, count=5)
        recorder.db_operation_ended("SELECT", "users", 0.1, count=9)
        recorder.db_operation_ended("INSERT", "users", 0.1, count=2)
        recorder.db_operation_ended("INSERT", "course_settings", 0.1, count=8)
        recorder.db_operation_ended("INSERT", "grades", 0.1, count=4, error=OSError("locked"))
        run.record_user(7, unchanged=True)
    items = ended(events).snapshot.items
    assert items["course"] == ItemCounts(processed=3, created=3)
    assert items["assignment"] == ItemCounts(processed=5, updated=5)
    assert items["user"] == ItemCounts(processed=7, unchanged=7)
    assert items["grade"] == ItemCounts(processed=4, failed=4)
    inferred = {event.item for event in only(ItemsRecorded, events) if event.inferred}
    assert inferred == {"course", "assignment", "grade"}


def test_a_list_whose_next_page_was_never_fetched_is_truncated(events: list[Event]) -> None:
    recorder = hook_recorder()
    first = "https://canvas.test/api/v1/courses?per_page=2"
    second = "https://canvas.test/api/v1/courses?page=bookmark:x&per_page=2"
    link = {"Link": f'<{second}>; rel="next", <{first}>; rel="current"'}
    with CanvasSyncMetricsTracker("whole", 42):
        pending = recorder.api_call_started("GET", first)
        recorder.api_call_ended(pending, status=200, headers=link, body=b"[]")
        pending = recorder.api_call_started("GET", second)
        recorder.api_call_ended(pending, status=200, headers={}, body=b"[]")
    assert not only(ListTruncated, events)
    with CanvasSyncMetricsTracker("cut", 42):
        pending = recorder.api_call_started("GET", first)
        recorder.api_call_ended(pending, status=200, headers=link, body=b"[]")
    (truncated,) = only(ListTruncated, events)
    assert (truncated.route, truncated.count) == ("/api/v1/courses", 1)


def test_a_repeated_call_counts_as_retry_with_the_time_between(
    events: list[Event], clock: FixedClock
) -> None:
    recorder = hook_recorder()
    url = "https://canvas.test/api/v1/courses/7"
    with CanvasSyncMetricsTracker("t1", 42):
        pending = recorder.api_call_started("GET", url)
        clock.advance(0.5)
        recorder.api_call_ended(pending, status=429, headers={}, body=b"")
        clock.advance(4)
        pending = recorder.api_call_started("GET", url)
        clock.advance(0.25)
        recorder.api_call_ended(pending, status=200, headers={}, body=b"{}")
    failed, repeated = only(ApiCall, events)
    assert (failed.throttled, failed.retries, failed.duration) == (True, 0, 0.5)
    assert (repeated.retries, repeated.backoff, repeated.duration) == (1, 4, 0.25)
    snapshot = ended(events).snapshot
    assert (snapshot.api_retried, snapshot.api_throttled, snapshot.api_failed) == (1, 1, 1)


def test_calls_outside_a_run_are_recorded_without_one(events: list[Event]) -> None:
    recorder = hook_recorder()
    pending = recorder.api_call_started("GET", "https://canvas.test/api/v1/courses")
    recorder.api_call_failed(pending, ConnectionRefusedError("no"))
    recorder.db_operation_ended("SELECT", "courses", 0.1)
    (call,) = only(ApiCall, events)
    (operation,) = only(DbOperation, events)
    (error,) = only(ErrorRecorded, events)
    assert call.context is None
    assert operation.context is None
    assert error.context is None
    assert (call.outcome, error.error.error_type) == ("connection", "connection")
