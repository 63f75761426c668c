"""Headers, bodies and lists as Canvas documents them, over real HTTP."""

from __future__ import annotations

import http.client
import json
import re
import uuid
from urllib.parse import urlsplit

import pytest
import requests

from canvas_sync_demo.canvas_server import (
    Behaviour,
    CanvasServer,
    Fault,
    FaultPlan,
    QuotaSpent,
    ServerError,
    When,
)
from support.canvas import SMALL_SCHOOL

TEACHER = 41
ANSWERED = 200


def get(
    server: CanvasServer, path: str, user: int = TEACHER, **params: object
) -> requests.Response:
    return requests.get(
        f"{server.url}{path}",
        params={name: str(value) for name, value in params.items()},
        headers={"Authorization": f"Bearer {server.tokens[user]}"},
        timeout=60,
    )


def raw(server: CanvasServer, path: str, headers: dict[str, str]) -> tuple[int, bytes, list[str]]:
    """A request with just these headers; gives status, body and header names as sent."""
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(server.url).port, timeout=60)
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    names = [name for name, _ in response.getheaders()]
    body = response.read()
    connection.close()
    return response.status, body, names


class TestEveryAnswer:
    def test_carries_quota_cost_and_ids_in_lower_case(self, canvas_server: CanvasServer) -> None:
        token = canvas_server.tokens[TEACHER]
        status, _, names = raw(
            canvas_server,
            "/api/v1/users/self",
            {"User-Agent": "test", "Authorization": f"Bearer {token}"},
        )
        assert status == ANSWERED
        assert {
            "x-rate-limit-remaining",
            "x-request-cost",
            "x-request-context-id",
            "x-session-id",
            "x-canvas-meta",
        } <= set(names)

    def test_reports_the_quota_that_its_cost_leaves(self) -> None:
        with CanvasServer(7, size=SMALL_SCHOOL, clock=lambda: 0.0) as server:
            answer = get(server, "/api/v1/courses")
        cost = float(answer.headers["X-Request-Cost"])
        assert 0 < cost < 1
        assert float(answer.headers["X-Rate-Limit-Remaining"]) == pytest.approx(600 - cost)

    def test_has_a_request_id_of_its_own(self, canvas_server: CanvasServer) -> None:
        answers = [get(canvas_server, "/api/v1/courses") for _ in range(3)]
        ids = {uuid.UUID(answer.headers["X-Request-Context-Id"]) for answer in answers}
        assert len(ids) == 3

    def test_has_meta_pairs(self, canvas_server: CanvasServer) -> None:
        meta = get(canvas_server, "/api/v1/courses").headers["X-Canvas-Meta"]
        assert re.fullmatch(r"(\w=[\w.]+;)+", meta)
        assert {pair[0] for pair in meta.split(";") if pair} == set("onquydbm")

    def test_comes_over_a_connection_that_stays_open(self, canvas_server: CanvasServer) -> None:
        port = urlsplit(canvas_server.url).port
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        headers = {"Authorization": f"Bearer {canvas_server.tokens[TEACHER]}", "User-Agent": "test"}
        own_ports = set()
        for _ in range(3):
            connection.request("GET", "/api/v1/courses", headers=headers)
            own_ports.add(connection.sock.getsockname()[1])
            connection.getresponse().read()
        connection.close()
        assert len(own_ports) == 1


