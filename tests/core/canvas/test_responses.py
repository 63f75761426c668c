"""Answers as Canvas documents them are told apart; malformed headers are ignored."""

from __future__ import annotations

import json
from email.message import Message

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from canvas_sync_core.canvas.responses import ResponseFacts, classify
from canvas_sync_core.names import AUTH_FAILURE_REASONS

PLAIN = {"Content-Type": "text/plain; charset=utf-8"}
COST = {"X-Request-Cost": "0.1"}
REALM = {"WWW-Authenticate": 'Bearer realm="canvas-lms"'}
UNAUTHORIZED = json.dumps(
    {
        "status": "unauthorized",
        "errors": [{"message": "user not authorized to perform that action"}],
    }
)


def refused(error: str, description: str | None) -> str:
    return json.dumps({"error": error, "error_description": description})


def errors_body(message: str) -> str:
    return json.dumps({"errors": [{"message": message}]})


@pytest.mark.parametrize(
    ("status", "headers", "body", "throttled"),
    [
        (429, {}, None, True),
        (403, PLAIN, "403 Forbidden (Rate Limit Exceeded)\n", True),
        (403, PLAIN | {"X-Rate-Limit-Remaining": "13.67"}, "403 (Rate Limit Exceeded)", True),
        (403, PLAIN, None, True),
        (403, PLAIN | COST, None, False),
        (403, {"Content-Type": "application/json"}, None, False),
        (403, PLAIN, "403 Forbidden", False),
        (403, COST | {"X-Rate-Limit-Remaining": "-5"}, UNAUTHORIZED, False),
        (200, {"X-Rate-Limit-Remaining": "0.0"}, None, False),
        (404, PLAIN, "Rate Limit Exceeded", False),
    ],
)
def test_throttling_is_distinguished_from_a_refusal(
    status: int, headers: dict[str, str], body: str | None, throttled: bool
) -> None:
    facts = classify(status, headers, body)
    assert facts.throttled is throttled
    assert not (facts.throttled and facts.auth_failure)


@pytest.mark.parametrize(
    ("status", "headers", "body", "reason"),
    [
        (401, REALM, errors_body("Invalid access token."), "invalid_token"),
        (401, REALM, errors_body("Revoked access token."), "revoked_token"),
        (401, REALM, errors_body("Expired access token."), "expired_token"),
        (401, REALM, None, "invalid_token"),
        (401, {}, errors_body("Insufficient scopes on access token."), "insufficient_scope"),
        (401, {}, UNAUTHORIZED, "forbidden"),
        (403, {}, UNAUTHORIZED, "forbidden"),
        (403, {}, None, "forbidden"),
        (403, PLAIN, "A valid User-Agent header is required", "missing_user_agent"),
        (400, {}, refused("invalid_request", "refresh_token not found"), "invalid_refresh_token"),
        (400, {}, refused("invalid_grant", "authorization_code not found"), "invalid_grant"),
        (400, {}, refused("invalid_grant", "incorrect client"), "invalid_grant"),
        (401, {}, refused("invalid_client", "unknown client"), "invalid_client"),
        (401, {"WWW-Authenticate": "Basic"}, refused("invalid_client", None), "invalid_client"),
        (400, {}, refused("unauthorized_client", None), "invalid_client"),
        (400, {}, refused("invalid_scope", "A requested scope is invalid"), "insufficient_scope"),
        (400, {}, refused("unsupported_grant_type", None), None),
        (400, {}, refused("invalid_request", "You must provide the code parameter"), None),
        (400, {}, errors_body("invalid_grant"), None),
        (422, {}, refused("invalid_grant", None), None),
        (404, {}, errors_body("The specified resource does not exist."), None),
        (500, REALM, None, None),
        (200, {}, None, None),
    ],
)
def test_the_cause_of_a_refusal(
    status: int, headers: dict[str, str], body: str | None, reason: str | None
) -> None:
    facts = classify(status, headers, body)
    assert facts.auth_failure == reason
    assert reason is None or reason in AUTH_FAILURE_REASONS


@pytest.mark.parametrize(
    "description",
    [
        "redirect_uri does not match client settings",
        "The grant_type you requested is not currently supported by Canvas",
        "assertion method not supported for this grant_type",
        "JWS signature invalid.",
        "A requested scope is invalid, unknown, malformed, or exceeds the scope granted by the "
        "resource owner.",
    ],
)
def test_what_canvas_says_about_a_refused_token_is_kept_in_full(description: str) -> None:
    facts = classify(400, {"Content-Type": "application/json"}, refused("x", description))
    assert facts.message == description


@pytest.mark.parametrize("change", [str.lower, str.upper, str.title])
def test_header_names_match_in_any_case(change: object) -> None:
    assert callable(change)
    headers = {
        change("X-Request-Cost"): "0.25",
        change("X-Rate-Limit-Remaining"): "599.5",
        change("X-Request-Context-Id"): "5c1f-aa",
        change("Link"): '<https://c.test/n>; rel="next"',
    }
    assert classify(200, headers, None) == ResponseFacts(
        cost=0.25,
        rate_limit_remaining=599.5,
        request_context_id="5c1f-aa",
        is_page=True,
        next_url="https://c.test/n",
        links=("next",),
    )


