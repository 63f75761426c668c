"""What becomes of an answer: a call without a User-Agent is one that Canvas refuses for it."""

from __future__ import annotations

import pytest

from canvas_sync_core.canvas.responses import ResponseFacts
from canvas_sync_core.events import ApiCall
from canvas_sync_instrumentation.run.api_calls import Request, answered

URL = "https://canvas.example.edu/api/v1/courses"


def answer(status: int, facts: ResponseFacts, **headers: str) -> ApiCall:
    request = Request.to("get", URL, None, headers)
    return answered(request, time=0.0, duration=0.1, status=status, facts=facts)


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


def test_a_call_without_a_user_agent_that_went_well_is_no_failure() -> None:
    assert answer(200, ResponseFacts(), **{"User-Agent": ""}).auth_failure is None


@pytest.mark.parametrize("reason", ["expired_token", "insufficient_scope", None])
def test_another_reason_stays_although_there_is_no_user_agent(reason: str | None) -> None:
    headers = {"User-Agent": ""}
    assert answer(401, ResponseFacts(auth_failure=reason), **headers).auth_failure == reason


@pytest.mark.parametrize("headers", [{"User-Agent": "sync/1.0"}, {}])
def test_a_refusal_of_a_call_with_a_user_agent_is_about_permissions(
    headers: dict[str, str],
) -> None:
    """A client fills in a name that is not among the headers."""
    facts = ResponseFacts(auth_failure="forbidden")
    assert answer(403, facts, **headers).auth_failure == "forbidden"
