"""The attributes of spans of API calls and database operations."""

from __future__ import annotations

import pytest
from msgspec import structs
from opentelemetry.semconv._incubating.attributes import url_attributes as incubating_url
from opentelemetry.semconv.attributes import (
    db_attributes,
    error_attributes,
    http_attributes,
    server_attributes,
    url_attributes,
)
from opentelemetry.trace import TraceFlags

from canvas_sync_core.events import (
    ApiCall,
    DbOperationsSummed,
    ErrorInfo,
    RunContext,
    ServerTime,
)
from canvas_sync_instrumentation.outputs._leaf_spans import describe_leaf, nanoseconds, parent_of
from support.span_sinks import API_CALL, DB_OPERATION, START

_CALL = ApiCall(
    context=None,
    time=START,
    duration=0.5,
    method="GET",
    route="/api/v1/courses",
    path="/api/v1/courses",
    host="canvas.example.edu",
    status_code=200,
)
_CONTEXT = RunContext("a", 42, None, "full", f"{0xABC:032x}", f"{0xDEF:016x}", sampled=True)


def test_an_api_call_follows_the_http_conventions() -> None:
    leaf = describe_leaf(structs.replace(API_CALL, status_code=429, throttled=True, attempt=2))
    assert leaf.name == "GET /api/v1/courses/:course_id/assignments"
    assert leaf.attributes == {
        http_attributes.HTTP_REQUEST_METHOD: "GET",
        http_attributes.HTTP_RESPONSE_STATUS_CODE: 429,
        http_attributes.HTTP_REQUEST_RESEND_COUNT: 2,
        incubating_url.URL_TEMPLATE: "/api/v1/courses/:course_id/assignments",
        url_attributes.URL_PATH: "/api/v1/courses/7/assignments",
        server_attributes.SERVER_ADDRESS: "canvas.example.edu",
        server_attributes.SERVER_PORT: 8443,
        error_attributes.ERROR_TYPE: "429",
        "canvas.rate_limit.remaining": 599.5,
        "canvas.request.cost": 0.25,
        "canvas.request_context_id": "b5ac-11",
        "canvas.throttled": True,
    }
    assert leaf.failed
    assert leaf.description is None


def test_a_call_without_an_answer_is_an_error_that_says_why() -> None:
    leaf = describe_leaf(
        structs.replace(
            API_CALL, status_code=None, error_class="timeout", message="no answer in 30 s"
        )
    )
    assert leaf.failed
    assert leaf.description == "no answer in 30 s"
    assert leaf.attributes[error_attributes.ERROR_TYPE] == "timeout"
    assert http_attributes.HTTP_RESPONSE_STATUS_CODE not in leaf.attributes


@pytest.mark.parametrize(
    ("host", "server"),
    [
        ("canvas.example.edu", {"server.address": "canvas.example.edu"}),
        ("127.0.0.1:8000", {"server.address": "127.0.0.1", "server.port": 8000}),
        ("[::1]:8000", {"server.address": "::1", "server.port": 8000}),
        ("canvas:port", {"server.address": "canvas:port"}),
        ("", {"server.address": ""}),
    ],
)
def test_the_server_is_reported_with_its_port_when_it_has_one(
    host: str, server: dict[str, object]
) -> None:
    attributes = describe_leaf(structs.replace(API_CALL, host=host)).attributes
    assert {name: attributes[name] for name in attributes if name.startswith("server.")} == server


def test_a_database_operation_follows_the_database_conventions() -> None:
    failed = structs.replace(
        DB_OPERATION, error=ErrorInfo("IntegrityError", "taken"), system="postgresql"
    )
    leaf = describe_leaf(failed)
    assert leaf.name == "INSERT assignments"
    assert leaf.attributes == {
        db_attributes.DB_SYSTEM_NAME: "postgresql",
        db_attributes.DB_OPERATION_NAME: "INSERT",
        db_attributes.DB_COLLECTION_NAME: "assignments",
        db_attributes.DB_OPERATION_BATCH_SIZE: 340,
        error_attributes.ERROR_TYPE: "IntegrityError",
    }
    assert leaf.failed