class TestRefusals:
    @pytest.mark.parametrize("token", ["1~demonsense", "x"])
    def test_an_unknown_token(self, canvas_server: CanvasServer, token: str) -> None:
        answer = requests.get(
            f"{canvas_server.url}/api/v1/courses",
            headers={"Authorization": f"Bearer {token}"},
            timeout=60,
        )
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="canvas-lms"'
        assert answer.json() == {"errors": [{"message": "Invalid access token."}]}

    def test_no_token(self, canvas_server: CanvasServer) -> None:
        answer = requests.get(f"{canvas_server.url}/api/v1/courses", timeout=60)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="canvas-lms"'
        assert answer.json()["status"] == "unauthenticated"

    def test_a_token_in_the_query_is_accepted_too(self, canvas_server: CanvasServer) -> None:
        token = canvas_server.tokens[TEACHER]
        answer = requests.get(
            f"{canvas_server.url}/api/v1/courses?access_token={token}&per_page=1", timeout=60
        )
        assert answer.status_code == ANSWERED
        assert token not in answer.headers["Link"]

    def test_no_user_agent(self, canvas_server: CanvasServer) -> None:
        token = canvas_server.tokens[TEACHER]
        status, _, _ = raw(
            canvas_server, "/api/v1/users/self", {"Authorization": f"Bearer {token}"}
        )
        assert status == 403

    @pytest.mark.parametrize("status", [401, 403])
    def test_a_course_of_somebody_else(self, status: int) -> None:
        """401 in older versions, 403 in current ones; never with a challenge."""
        with CanvasServer(
            7, size=SMALL_SCHOOL, behaviour=Behaviour(forbidden_status=status)
        ) as server:
            answer = get(server, "/api/v1/courses/103/assignments")
        assert answer.status_code == status
        assert "WWW-Authenticate" not in answer.headers
        assert answer.json() == {
            "status": "unauthorized",
            "errors": [{"message": "user not authorized to perform that action"}],
        }

    @pytest.mark.parametrize(
        "path",
        [
            "/api/v1/courses/999",
            "/api/v1/courses/sis_course_id:none",
            "/api/v1/courses/101/assignments/1/submissions",
            "/api/v1/users/999999",
            "/api/v1/progress/1",
            "/api/v1/nothing",
            "/",
            "/api/v1/courses?page=bookmark:!!",
            "/api/v1/courses/101/enrollments?page=bookmark:AAAA",
        ],
    )
    def test_what_is_not_there(self, canvas_server: CanvasServer, path: str) -> None:
        answer = get(canvas_server, path)
        assert answer.status_code == 404
        assert answer.json() == {"errors": [{"message": "The specified resource does not exist."}]}

    def test_a_failure_of_canvas_itself(self) -> None:
        plan = FaultPlan({TEACHER: (Fault(ServerError(500)),)})
        with CanvasServer(7, size=SMALL_SCHOOL, plan=plan) as server:
            answer = get(server, "/api/v1/courses")
        assert answer.status_code == 500
        body = answer.json()
        assert body["errors"][0]["message"] == "An error occurred."
        assert body["errors"][0]["error_code"]
        assert isinstance(body["error_report_id"], int)

    @pytest.mark.parametrize("status", [403, 429])
    def test_too_many(self, status: int) -> None:
        """Text with a reason, quota but no cost, no Retry-After."""
        plan = FaultPlan({TEACHER: (Fault(QuotaSpent(620), When(times=1)),)})
        behaviour = Behaviour(throttled_status=status)
        with CanvasServer(
            7, size=SMALL_SCHOOL, plan=plan, behaviour=behaviour, clock=lambda: 0.0
        ) as server:
            assert get(server, "/api/v1/courses").status_code == ANSWERED
            answer = get(server, "/api/v1/courses")
            assert get(server, "/api/v1/courses", user=42).status_code == ANSWERED
        assert answer.status_code == status
        assert answer.headers["Content-Type"].startswith("text/plain")
        assert answer.text.startswith(f"{status} ")
        assert "(Rate Limit Exceeded)" in answer.text
        assert "X-Rate-Limit-Remaining" in answer.headers
        assert "X-Request-Cost" not in answer.headers
        assert "Retry-After" not in answer.headers


