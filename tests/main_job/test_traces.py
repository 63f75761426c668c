"""Every kind of span, as a collector received it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from canvas_sync_core.names import SPAN_RUN, SPAN_STEP, Log
from support.evidence import Evidence
from support.otlp import attributes_of, span_named
from support.parts import PARTS

ENDED = [name for name in PARTS if name not in {"killed", "hanging"}]


def leaves(spans: list[Span]) -> list[Span]:
    return [span for span in spans if span.name not in {SPAN_RUN, SPAN_STEP}]


def api_spans(spans: list[Span]) -> list[dict[str, Any]]:
    found = [attributes_of(span.attributes) for span in leaves(spans)]
    return [attributes for attributes in found if "http.request.method" in attributes]


@pytest.mark.parametrize("name", ENDED)
def test_a_run_has_one_trace_with_a_span_for_each_call_and_operation(
    evidence: Evidence, name: str
) -> None:
    row, spans = evidence.rows[name], evidence.spans_of(name)
    run = span_named(spans, SPAN_RUN)
    assert run.parent_span_id == b""
    attributes = attributes_of(run.attributes)
    assert attributes["canvas.sync.task_id"] == name
    assert attributes["canvas.sync.type"] == row["sync_type"]
    assert attributes["canvas.user_id"] == PARTS[name].user_id
    assert attributes["canvas.sync.status"] == row["sync_status"]
    assert attributes["canvas.sync.api_calls"] == row["api_calls"]
    calls = api_spans(spans)
    assert len(calls) == row["api_calls"]
    all_calls = [attributes_of(span.attributes) for span in leaves(spans)]
    operations = [each for each in all_calls if "db.operation.name" in each]
    assert len(calls) + len(operations) == len(all_calls)
    counted = sum(each.get("canvas.db.operations", 1) for each in operations)
    assert counted == row["db_operations"]


@pytest.mark.parametrize("name", ENDED)
def test_every_span_is_inside_its_parent(evidence: Evidence, name: str) -> None:
    """A run holds steps and calls, a step holds calls, a call holds nothing."""
    spans = {span.span_id: span for span in evidence.spans_of(name)}
    for span in spans.values():
        if span.name == SPAN_RUN:
            continue
        parent = spans[span.parent_span_id]
        assert parent.name in {SPAN_RUN, SPAN_STEP}
        if span.name == SPAN_STEP:
            assert span.kind == Span.SPAN_KIND_INTERNAL
        else:
            assert span.kind == Span.SPAN_KIND_CLIENT
        tolerance = 1_000_000  # the wall clock and the clock for durations are two
        assert parent.start_time_unix_nano - tolerance <= span.start_time_unix_nano
        assert span.end_time_unix_nano <= parent.end_time_unix_nano + tolerance


@pytest.mark.parametrize("name", ["earlier", "telling"])
def test_steps_hold_what_was_done_in_them(evidence: Evidence, name: str) -> None:
    spans = evidence.spans_of(name)
    run = span_named(spans, SPAN_RUN)
    steps = {
        attributes_of(span.attributes)["canvas.sync.step.name"]: span
        for span in spans
        if span.name == SPAN_STEP
    }
    assert steps.keys() == {"courses", "submissions", "mail"}
    assert {span.parent_span_id for span in steps.values()} == {run.span_id}
    held = {
        step: {span.name for span in spans if span.parent_span_id == steps[step].span_id}
        for step in steps
    }
    assert held["courses"] >= {"GET /api/v1/courses", "SELECT courses"}
    assert held["submissions"] == {"GET /api/v1/courses/:course_id/students/submissions"}
    assert held["mail"] == set()
    assert steps["mail"].status.code == Status.STATUS_CODE_ERROR
    assert attributes_of(steps["mail"].attributes)["error.type"] == "RuntimeError"
    assert steps["courses"].status.code == Status.STATUS_CODE_UNSET


def test_a_call_reports_what_canvas_said(evidence: Evidence) -> None:
    for attributes in api_spans(evidence.spans_of("healthy")):
        assert attributes["http.response.status_code"] == 200
        assert attributes["url.template"].startswith("/api/v1/")
        assert f"{attributes['server.address']}:{attributes['server.port']}" == evidence.canvas_host
        assert attributes["canvas.rate_limit.remaining"] > 0
        assert attributes["canvas.request.cost"] > 0
        assert attributes["canvas.request_context_id"]


def test_a_batch_reports_its_size(evidence: Evidence) -> None:
    inserts = [
        attributes_of(span.attributes)
        for span in evidence.spans_of("healthy")
        if span.name == "INSERT submissions"
    ]
    assert {attributes["db.system.name"] for attributes in inserts} == {"sqlite"}
    assert {attributes["db.operation.name"] for attributes in inserts} == {"INSERT"}
    assert {attributes["db.collection.name"] for attributes in inserts} == {"submissions"}
    created = evidence.rows["healthy"]["submissions_created"]
    sizes = [each.get("db.operation.batch.size") or each["canvas.db.rows"] for each in inserts]
    assert sum(sizes) == created


def test_failures_set_status_and_error_type(evidence: Evidence) -> None:
    failed = Counter(
        (name, attributes_of(span.attributes)["error.type"])
        for name in ENDED
        for span in evidence.spans_of(name)
        if span.status.code == Status.STATUS_CODE_ERROR
    )
    throttled = evidence.rows["throttled"]["api_throttled"]
    assert failed == {
        ("throttled", "429"): throttled,
        ("troubled", "502"): 1,
        ("troubled", "connection"): 1,
        ("refused", "403"): 1,
        ("refused", "404"): 1,
        ("expired", "401"): 1,
        ("expired", "InvalidAccessToken"): 1,
        ("earlier", evidence.driver_error): 1,
        ("earlier", "RuntimeError"): 1,
        ("telling", evidence.driver_error): 1,
        ("telling", "RuntimeError"): 1,
    }


def test_a_call_outside_a_run_has_a_trace_of_its_own(evidence: Evidence) -> None:
    of_runs = {bytes.fromhex(row["trace_id"]) for row in evidence.rows.values()}
    outside = [span for span in evidence.spans if span.trace_id not in of_runs]
    assert Counter(span.name for span in outside)["GET /api/v1/users/:id"] == 2
    assert {span.parent_span_id for span in outside} == {b""}


def test_log_lines_lead_to_their_spans(evidence: Evidence) -> None:
    """A line names the span in which it happened: the run's or the step's."""
    spans = {span.span_id.hex(): span for span in evidence.spans}
    checked = 0
    for log in Log:
        for record in evidence.logs[log]:
            if record["task_id"] in ENDED:
                span = spans[record["span_id"]]
                assert span.trace_id.hex() == record["trace_id"]
                assert span.name in {SPAN_RUN, SPAN_STEP}
                checked += 1
    assert checked > 100


def test_spans_say_which_service_they_are_of(evidence: Evidence) -> None:
    assert {resource["service.name"] for resource in evidence.resources} == {"canvas-sync"}