def test_a_single_row_is_not_a_batch() -> None:
    leaf = describe_leaf(structs.replace(DB_OPERATION, batch=False, count=1))
    assert db_attributes.DB_OPERATION_BATCH_SIZE not in leaf.attributes
    assert not leaf.failed


def test_a_span_lasts_from_the_start_of_a_call_to_its_end() -> None:
    for event, length in ((_CALL, 500_000_000), (DB_OPERATION, 250_000_000)):
        leaf = describe_leaf(event)
        assert leaf.end == nanoseconds(event.time)
        assert leaf.end - leaf.start == pytest.approx(length, abs=1000)
    assert nanoseconds(1.0000000019) == 1_000_000_001


def test_what_is_unknown_about_a_call_is_not_an_attribute() -> None:
    assert describe_leaf(_CALL).attributes == {
        "http.request.method": "GET",
        "url.template": "/api/v1/courses",
        "url.path": "/api/v1/courses",
        "server.address": "canvas.example.edu",
        "http.response.status_code": 200,
    }


def test_everything_known_about_a_call_is_an_attribute() -> None:
    whole = structs.replace(
        _CALL,
        attempt=1,
        transferred_bytes=0,
        received_items=0,
        graphql_operation="Courses",
        server_time=ServerTime(queue=0.0, user_cpu=0.1, system_cpu=None, database=0.3),
        traceback=("one", "two"),
    )
    new = describe_leaf(whole).attributes.items() - describe_leaf(_CALL).attributes.items()
    assert dict(new) == {
        "http.request.resend_count": 1,
        "http.response.body.size": 0,
        "canvas.response.items": 0,
        "graphql.operation.name": "Courses",
        "canvas.time.queue": 0.0,
        "canvas.time.user_cpu": 0.1,
        "canvas.time.database": 0.3,
        "code.stacktrace": "one\ntwo",
    }


def test_a_failed_operation_has_its_error_and_where_it_was_made() -> None:
    error = ErrorInfo("IntegrityError", "taken", traceback=("one", "two"))
    leaf = describe_leaf(structs.replace(DB_OPERATION, error=error))
    assert leaf.failed
    assert leaf.attributes["error.type"] == "IntegrityError"
    assert leaf.attributes["code.stacktrace"] == "one\ntwo"


def test_a_sum_of_operations_lasts_from_the_first_to_the_last() -> None:
    summed = DbOperationsSummed(
        context=None,
        time=START,
        duration=0.25,
        elapsed=1.0,
        longest=0.125,
        operation="INSERT",
        table="assignments",
        operations=3,
        count=6,
        batch=False,
        system="sqlite",
    )
    leaf = describe_leaf(summed)
    assert (leaf.name, leaf.failed, leaf.description) == ("INSERT assignments", False, None)
    assert leaf.end - leaf.start == 1_000_000_000
    assert leaf.attributes == {
        "db.system.name": "sqlite",
        "db.operation.name": "INSERT",
        "db.collection.name": "assignments",
        "canvas.db.operations": 3,
        "canvas.db.rows": 6,
        "canvas.db.duration": 0.25,
        "canvas.db.longest": 0.125,
    }


@pytest.mark.parametrize(
    ("sampled", "flags"), [(True, TraceFlags.SAMPLED), (False, TraceFlags.DEFAULT)]
)
def test_the_parent_is_the_span_of_the_run(sampled: bool, flags: int) -> None:
    assert parent_of(_CALL) is None
    parent = parent_of(structs.replace(_CALL, context=structs.replace(_CONTEXT, sampled=sampled)))
    assert parent is not None
    assert (parent.trace_id, parent.span_id, parent.is_remote) == (0xABC, 0xDEF, False)
    assert parent.trace_flags == flags
