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

from canvas_sync_core.events import ErrorInfo
from canvas_sync_instrumentation.outputs._leaf_spans import describe_leaf
from support.span_sinks import API_CALL, DB_OPERATION


def test_an_api_call_follows_the_http_conventions() -> None:
    leaf = describe_leaf(structs.replace(API_CALL, status_code=429, throttled=True, retries=2))
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
def test_the_server_is_told_with_its_port_when_it_has_one(
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


def test_a_single_row_is_no_batch() -> None:
    leaf = describe_leaf(structs.replace(DB_OPERATION, batch=False, count=1))
    assert db_attributes.DB_OPERATION_BATCH_SIZE not in leaf.attributes
    assert not leaf.failed
