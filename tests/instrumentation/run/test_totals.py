"""What the calls of a run add up to."""

from __future__ import annotations

from typing import Any

import pytest

from canvas_sync_core.events import ApiCall, DbOperation, ErrorInfo, ItemCounts
from canvas_sync_core.names import ITEMS
from canvas_sync_core.plain import MAX_COUNT
from canvas_sync_instrumentation.run.totals import RunTotals


def call(**changes: Any) -> ApiCall:
    given: dict[str, Any] = {
        "context": None,
        "time": 0.0,
        "duration": 0.5,
        "method": "GET",
        "route": "/api/v1/courses",
        "path": "/api/v1/courses",
        "host": "canvas.example.edu",
        "status_code": 200,
    }
    return ApiCall(**{**given, **changes})


def totals_of(*calls: ApiCall) -> dict[str, Any]:
    totals = RunTotals()
    for each in calls:
        totals.add_api_call(each)
    return totals.snapshot_fields()


def test_the_request_id_of_a_run_is_that_of_its_newest_failure() -> None:
    failures = [call(status_code=500, request_context_id=name) for name in ("first", "second")]
    assert totals_of(*failures)["request_context_id"] == "second"


@pytest.mark.parametrize(
    "later",
    [
        call(request_context_id="went well"),
        call(status_code=429, throttled=True, request_context_id="throttled"),
        call(status_code=403, throttled=True, request_context_id="throttled"),
        call(status_code=502),
    ],
    ids=["success", "throttled 429", "throttled 403", "failure without an id"],
)
def test_other_calls_leave_the_request_id_of_a_run_alone(later: ApiCall) -> None:
    """Canvas support can do nothing about a throttled call."""
    failure = call(status_code=500, request_context_id="failed")
    assert totals_of(failure, later)["request_context_id"] == "failed"


def test_calls_are_counted_by_what_became_of_them() -> None:
    totals = totals_of(
        call(),
        call(retries=1),
        call(status_code=404),
        call(status_code=429, throttled=True),
        call(status_code=None, error_class="timeout"),
        call(graphql_errors=2),
    )
    assert totals["api_calls"] == 6
    assert totals["api_seconds"] == pytest.approx(3.0)
    assert (totals["api_failed"], totals["api_throttled"], totals["api_retried"]) == (4, 1, 1)


def test_the_canvas_of_a_run_is_that_of_its_first_call() -> None:
    totals = RunTotals()
    for host in ("", "a.example.edu", "b.example.edu"):
        totals.add_api_call(call(host=host))
    assert totals.canvas_host == "a.example.edu"


def test_items_that_are_taken_back_leave_no_count_at_all() -> None:
    totals = RunTotals()
    totals.take_back("courses", ItemCounts(1, 1, 1, 1, 1))
    assert totals.inferred_items() == {"courses": ItemCounts()}


def operation(**changes: Any) -> DbOperation:
    given: dict[str, Any] = {
        "context": None,
        "time": 0.0,
        "duration": 0.25,
        "operation": "INSERT",
        "table": "canvas_course",
        "count": 3,
    }
    return DbOperation(**{**given, **changes})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ItemCounts(processed=3, created=3)),
        ({"operation": "UPDATE"}, ItemCounts(processed=3, updated=3)),
        ({"is_upsert": True}, ItemCounts(processed=3)),
        ({"error": ErrorInfo("E", "m")}, ItemCounts(processed=3, failed=3)),
        ({"operation": "DELETE"}, ItemCounts()),
        ({"count": 0}, ItemCounts()),
        ({"table": "course_settings"}, ItemCounts()),
    ],
)
def test_items_are_inferred_from_what_was_written(
    changes: dict[str, Any], expected: ItemCounts
) -> None:
    totals = RunTotals()
    totals.add_db_operation(operation(**changes), infer_items=True)
    assert totals.items() == dict.fromkeys(ITEMS, ItemCounts()) | {"course": expected}


def test_operations_are_counted_even_where_no_items_are_inferred() -> None:
    totals = RunTotals()
    assert totals.add_db_operation(operation(), infer_items=False) is None
    totals.add_db_operation(operation(error=ErrorInfo("E", "m")), infer_items=False)
    fields = totals.snapshot_fields()
    assert (fields["db_operations"], fields["db_failed"], fields["db_seconds"]) == (2, 1, 0.5)
    assert totals.inferred_items() == {}


def test_items_that_were_rolled_back_are_not_counted_from_then_on() -> None:
    totals = RunTotals()
    written = totals.add_db_operation(operation(), infer_items=True)
    assert written is not None
    totals.add_db_operation(operation(count=2, operation="UPDATE"), infer_items=True)
    written.totals.take_back(written.item, written.counts)
    assert totals.items()["course"] == ItemCounts(processed=2, updated=2)
    assert totals.inferred_items() == {"course": ItemCounts(processed=2, updated=2)}
    failed = operation(error=ErrorInfo("E", "m"))
    assert totals.add_db_operation(failed, infer_items=True) is None, "no rollback undoes a failure"


def test_what_the_app_records_wins_over_what_is_inferred() -> None:
    totals = RunTotals()
    totals.add_db_operation(operation(), infer_items=True)
    totals.add_db_operation(operation(table="users"), infer_items=True)
    assert totals.add_items("course", ItemCounts(5, 1, 1, 1, 2))
    assert totals.add_items("course", ItemCounts(1, 1, 0, 0, 0))
    assert totals.items()["course"] == ItemCounts(6, 2, 1, 1, 2)
    assert totals.inferred_items() == {"user": ItemCounts(processed=3, created=3)}


def test_a_sum_beyond_the_largest_count_is_capped_and_reported() -> None:
    totals = RunTotals()
    most = ItemCounts(*[MAX_COUNT] * 5)
    assert totals.add_items("course", most)
    assert not totals.add_items("course", ItemCounts(*[1] * 5))
    assert totals.items()["course"] == most


def test_answers_are_added_up_as_far_as_they_are_known() -> None:
    assert totals_of(call())["api_items"] is totals_of(call())["api_bytes"] is None
    known = call(received_items=2, received_bytes=100, clock_skew=0.5)
    totals = totals_of(known, call(), call(received_items=0, received_bytes=11, clock_skew=-1.5))
    assert (totals["api_items"], totals["api_bytes"], totals["clock_skew"]) == (2, 111, -1.5)


def test_waits_and_lists_that_were_left_early_are_added_up() -> None:
    totals = RunTotals()
    for number in (1, 2):
        totals.add_truncated_lists(number)
        totals.add_wait(number / 4)
    fields = totals.snapshot_fields()
    assert (fields["api_truncated"], fields["api_wait_seconds"]) == (3, 0.75)


def test_a_run_without_calls_adds_up_to_nothing() -> None:
    assert not any(totals_of().values())
