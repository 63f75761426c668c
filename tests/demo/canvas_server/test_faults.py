"""Planned faults, as the real canvasapi client meets them."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from canvasapi import Canvas
from canvasapi.exceptions import (
    CanvasException,
    Forbidden,
    InvalidAccessToken,
    RateLimitExceeded,
    ResourceDoesNotExist,
    Unauthorized,
)
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_demo import canvas_server as simulated
from canvas_sync_demo.canvas_server import Behaviour, CanvasServer, Fault, FaultPlan, When
from canvas_sync_demo.sync_app.canvas import connect
from support.canvas import SMALL_SCHOOL

TEACHER = 41
COURSES = "/api/v1/courses"


def outcome(call: Callable[[], Any]) -> str:
    try:
        call()
    except (CanvasException, requests.RequestException) as error:
        return type(error).__name__
    return "answered"


@pytest.mark.parametrize(
    ("effect", "expected", "text"),
    [
        (simulated.TokenRefused("expired"), InvalidAccessToken, "Expired access token."),
        (simulated.TokenRefused("revoked"), InvalidAccessToken, "Revoked access token."),
        (simulated.ScopeMissing(), Unauthorized, "Insufficient scopes on access token."),
        (simulated.Forbidden(), Forbidden, "user not authorized"),
        (simulated.Missing(), ResourceDoesNotExist, "Not Found"),
        (simulated.ServerError(500), CanvasException, "500"),
        (simulated.ServerError(503), CanvasException, "503"),
        (simulated.Dropped(), requests.ConnectionError, "without response"),
        (simulated.Slow(30.0), requests.Timeout, "timed out"),
    ],
    ids=repr,
)
def test_a_fault_reaches_the_client_as_the_error_that_canvas_would_cause(
    effect: simulated.faults.Effect, expected: type[Exception], text: str
) -> None:
    """Once; the next request is answered."""
    plan = FaultPlan({TEACHER: (Fault(effect, When(times=1)),)})
    with CanvasServer(7, size=SMALL_SCHOOL, plan=plan) as server:
        patient = connect(server.url, server.tokens[TEACHER], timeout=60)
        hurried = connect(server.url, server.tokens[TEACHER], timeout=1.0)
        canvas = hurried if expected is requests.Timeout else patient
        with pytest.raises(expected, match=text) as caught:
            canvas.get_current_user()
        assert type(caught.value) is not CanvasException or expected is CanvasException
        assert patient.get_current_user().id == TEACHER


@pytest.mark.parametrize(("status", "expected"), [(429, RateLimitExceeded), (403, Forbidden)])
def test_a_spent_quota_throttles_that_token_alone_until_it_leaked_out(
    status: int, expected: type[Exception]
) -> None:
    now = [0.0]
    plan = FaultPlan({TEACHER: (Fault(simulated.QuotaSpent(620), When(times=1)),)})
    with CanvasServer(
        7,
        size=SMALL_SCHOOL,
        plan=plan,
        behaviour=Behaviour(throttled_status=status),
        clock=lambda: now[0],
    ) as server:
        canvas = connect(server.url, server.tokens[TEACHER], timeout=60)
        assert canvas.get_current_user().id == TEACHER
        with pytest.raises(expected, match="Rate Limit Exceeded"):
            canvas.get_current_user()
        assert connect(server.url, server.tokens[42], timeout=60).get_current_user().id == 42
        now[0] += 8
        assert canvas.get_current_user().id == TEACHER


def test_a_fault_meets_only_its_user_route_and_course() -> None:
    when = When("/api/v1/courses/:course_id/assignments", course_id=102)
    with CanvasServer(
        7, size=SMALL_SCHOOL, plan=FaultPlan({TEACHER: (Fault(simulated.Missing(), when),)})
    ) as server:
        canvas = connect(server.url, server.tokens[TEACHER], timeout=60)
        first, second = canvas.get_courses()
        assert outcome(lambda: list(first.get_assignments())) == "answered"
        assert outcome(lambda: list(first.get_enrollments())) == "answered"
        assert outcome(lambda: list(second.get_enrollments())) == "answered"
        assert outcome(lambda: list(second.get_assignments())) == "ResourceDoesNotExist"
        other = connect(server.url, server.tokens[42], timeout=60)
        assert outcome(lambda: list(other.get_course(103).get_assignments())) == "answered"
        assert server.requests["GET", when.route or "", 404] == 1


@given(st.integers(1, 5), st.integers(1, 4), st.none() | st.integers(0, 4))
def test_a_fault_meets_the_first_then_every_nth_request_for_so_many_times(
    first: int, every: int, times: int | None
) -> None:
    when = When(first=first, every=every, times=times)
    met = [number for number in range(1, 41) if when.meets(number)]
    assert met == list(range(first, 41, every))[:times]


def test_the_same_seed_and_plan_give_the_same_answers() -> None:
    faults = (
        Fault(simulated.ServerError(500), When(COURSES, first=2, every=3)),
        Fault(simulated.Slow(0.01), When("/api/v1/users/:id")),
    )

    def all_answers() -> list[tuple[int, bytes, str | None]]:
        with CanvasServer(
            7, size=SMALL_SCHOOL, plan=FaultPlan({TEACHER: faults}), clock=lambda: 0.0
        ) as server:
            headers = {"Authorization": f"Bearer {server.tokens[TEACHER]}"}
            answers = [
                requests.get(f"{server.url}{path}", headers=headers, timeout=60)
                for path in (COURSES, "/api/v1/users/self", "/api/v1/courses/101/users") * 4
            ]
            return [
                (answer.status_code, answer.content, answer.headers.get("x-request-context-id"))
                for answer in answers
            ]

    assert all_answers() == all_answers()


def test_a_bulk_grading_is_a_job_whose_progress_runs_to_its_end() -> None:
    with CanvasServer(7, size=SMALL_SCHOOL) as server:
        canvas = connect(server.url, server.tokens[TEACHER], timeout=60)
        submission = server.school.submissions_of(101)[0]
        progress = canvas.get_course(101).submissions_bulk_update(
            grade_data={submission.assignment_id: {submission.user_id: {"posted_grade": 61.5}}}
        )
        seen = [(progress.workflow_state, progress.completion)]
        while seen[-1][0] not in {"completed", "failed"}:
            progress = progress.query()
            seen.append((progress.workflow_state, progress.completion))
        assert seen == [("queued", 0), ("running", 50), ("completed", 100)]
        assert server.school.submissions[submission.id].score == 61.5


def test_a_grade_is_put_by_the_teacher_and_by_nobody_else() -> None:
    with CanvasServer(7, size=SMALL_SCHOOL) as server:
        submission = server.school.submissions_of(101)[0]
        put = _put_grade(connect(server.url, server.tokens[TEACHER], timeout=60), submission)
        assert put.score == 71.25
        assert "71.25" in server.secrets
        with CanvasServer(7, size=SMALL_SCHOOL) as other:
            stranger = connect(other.url, other.tokens[42], timeout=60)
            with pytest.raises(Forbidden):
                _put_grade(stranger, submission)
            assert other.school.submissions[submission.id].score != 71.25


def _put_grade(canvas: Canvas, submission: Any) -> Any:
    from canvasapi.submission import Submission

    at_hand = Submission(
        canvas._Canvas__requester,
        {
            "course_id": submission.course_id,
            "assignment_id": submission.assignment_id,
            "user_id": submission.user_id,
        },
    )
    return at_hand.edit(submission={"posted_grade": 71.25})


def test_a_client_that_left_before_its_answer_causes_no_output(
    capsys: pytest.CaptureFixture[str],
) -> None:
    slow = FaultPlan({TEACHER: (Fault(simulated.Slow(60)),)})
    with CanvasServer(7, size=SMALL_SCHOOL, plan=slow) as server:
        address = ("127.0.0.1", urlsplit(server.url).port)
        with socket.create_connection(address, timeout=60) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            token = server.tokens[TEACHER]
            head = f"GET {COURSES} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}"
            client.sendall(f"{head}\r\nUser-Agent: test\r\n\r\n".encode())
            while not server.holds(TEACHER):
                threading.Event().wait(0.005)
    assert capsys.readouterr().err == ""