class TestLists:
    def test_have_ten_items_a_page_and_all_rels(self, canvas_server: CanvasServer) -> None:
        answer = get(canvas_server, "/api/v1/courses/101/users", page=2, per_page=5)
        assert len(answer.json()) == 5
        assert set(answer.links) == {"current", "next", "prev", "first", "last"}
        first = get(canvas_server, "/api/v1/courses/101/users")
        assert len(first.json()) == 10
        assert set(first.links) == {"current", "next", "first", "last"}

    def test_of_a_hundred_items_at_most(self, canvas_server: CanvasServer) -> None:
        path = "/api/v1/courses/101/students/submissions?student_ids[]=all"
        assert len(get(canvas_server, path, per_page=1000).json()) == 100

    @pytest.mark.parametrize("per_page", [1, 7, 100])
    @pytest.mark.parametrize("path", ["users", "enrollments", "assignments"])
    def test_give_everything_once_when_next_is_followed(
        self, canvas_server: CanvasServer, path: str, per_page: int
    ) -> None:
        answer = get(canvas_server, f"/api/v1/courses/101/{path}", per_page=per_page)
        found = [item["id"] for item in answer.json()]
        while "next" in answer.links:
            answer = requests.get(
                answer.links["next"]["url"],
                headers={"Authorization": f"Bearer {canvas_server.tokens[TEACHER]}"},
                timeout=60,
            )
            found += [item["id"] for item in answer.json()]
        school = canvas_server.school
        expected = {
            "users": [item.user_id for item in school.enrollments_of(101)],
            "enrollments": [item.id for item in school.enrollments_of(101)],
            "assignments": [item.id for item in school.assignments_of(101)],
        }
        assert found == expected[path]

    def test_with_bookmarks_know_no_last_page_and_keep_the_query(
        self, canvas_server: CanvasServer
    ) -> None:
        path = "/api/v1/courses/101/students/submissions?student_ids[]=all"
        answer = get(canvas_server, path)
        assert set(answer.links) == {"current", "next", "first"}
        following = answer.links["next"]["url"]
        assert "bookmark" in following
        assert "student_ids%5B%5D=all" in following

    def test_beyond_the_end_are_empty(self, canvas_server: CanvasServer) -> None:
        answer = get(canvas_server, "/api/v1/courses", page=50)
        assert answer.json() == []
        assert "next" not in answer.links


class TestRecords:
    def test_self_and_sis_ids_name_the_same_records(self, canvas_server: CanvasServer) -> None:
        assert get(canvas_server, "/api/v1/users/self").json()["id"] == TEACHER
        assert get(canvas_server, "/api/v1/courses/sis_course_id:SIS-102").json()["id"] == 102

    def test_without_student_ids_there_are_no_submissions_of_others(
        self, canvas_server: CanvasServer
    ) -> None:
        assert get(canvas_server, "/api/v1/courses/101/students/submissions").json() == []

    def test_graphql_returns_a_course_and_names_what_it_does_not_know(
        self, canvas_server: CanvasServer
    ) -> None:
        def ask(query: str, **variables: object) -> dict[str, object]:
            answer = requests.post(
                f"{canvas_server.url}/api/graphql",
                json={"query": query, "variables": variables},
                headers={"Authorization": f"Bearer {canvas_server.tokens[TEACHER]}"},
                timeout=60,
            )
            assert answer.status_code == ANSWERED
            return dict(answer.json())

        name = canvas_server.school.courses[101].name
        expected = {"data": {"course": {"_id": "101", "name": name}}}
        assert ask('{ course(id: "101") { _id name } }') == expected
        assert ask("query C($id: ID!) { course(id: $id) { _id name } }", id=101) == expected
        assert ask('{ course(id: "103") { name } }') == {"data": {"course": None}}
        assert ask("{ allCourses { _id } }") == {
            "data": {"allCourses": [{"_id": "101"}, {"_id": "102"}]}
        }
        assert "colour" in json.dumps(ask('{ course(id: "101") { colour } }')["errors"])

    def test_the_server_counts_what_it_answered(self, canvas_server: CanvasServer) -> None:
        get(canvas_server, "/api/v1/courses/101")
        get(canvas_server, "/api/v1/courses/102")
        get(canvas_server, "/api/v1/courses/999")
        get(canvas_server, "/elsewhere")
        assert canvas_server.requests == {
            ("GET", "/api/v1/courses/:id", 200): 2,
            ("GET", "/api/v1/courses/:id", 404): 1,
            ("GET", "other", 404): 1,
        }
