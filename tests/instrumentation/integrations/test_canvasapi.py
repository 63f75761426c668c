"""canvasapi behaves exactly as before and each of its calls is recorded once, over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from canvasapi import Canvas, exceptions
from canvasapi.requester import Requester

from canvas_sync_core.events import Event
from canvas_sync_instrumentation.integrations.canvasapi import (
    instrument_canvasapi,
    uninstrument_canvasapi,
)
from canvas_sync_instrumentation.integrations.requests import (
    instrument_requests,
    uninstrument_requests,
)
from canvas_sync_instrumentation.testing import recorded_events
from support.http_answers import Answer, AnswerServer, answering
from support.recorded_calls import calls_of, events_with

pytestmark = pytest.mark.filterwarnings("ignore:Canvas may respond unexpectedly:UserWarning")

PATCHED = (requests.Session.send, Requester.request)
CODES = [function.__code__ for function in PATCHED]
TOKEN = "7~SecretSecretSecretSecret"
COURSE = "/api/v1/courses/7"


def _errors_body(message: str) -> str:
    return json.dumps({"errors": [{"message": message}]})


_REALM = {"WWW-Authenticate": 'Bearer realm="canvas-lms"', "Content-Type": "application/json"}
_NO_PERMISSION = (
    '{"status":"unauthorized","errors":[{"message":"user not authorized to perform that action"}]}'
)
_FAILURES = {
    "400": Answer(400, body=_errors_body("Invalid parameter")),
    "401 invalid": Answer(401, _REALM, _errors_body("Invalid access token.")),
    "401 revoked": Answer(401, _REALM, _errors_body("Revoked access token.")),
    "401 expired": Answer(
        401,
        _REALM,
        '{"errors":[{"message":"Expired access token.","expired_at":"2026-01-17T00:00:00Z"}]}',
    ),
    "401 scopes": Answer(401, {}, _errors_body("Insufficient scopes on access token.")),
    "401 unauthorized": Answer(401, {}, _NO_PERMISSION),
    "403 unauthorized": Answer(403, {}, _NO_PERMISSION),
    "403 no user agent": Answer(403, {"Content-Type": "text/plain"}, "Forbidden"),
    "403": Answer(403, {"X-Request-Cost": "0.1"}, _errors_body("user not authorized")),
    "403 throttled": Answer(
        403, {"Content-Type": "text/plain"}, "403 Forbidden (Rate Limit Exceeded)"
    ),
    "404": Answer(404, body=_errors_body("The specified resource does not exist.")),
    "409": Answer(409, body=_errors_body("Conflict")),
    "422": Answer(422, body=_errors_body("Unprocessable")),
    "429": Answer(429, {"X-Rate-Limit-Remaining": "0.0"}, "429 (Rate Limit Exceeded)"),
    "500": Answer(
        500,
        body='{"errors":[{"message":"An error occurred.","error_code":"internal_server_error"}],'
        '"error_report_id":7}',
    ),
    "503": Answer(503, body=_errors_body("Unavailable")),
    "502": Answer(502, {"Content-Type": "text/html"}, "<html>"),
    "not json": Answer(401, body="<html>"),
}
_DOCUMENTED = {
    "400": exceptions.BadRequest,
    "401 invalid": exceptions.InvalidAccessToken,
    "401 revoked": exceptions.InvalidAccessToken,
    "401 expired": exceptions.InvalidAccessToken,
    "401 scopes": exceptions.Unauthorized,
    "401 unauthorized": exceptions.Unauthorized,
    "403": exceptions.Forbidden,
    "403 unauthorized": exceptions.Forbidden,
    "403 no user agent": exceptions.Forbidden,
    "403 throttled": exceptions.Forbidden,
    "404": exceptions.ResourceDoesNotExist,
    "409": exceptions.Conflict,
    "422": exceptions.UnprocessableEntity,
    "429": exceptions.RateLimitExceeded,
    "500": exceptions.CanvasException,
    "503": exceptions.CanvasException,
    "502": exceptions.CanvasException,
}
"""By https://canvasapi.readthedocs.io/en/stable/exceptions.html."""


