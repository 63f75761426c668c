"""Routes are bounded, and no path lets an identifier through that is not a number."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_instrumentation.canvas._route_table import templates
from canvas_sync_instrumentation.canvas.routes import (
    is_canvas_path,
    route_of,
    sanitized_path,
)

TEMPLATES = sorted(templates())
WORDS = {word for template in TEMPLATES for word in template.split("/")}
IDENTIFIERS = st.text(min_size=1, max_size=30).filter(
    lambda text: not set(text) & set("/?#") and text not in WORDS | {"self"}
)


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


def test_every_template_is_the_route_of_its_own_paths() -> None:
    """No template hides another one."""
    for template in TEMPLATES:
        path = re.sub(r"[:*]\w+", "x-9", template)
        assert route_of(path) == template


def test_no_template_is_listed_twice() -> None:
    assert len(TEMPLATES) == len(set(TEMPLATES))


@given(st.text())
def test_the_routes_are_bounded(path: str) -> None:
    assert route_of(path) in {*TEMPLATES, "other"}


@given(st.sampled_from(TEMPLATES), st.data())
def test_an_identifier_never_stays_in_a_known_path(template: str, data: st.DataObject) -> None:
    kept = r"[0-9]{1,19}|[0-9]{1,6}~[0-9]{1,13}"
    identifier = data.draw(IDENTIFIERS.filter(lambda text: not re.fullmatch(kept, text)))
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
        ("/api/v2/courses", False),
        ("/courses/7", False),
        ("", False),
    ],
)
def test_canvas_is_told_by_its_paths(path: str, expected: bool) -> None:
    assert is_canvas_path(path) is expected