HEADERS = {
    "X-Request-Cost": st.sampled_from(["0.1", " 2 ", "1_0", "nan"]),
    "X-Rate-Limit-Remaining": st.sampled_from(["687.3", "-5", ""]),
    "X-Request-Context-Id": st.sampled_from(["5f2e1c5e-8d3e-4c1e-9a51-8f8a3f6f3a10", "a b"]),
    "X-Canvas-Meta": st.sampled_from(["q=512;u=0.01;", " d = 2", "u=x;u=1"]),
    "Link": st.just('<https://canvas.test/api/v1/courses?page=2>; rel="next"'),
    "Content-Length": st.sampled_from(["63", "x"]),
    "Content-Encoding": st.sampled_from(["gzip", "identity"]),
    "Date": st.just("Sun, 06 Nov 1994 08:49:37 GMT"),
    "Age": st.just("7"),
    "Server": st.just("Apache"),
}


@given(st.sampled_from([200, 401, 403]), st.fixed_dictionaries({}, optional=HEADERS))
def test_headers_of_requests_say_the_same_as_those_of_other_clients(
    status: int, headers: dict[str, str]
) -> None:
    expected = classify(status, headers, None)
    assert classify(status, CaseInsensitiveDict(headers), None) == expected


def test_any_mapping_of_headers_will_do() -> None:
    headers = Message()
    headers["x-request-cost"] = "1.5"
    assert classify(200, dict(headers.items()), None).cost == 1.5


@pytest.mark.parametrize(
    "value", ["", "nan", "inf", "1e999", "12 34", "1_0", "٣", "0x10", "-0.5", "9" * 400]
)
def test_a_malformed_cost_is_ignored(value: str) -> None:
    assert classify(200, {"X-Request-Cost": value}, None).cost is None


@pytest.mark.parametrize("value", ["", "a b", "x\ny", "1~" + "é" * 3, "x" * 200])
def test_a_malformed_request_id_is_ignored(value: str) -> None:
    assert classify(200, {"X-Request-Context-Id": value}, None).request_context_id is None


def test_a_link_without_a_page_is_not_a_page() -> None:
    assert not classify(200, {"Link": "</style.css>; rel=preload"}, None).is_page


@pytest.mark.parametrize(
    ("body", "content_type", "message"),
    [
        (errors_body("Invalid access token."), "application/json", "Invalid access token."),
        ('{"message": "Invalid page"}', "application/json", "Invalid page"),
        (
            '{"error": "invalid_grant", "error_description": "code not found"}',
            "application/json",
            "code not found",
        ),
        (
            '{"errors": {"name": [{"type": "blank", "message": "is blank"}],'
            '"code": [{"message": "is taken"}]}}',
            "application/json",
            "is blank; is taken",
        ),
        (
            "403 Forbidden (Rate Limit Exceeded)\n",
            "text/plain",
            "403 Forbidden (Rate Limit Exceeded)",
        ),
        ("<html><title>Jane Doe</title></html>", "text/html", None),
        ('{"errors": [{"mess', "application/json", None),
        ('{"errors": "is bad"}', "application/json", "is bad"),
        ('{"errors": {"name": ["is too long"]}}', "application/json", "is too long"),
        ('{"name": "Jane", "roles": ["Jane"], "user": {"message": 7}}', "application/json", None),
        ('["Jane"]', "application/json", None),
        ("[" * 5000, "application/json", None),
        (errors_body("no user jane@example.edu"), "application/json", "no user [removed]"),
        (
            errors_body("Doe, Jane is already taken"),
            "application/json",
            "[removed] is already taken",
        ),
        (
            errors_body("Grade 97.25 is not valid"),
            "application/json",
            "Grade [removed] is not valid",
        ),
        (errors_body("Jane Doe"), "application/json", None),
        ("Invalid: Jane <jane@example.edu>", "text/plain", "Invalid: [removed]"),
    ],
)
def test_what_canvas_said_is_kept_without_markup_and_control_characters(
    body: str, content_type: str, message: str | None
) -> None:
    assert classify(400, {"Content-Type": content_type}, body).message == message


@given(
    st.integers(100, 599),
    st.dictionaries(
        st.sampled_from(
            ["Link", "X-Request-Cost", "x-rate-limit-remaining", "Retry-After", "Content-Type"]
        ),
        st.text(max_size=50),
    ),
    st.none()
    | st.text(max_size=200)
    | st.recursive(
        st.none() | st.text(max_size=10),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["errors", "message", "error", "x"]), inner, max_size=3
            )
        ),
    ).map(json.dumps),
)
def test_no_answer_breaks_the_reader(
    status: int, headers: dict[str, str], body: str | None
) -> None:
    facts = classify(status, headers, body)
    assert facts.cost is None or facts.cost >= 0
    assert facts.message is None or len(facts.message) <= 300