@pytest.fixture(name="server")
def _server() -> Iterator[AnswerServer]:
    with answering() as server:
        server.answers[COURSE] = [Answer(body='{"id": 7, "name": "Course of Jane"}')]
        yield server


@pytest.fixture(name="events")
def _events() -> Iterator[list[Event]]:
    with events_with(instrument_canvasapi, uninstrument_canvasapi) as events:
        yield events
    assert [function.__code__ for function in PATCHED] == CODES


@contextmanager
def instrumented() -> Iterator[list[Event]]:
    with recorded_events() as events:
        instrument_canvasapi()
        try:
            yield events
        finally:
            uninstrument_canvasapi()


def _outcome(action: Callable[[], Any]) -> tuple[object, ...]:
    try:
        return ("returned", action())
    except Exception as error:  # noqa: BLE001 - whatever comes is compared
        return (type(error), error.args, str(error), getattr(error, "message", None))


@pytest.mark.parametrize("case", _FAILURES)
def test_an_answer_raises_the_same_exception_with_and_without_the_hook(
    server: AnswerServer, case: str
) -> None:
    server.answers[COURSE] = [_FAILURES[case]]
    canvas = Canvas(server.url, TOKEN)
    without = _outcome(lambda: canvas.get_course(7))
    with instrumented() as events:
        assert _outcome(lambda: canvas.get_course(7)) == without
    assert without[0] != "returned"
    (call,) = calls_of(events)
    assert call.status_code == _FAILURES[case].status
    assert call.throttled is ("Rate Limit" in _FAILURES[case].body)


@pytest.mark.parametrize("case", _DOCUMENTED)
def test_under_the_hook_each_status_raises_the_documented_exception(
    server: AnswerServer, events: list[Event], case: str
) -> None:
    server.answers[COURSE] = [_FAILURES[case]]
    canvas = Canvas(server.url, TOKEN)
    with pytest.raises(exceptions.CanvasException) as raised:
        canvas.get_course(7)
    assert raised.type is _DOCUMENTED[case]


@pytest.mark.parametrize(
    ("url", "error_class"), [(None, "timeout"), ("http://127.0.0.1:1", "connection")]
)
def test_a_call_without_an_answer_raises_the_same_exception(
    server: AnswerServer, url: str | None, error_class: str
) -> None:
    server.answers[COURSE] = [Answer(hang=True)]

    class Impatient(requests.Session):
        def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
            return super().send(request, **{**kwargs, "timeout": 0.2})

    canvas = Canvas(url or server.url, TOKEN)
    canvas._Canvas__requester._session = Impatient()
    without = _outcome(lambda: canvas.get_course(7))
    with instrumented() as events:
        with_hook = _outcome(lambda: canvas.get_course(7))
    assert with_hook[0] is without[0]
    assert [type(arg) for arg in _args(with_hook)] == [type(arg) for arg in _args(without)]
    (call,) = calls_of(events)
    assert (call.status_code, call.error_class) == (None, error_class)


def _args(outcome: tuple[object, ...]) -> tuple[object, ...]:
    assert isinstance(outcome[1], tuple)
    return outcome[1]


@pytest.mark.parametrize("requests_first", [True, False])
def test_a_call_is_recorded_once_when_requests_is_instrumented_too(
    server: AnswerServer, requests_first: bool
) -> None:
    instruments = [instrument_requests, instrument_canvasapi]
    canvas = Canvas(server.url, TOKEN)
    with recorded_events() as events:
        for instrument in instruments if requests_first else reversed(instruments):
            instrument()
        canvas.get_course(7)
        assert len(calls_of(events)) == 1
        uninstrument_canvasapi()
        canvas.get_course(7)
        assert len(calls_of(events)) == 2
        uninstrument_requests()
        canvas.get_course(7)
        assert len(calls_of(events)) == 2
    assert [function.__code__ for function in PATCHED] == CODES


