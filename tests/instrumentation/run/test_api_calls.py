"""What a client library saw becomes a call and, if it failed, an error."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from msgspec import structs

from canvas_sync_core.canvas.received import Received
from canvas_sync_core.canvas.responses import ResponseFacts
from canvas_sync_core.events import (
    ApiCall,
    ApiCallDetail,
    DbOperation,
    ErrorInfo,
    ErrorRecorded,
    ServerTime,
)
from canvas_sync_instrumentation.run.api_calls import (
    Request,
    answered_call,
    detail_of,
    failure_of,
    unanswered_call,
)

URL = "https://canvas.example.edu/api/v1/courses"


def answer(status: int, facts: ResponseFacts, **headers: str) -> ApiCall:
    request = Request.to("get", URL, None, headers)
    return answered_call(request, time=0.0, duration=0.1, status=status, facts=facts)


@pytest.mark.parametrize(
    ("given", "recorded"),
    [
        ("get", "GET"),
        ("a" * 16, "A" * 16),
        ("a" * 17, "_OTHER"),
        ("GET /", "_OTHER"),
        ("", "_OTHER"),
    ],
)
def test_a_method_is_a_short_word_in_upper_case(given: str, recorded: str) -> None:
    assert Request.to(given, URL, None, {}).method == recorded


@pytest.mark.parametrize("name", ["", "@@@SKIP_HEADER@@@"])
def test_a_refused_call_without_a_user_agent_is_refused_for_that(name: str) -> None:
    headers = {"User-Agent": name}
    facts = ResponseFacts(auth_failure="forbidden")
    assert answer(403, facts, **headers).auth_failure == "missing_user_agent"


def test_a_successful_call_without_a_user_agent_is_not_a_failure() -> None:
    assert answer(200, ResponseFacts(), **{"User-Agent": ""}).auth_failure is None


@pytest.mark.parametrize("reason", ["expired_token", "insufficient_scope", None])
def test_another_reason_is_kept_although_there_is_no_user_agent(reason: str | None) -> None:
    headers = {"User-Agent": ""}
    assert answer(401, ResponseFacts(auth_failure=reason), **headers).auth_failure == reason


@pytest.mark.parametrize("headers", [{"User-Agent": "sync/1.0"}, {}])
def test_a_refusal_of_a_call_with_a_user_agent_is_about_permissions(
    headers: dict[str, str],
) -> None:
    """A client fills in a name that is not among the headers."""
    facts = ResponseFacts(auth_failure="forbidden")
    assert answer(403, facts, **headers).auth_failure == "forbidden"


FACTS = ResponseFacts(
    throttled=True,
    auth_failure="expired_token",
    cost=0.5,
    rate_limit_remaining=99.0,
    request_context_id="b5ac-11",
    is_page=True,
    message="Invalid access token",
    server_time=ServerTime(0.1, 0.2, 0.3, 0.4),
    token_expired_at=7.0,
)
BEARER = {"Authorization": "Bearer 1234~abcdefgh"}


def test_an_answer_of_a_first_attempt_is_recorded_without_what_only_failures_have() -> None:
    request = Request.to("get", URL, None, BEARER)
    content = Received(10, 2000, 300)
    call = answered_call(
        request, time=9.0, duration=0.1, status=200, facts=FACTS, content=content, skew=0.5
    )
    assert call == ApiCall(
        context=None,
        time=9.0,
        duration=0.1,
        method="GET",
        route="/api/v1/courses",
        path="/api/v1/courses",
        host="canvas.example.edu",
        status_code=200,
        cost=0.5,
        rate_limit_remaining=99.0,
        request_context_id="b5ac-11",
        is_page=True,
        token=request.token,
        server_time=FACTS.server_time,
        received_items=10,
        received_bytes=2000,
        transferred_bytes=300,
        clock_skew=0.5,
    )
    assert call.token
    assert not call.failed


@pytest.mark.parametrize(
    ("status", "retries", "operation", "errors"),
    [(400, 0, None, 0), (200, 1, None, 0), (200, 0, "Courses", 0), (200, 0, None, 2)],
)
def test_a_failure_a_retry_and_graphql_have_further_fields(
    status: int, retries: int, operation: str | None, errors: int
) -> None:
    sent = structs.replace(
        Request.to("GET", URL, None), retries=retries, backoff=1.5, graphql_operation=operation
    )
    call = answered_call(
        sent, time=9.0, duration=0.1, status=status, facts=FACTS, graphql_errors=errors
    )
    assert (call.retries, call.backoff) == (retries, 1.5)
    assert (call.graphql_operation, call.graphql_errors) == (operation, errors)
    assert (call.throttled, call.auth_failure) == (True, "expired_token")
    assert (call.message, call.token_expired_at) == ("Invalid access token", 7.0)


def test_a_token_that_is_set_late_is_found_when_the_headers_are_read_again() -> None:
    headers: dict[str, str] = {}
    request = Request.to("GET", URL, None, headers)
    assert request.token is None
    headers |= BEARER
    request.find_token()
    assert request.token == Request.to("GET", URL, None, BEARER).token


def test_a_request_without_an_answer_has_the_class_of_its_error() -> None:
    request = Request.to("GET", f"{URL}/7", None, BEARER)
    request = structs.replace(request, retries=1, backoff=0.5, graphql_operation="Courses")
    call = unanswered_call(request, time=9.0, duration=0.1, error=TimeoutError("in 30 s"))
    assert (call.status_code, call.error_class, call.message) == (None, "timeout", "in 30 s")
    assert (call.route, call.path) == ("/api/v1/courses/:id", "/api/v1/courses/7")
    assert (call.retries, call.backoff, call.graphql_operation) == (1, 0.5, "Courses")
    assert call.token == request.token
    text = unanswered_call(request, time=9.0, duration=0.1, error="gave up")
    assert (text.error_class, text.message) == ("other", "gave up")


@pytest.mark.parametrize(
    ("query", "page", "per_page"),
    [
        ("page=2&per_page=100", 2, 100),
        ("page=bookmark:x", None, None),
        ("per_page=1234567890&page=123456789", 123456789, None),
        ("page=&per_page=²", None, None),
    ],
)
def test_the_detail_of_a_call_has_only_small_numbers_of_its_query(
    query: str, page: int | None, per_page: int | None
) -> None:
    detail = detail_of(urlsplit(f"{URL}?{query}"), 3, ("next", "x-secret", "last"))
    assert detail == ApiCallDetail(3, page, per_page, ("next", "last"))


def failed(**changes: Any) -> ApiCall:
    return structs.replace(answer(404, ResponseFacts()), **changes)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (failed(), ErrorInfo("http_404", "HTTP 404")),
        (failed(message="not here"), ErrorInfo("http_404", "not here")),
        (failed(auth_failure="forbidden"), ErrorInfo("forbidden", "HTTP 404")),
        (
            failed(status_code=None, error_class="timeout", traceback=("a",)),
            ErrorInfo("timeout", "No answer: timeout", ("a",)),
        ),
        (
            failed(status_code=200, graphql_errors=1),
            ErrorInfo("graphql", "GraphQL answered with 1 error"),
        ),
    ],
)
def test_the_error_of_a_failed_call_says_what_canvas_said(call: ApiCall, error: ErrorInfo) -> None:
    recorded = failure_of(structs.replace(call, request_context_id="b5ac-11", time=9.0))
    assert recorded == ErrorRecorded(None, 9.0, "api", error, "b5ac-11")


def test_a_call_that_went_well_or_was_throttled_has_no_error() -> None:
    assert failure_of(answer(200, ResponseFacts())) is None
    assert failure_of(failed(status_code=403, throttled=True)) is None


def test_the_error_of_an_operation_is_one_of_the_database() -> None:
    operation = DbOperation(
        context=None, time=9.0, duration=0.1, operation="INSERT", table="users", count=1
    )
    assert failure_of(operation) is None
    error = ErrorInfo("IntegrityError", "taken")
    recorded = failure_of(structs.replace(operation, error=error))
    assert recorded == ErrorRecorded(None, 9.0, "database", error)
