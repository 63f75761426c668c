"""What the calls of a run add up to."""

from __future__ import annotations

from typing import Any

import pytest

from canvas_sync_core.events import ApiCall, ItemCounts
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


def test_a_run_without_calls_adds_up_to_nothing() -> None:
    assert not any(totals_of().values())