def test_the_answer_is_given_as_it_was(server: AnswerServer, events: list[Event]) -> None:
    course = Canvas(server.url, TOKEN).get_course(7)
    assert course.name == "Course of Jane"
    (call,) = calls_of(events)
    assert (call.route, call.path) == ("/api/v1/courses/:id", COURSE)


def test_no_token_no_name_and_no_body_is_recorded(
    server: AnswerServer, events: list[Event]
) -> None:
    canvas = Canvas(server.url, TOKEN)
    canvas.get_course(7)
    server.answers["/api/v1/courses/7/search_users"] = [Answer(400, body='{"name": "Jane"}')]
    with pytest.raises(Exception, match="Jane"):
        list(canvas.get_course(7).get_users(search_term="Jane Doe"))
    assert len(calls_of(events)) == 3
    recorded = repr(events)
    assert "Secret" not in recorded
    assert "Jane" not in recorded


def test_a_client_made_before_is_seen(server: AnswerServer) -> None:
    canvas = Canvas(server.url, TOKEN)
    with instrumented() as events:
        canvas.get_course(7)
    canvas.get_course(7)
    assert len(calls_of(events)) == 1


def test_each_page_of_a_list_is_a_call(server: AnswerServer, events: list[Event]) -> None:
    target = "/api/v1/courses/7/assignments"
    following = f'<{server.url}{target}?page=2>; rel="next"'
    server.answers[target] = [
        Answer(headers={"Link": following}, body='[{"id": 1}]'),
        Answer(headers={"Link": f'<{server.url}{target}>; rel="first"'}, body='[{"id": 2}]'),
    ]
    course = Canvas(server.url, TOKEN).get_course(7)
    assert [assignment.id for assignment in course.get_assignments()] == [1, 2]
    pages = [call for call in calls_of(events) if call.is_page]
    assert [call.route for call in pages] == ["/api/v1/courses/:course_id/assignments"] * 2


def test_other_traffic_of_the_app_is_not_recorded(
    server: AnswerServer, events: list[Event]
) -> None:
    requests.get(server.url + COURSE, timeout=60)
    Canvas(server.url, TOKEN).get_course(7)
    requests.get(server.url + COURSE, timeout=60)
    assert len(calls_of(events)) == 1


def test_an_upload_to_another_host_is_not_a_canvas_call(
    server: AnswerServer, events: list[Event], tmp_path: Path
) -> None:
    file = tmp_path / "x.txt"
    file.write_text("content")
    with answering() as storage:
        storage.answers["/upload"] = [Answer(201, body='{"id": 9, "url": "x"}')]
        server.answers["/api/v1/courses/7/files"] = [
            Answer(
                body=json.dumps(
                    {"upload_url": storage.url + "/upload", "upload_params": {"key": "1"}}
                )
            )
        ]
        course = Canvas(server.url, TOKEN).get_course(7)
        uploaded, _ = course.upload(str(file))
        assert uploaded
        assert storage.requests == [("POST", "/upload")]
    assert [call.route for call in calls_of(events)] == [
        "/api/v1/courses/:id",
        "/api/v1/courses/:course_id/files",
    ]


def test_graphql_and_new_quizzes_are_canvas_calls(
    server: AnswerServer, events: list[Event]
) -> None:
    server.answers["/api/graphql"] = [Answer(body='{"data": {}}')]
    server.answers["/api/quiz/v1/courses/7/quizzes"] = [Answer()]
    canvas = Canvas(server.url, TOKEN)
    canvas.graphql("query { x }")
    assert list(canvas.get_course(7).get_new_quizzes()) == []
    assert [call.route for call in calls_of(events)] == [
        "/api/graphql",
        "/api/v1/courses/:id",
        "/api/quiz/v1/courses/:course_id/quizzes",
    ]


def test_instrumenting_twice_records_once(server: AnswerServer, events: list[Event]) -> None:
    instrument_canvasapi()
    Canvas(server.url, TOKEN).get_course(7)
    assert len(calls_of(events)) == 1
