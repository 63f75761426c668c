"""Routes are bounded, and no path lets an identifier through that is not a number."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_core.canvas._route_table import templates
from canvas_sync_core.canvas.routes import (
    counts_on_canvas_host,
    is_canvas_path,
    is_known_route,
    route_of,
    sanitized_path,
)

TEMPLATES = sorted(templates())
WORDS = {word for template in TEMPLATES for word in template.split("/")}
IDENTIFIERS = st.text(min_size=1, max_size=30).filter(
    lambda text: (
        not set(text) & set("/?#")
        and unquote(text).removesuffix(".json") not in WORDS | {"self", "api"}
    )
)
DOCUMENTED = [
    line.split()
    for line in (Path(__file__).parent / "documented_routes.txt").read_text().splitlines()
    if not line.startswith("#")
]


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/api/v1/courses", "/api/v1/courses"),
        ("/api/v1/courses/", "/api/v1/courses"),
        ("/api/v1/courses/7", "/api/v1/courses/:id"),
        ("/api/v1/courses/sis_course_id:MATH-1", "/api/v1/courses/:id"),
        ("/api/v1/courses/7/assignments?page=2", "/api/v1/courses/:course_id/assignments"),
        (
            "/api/v1/courses/lti_context_id:af03/assignments/8/submissions/self",
            "/api/v1/courses/:course_id/assignments/:assignment_id/submissions/:user_id",
        ),
        (
            "/api/v1/courses/7/assignments/8/submissions/update_grades",
            "/api/v1/courses/:course_id/assignments/:assignment_id/submissions/update_grades",
        ),
        ("/api/v1/users/self", "/api/v1/users/:id"),
        ("/api/v1/users/self/profile", "/api/v1/users/:user_id/profile"),
        ("/api/v1/users/self/todo", "/api/v1/users/self/todo"),
        ("/api/v1/users/12~345/enrollments", "/api/v1/users/:user_id/enrollments"),
        ("/api/v1/accounts/1/sis_imports/9", "/api/v1/accounts/:account_id/sis_imports/:id"),
        ("/api/v1/courses/7/files/8", "/api/v1/courses/:course_id/files/:id"),
        (
            "/api/v1/groups/7/folders/by_path/a/b/c",
            "/api/v1/groups/:group_id/folders/by_path/*full_path",
        ),
        (
            "/api/quiz/v1/courses/7/quizzes/8/items",
            "/api/quiz/v1/courses/:course_id/quizzes/:assignment_id/items",
        ),
        ("/api/graphql", "/api/graphql"),
        ("/login/oauth2/token", "/login/oauth2/token"),
        ("/api/v1/no/such/route", "other"),
        ("/api/v1/courses/7/assignments/8/nonsense", "other"),
        ("/", "other"),
        ("", "other"),
    ],
)
def test_a_path_has_the_route_that_canvas_documents(path: str, route: str) -> None:
    assert route_of(path) == route


@pytest.mark.parametrize(("method", "template"), DOCUMENTED)
def test_a_documented_route_is_known_by_its_template(method: str, template: str) -> None:
    names = re.findall(r":(\w+)", template)
    path = re.sub(r":(\w+)", "17", template)
    assert _shape(route_of(path)) == _shape(template)
    assert names == ["folder_id"] or route_of(path) == template


def _shape(template: str) -> str:
    return re.sub(r":\w+", ":", template)


@pytest.mark.parametrize(
    "identifier",
    [
        "17",
        "12~345",
        "12%7E345",
        "self",
        "default",
        "sis_course_id:search",
        "sis_course_id:A%2FB%3F",
        "sis_user_id:jane.doe@example.edu",
        "sis_login_id%3Ajane",
        "hex:sis_course_id:4d41544831",
        "lti_context_id:4d2c9a",
        "uuid:W9GQIcdoDTqwX8mxIunDQQVL6WZTaGmpa5xovmCBx",
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        "new-course",
        "2026-01-31",
        "überblick",
    ],
)
@pytest.mark.parametrize(
    "template",
    [
        "/api/v1/courses/:id",
        "/api/v1/courses/:course_id/assignments",
        "/api/v1/courses/:course_id/pages/:url_or_id/revisions",
        "/api/v1/accounts/:account_id/users/:user_id/restore",
    ],
)
def test_every_form_of_an_id_leads_to_the_route(identifier: str, template: str) -> None:
    assert route_of(re.sub(r":\w+", identifier, template)) == template


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/api/v1/courses/7/assignments/overrides", "assignments/overrides"),
        ("/api/v1/courses/7/assignments/8/overrides", "assignments/:assignment_id/overrides"),
        ("/api/v1/courses/7/discussion_topics/read_all", "discussion_topics/read_all"),
        ("/api/v1/courses/7/discussion_topics/8/read_all", "discussion_topics/:topic_id/read_all"),
        ("/api/v1/courses/7/gradebook_history/days", "gradebook_history/days"),
        ("/api/v1/courses/7/gradebook_history/2026-01-31", "gradebook_history/:date"),
        ("/api/v1/courses/7/pages/revisions", "pages/:url_or_id"),
        ("/api/v1/courses/7/quizzes/8/submissions/self/files", "submissions/self/files"),
        ("/api/v1/courses/7/quizzes/8/submissions/self", "submissions/:id"),
        ("/api/v1/courses/7/ai_experiences/new", "ai_experiences/new"),
    ],
)
def test_a_literal_word_comes_before_an_id(path: str, route: str) -> None:
    assert route_of(path).endswith(f"/{route}")


@pytest.mark.parametrize(
    ("path", "route", "sanitized"),
    [
        ("//api/v1/courses", "/api/v1/courses", "/api/v1/courses"),
        ("/api//v1/courses//7/", "/api/v1/courses/:id", "/api/v1/courses/7"),
        ("/api/v1/courses.json", "/api/v1/courses", "/api/v1/courses"),
        ("/api/v1/courses/7.json?page=2", "/api/v1/courses/:id", "/api/v1/courses/7"),
        (
            "/canvas/api/v1/courses/7/users",
            "/api/v1/courses/:course_id/users",
            "/api/v1/courses/7/users",
        ),
        ("/jane/lms/api/graphql", "/api/graphql", "/api/graphql"),
        ("/api/lms/api/v1/courses/7", "/api/v1/courses/:id", "/api/v1/courses/7"),
        ("/jane/api/v1/no/such", "other", "/api/v1/:id/:id"),
        ("/canvas/login/oauth2/token", "/login/oauth2/token", "/login/oauth2/token"),
        ("/files/12/download", "/files/:id/download", "/files/12/download"),
        ("/canvas/files/12/download", "/files/:id/download", "/files/12/download"),
        (
            "/canvas/courses/7/files/12/download",
            "/courses/:course_id/files/:id/download",
            "/courses/7/files/12/download",
        ),
        ("/api/v1/no/files/9", "other", "/api/v1/:id/files/9"),
    ],
)
def test_other_spellings_and_prefixes_lead_to_the_same_route(
    path: str, route: str, sanitized: str
) -> None:
    assert (route_of(path), sanitized_path(path)) == (route, sanitized)


def test_every_template_is_the_route_of_its_own_paths() -> None:
    """No template hides another one."""
    for template in TEMPLATES:
        path = re.sub(r"[:*]\w+", "x-9", template)
        assert route_of(path) == template


def test_a_route_is_known_only_by_its_template() -> None:
    assert all(map(is_known_route, TEMPLATES))
    assert not any(map(is_known_route, ["other", "/api/v1/courses/7", "/api/v1/no/such", ""]))


def test_no_template_is_listed_twice() -> None:
    assert len(TEMPLATES) == len(set(TEMPLATES))


@given(st.text())
def test_the_routes_are_bounded(path: str) -> None:
    assert route_of(path) in {*TEMPLATES, "other"}


@given(st.sampled_from(TEMPLATES), st.data())
def test_an_identifier_never_stays_in_a_known_path(template: str, data: st.DataObject) -> None:
    known_form = r"[0-9]{1,19}|[0-9]{1,6}~[0-9]{1,13}"
    identifier = data.draw(
        IDENTIFIERS.filter(
            lambda text: not re.fullmatch(known_form, re.sub(r"\.json$", "", unquote(text)))
        )
    )
    path = re.sub(r"[:*]\w+", lambda _: identifier, template)
    assert sanitized_path(path) == template


@given(st.lists(st.one_of(IDENTIFIERS, st.sampled_from(sorted(WORDS - {""})))))
def test_an_unknown_path_keeps_only_words_of_canvas_and_numbers(segments: list[str]) -> None:
    for segment in sanitized_path("/".join(["", "x", *segments])).split("/"):
        assert segment in WORDS | {":id"} or re.fullmatch("[0-9]+(~[0-9]+)?", segment)


@pytest.mark.parametrize(
    ("path", "sanitized"),
    [
        ("/api/v1/courses/7/assignments/8", "/api/v1/courses/7/assignments/8"),
        ("/api/v1/courses/7/assignments?search_term=Jane", "/api/v1/courses/7/assignments"),
        ("/api/v1/courses/sis_course_id:A/enrollments", "/api/v1/courses/:course_id/enrollments"),
        ("/api/v1/courses/7/pages/jane-doe", "/api/v1/courses/7/pages/:url_or_id"),
        ("/api/v1/users/self/profile", "/api/v1/users/self/profile"),
        ("/api/v1/secret/7/courses", "/api/v1/:id/7/courses"),
        (
            "/api/v1/users/5/communication_channels/sms/5551234567",
            "/api/v1/users/5/communication_channels/:type/:address",
        ),
        ("/api/v1/users/7~0123456789abcdefghij", "/api/v1/users/:id"),
    ],
)
def test_a_path_keeps_numbers_and_nothing_else_that_the_caller_chose(
    path: str, sanitized: str
) -> None:
    assert sanitized_path(path) == sanitized


def test_an_unknown_path_cannot_grow_without_end() -> None:
    assert len(sanitized_path("/courses" * 1000)) < 200


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/v1/courses", True),
        ("/api/quiz/v1/courses/1/quizzes", True),
        ("/api/graphql", True),
        ("/login/oauth2/token", True),
        ("/login/oauth2/token/", True),
        ("//api/v1/courses", True),
        ("/api//v1/courses", True),
        ("/api/v1/courses.json", True),
        ("/api/sis/courses/5/assignments", True),
        ("/api/lti/courses/5/line_items", True),
        ("/api/v2/courses", False),
        ("/api/graphqlx", False),
        ("/canvas/api/v1/courses", False),
        ("/files/12/download", False),
        ("/courses/7", False),
        ("", False),
    ],
)
def test_canvas_is_recognised_by_its_paths(path: str, expected: bool) -> None:
    assert is_canvas_path(path) is expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/v1/courses", True),
        ("/canvas/api/v1/courses", True),
        ("/api/v2/courses", True),
        ("/files/12/download", True),
        ("/canvas/courses/7/files/12/download", True),
        ("/canvas/login/oauth2/token", True),
        ("/courses/7", False),
        ("/dashboard", False),
        ("/", False),
        ("", False),
    ],
)
def test_on_a_known_host_every_path_of_an_api_counts(path: str, expected: bool) -> None:
    assert counts_on_canvas_host(path) is expected
