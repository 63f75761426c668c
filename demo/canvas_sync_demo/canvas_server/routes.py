"""The routes of the API that a sync needs: templates as in the Canvas docs, and handlers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from .answers import (
    Answer,
    RefusedError,
    bad_request,
    forbidden,
    json_answer,
    not_found,
)
from .graphql import answer_query
from .jobs import Jobs
from .paging import bookmarked, numbered
from .records import (
    assignment_record,
    course_record,
    enrollment_record,
    submission_record,
    user_record,
)
from .request import Request
from .school import Assignment, Course, School, Submission, User

__all__ = ["OTHER", "Call", "Route", "find_route"]

OTHER = "other"
"""The route under which requests to unknown routes are counted."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a handler works with.

    Attributes:
        request: What came.
        ids: Values of the route's placeholders.
        user: Whose token it carries.
        school: The data.
        jobs: Work done later.
        forbidden_status: 403, or 401 as older versions of Canvas.
    """

    request: Request
    ids: Mapping[str, str]
    user: User
    school: School
    jobs: Jobs
    forbidden_status: int

    def course(self, name: str = "course_id") -> Course:
        """The course in the path, by number or SIS id, if the user may see it."""
        kind, _, sis_id = self.ids[name].partition(":")
        if kind == "sis_course_id":
            by_sis = {course.sis_course_id: course for course in self.school.courses.values()}
            course = by_sis.get(sis_id)
        else:
            course = self.school.courses.get(_number(self.ids[name]))
        if course is None:
            raise RefusedError(not_found())
        if course not in self.school.courses_of(self.user.id):
            raise RefusedError(forbidden(self.forbidden_status))
        return course

    def assignment(self) -> Assignment:
        """The assignment in the path, if it is of the course in the path."""
        found = self.school.assignments.get(_number(self.ids["assignment_id"]))
        if found is None or found.course_id != self.course().id:
            raise RefusedError(not_found())
        return found


Handler = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """One route; ``pattern`` finds the placeholders of ``template`` in a path."""

    method: str
    template: str
    pattern: re.Pattern[str]
    handler: Handler


def find_route(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """Find the route of a request and the values of its placeholders."""
    for route in _ROUTES:
        match = route.pattern.fullmatch(path) if route.method == method else None
        if match:
            return route, match.groupdict()
    return None


def _user(call: Call) -> Answer:
    wanted = call.user.id if call.ids["id"] == "self" else _number(call.ids["id"])
    user = call.school.users.get(wanted)
    if user is None:
        raise RefusedError(not_found())
    return json_answer(user_record(user))


def _user_courses(call: Call) -> Answer:
    if call.ids["user_id"] not in {"self", str(call.user.id)}:
        raise RefusedError(forbidden(call.forbidden_status))
    return _courses(call)


def _courses(call: Call) -> Answer:
    courses = call.school.courses_of(call.user.id)
    return numbered(call.request, [course_record(course) for course in courses])


def _course(call: Call) -> Answer:
    return json_answer(course_record(call.course("id")))


def _course_users(call: Call) -> Answer:
    enrollments = call.school.enrollments_of(call.course().id)
    users = [call.school.users[enrollment.user_id] for enrollment in enrollments]
    return numbered(call.request, [user_record(user) for user in users])


def _course_enrollments(call: Call) -> Answer:
    enrollments = call.school.enrollments_of(call.course().id)
    users = call.school.users
    return bookmarked(
        call.request, [enrollment_record(item, users[item.user_id]) for item in enrollments]
    )


def _course_assignments(call: Call) -> Answer:
    assignments = call.school.assignments_of(call.course().id)
    return numbered(call.request, [assignment_record(item) for item in assignments])


def _course_submissions(call: Call) -> Answer:
    """Without ``student_ids[]=all`` Canvas lists the caller's own: a teacher has none."""
    if ("student_ids[]", "all") not in call.request.query:
        call.course()
        return bookmarked(call.request, [])
    submissions = call.school.submissions_of(call.course().id)
    return bookmarked(call.request, [submission_record(item) for item in submissions])


def _assignment_submissions(call: Call) -> Answer:
    assignment = call.assignment()
    submissions = call.school.submissions_of(assignment.course_id, assignment.id)
    return bookmarked(call.request, [submission_record(item) for item in submissions])


def _put_grade(call: Call) -> Answer:
    assignment = call.assignment()
    grade = dict(_form(call.request)).get("submission[posted_grade]")
    if grade is None:
        raise RefusedError(bad_request("submission is missing"))
    graded = _grade(call, assignment, _number(call.ids["user_id"]), grade)
    return json_answer(submission_record(graded))


def _grade(call: Call, assignment: Assignment, user_id: int, grade: str) -> Submission:
    submissions = call.school.submissions_of(assignment.course_id, assignment.id)
    found = next((item for item in submissions if item.user_id == user_id), None)
    if found is None:
        raise RefusedError(not_found())
    try:
        return call.school.grade(found.id, float(grade))
    except ValueError:
        raise RefusedError(bad_request("posted_grade is not a number")) from None


_GRADE_FIELD = re.compile(r"grade_data\[([0-9]{1,9})\]\[([0-9]{1,9})\]\[posted_grade\]")


def _update_grades(call: Call) -> Answer:
    """Bulk grading, ``grade_data[<assignment>][<student>][posted_grade]``: a job."""
    course = call.course()
    for name, grade in _form(call.request):
        match = _GRADE_FIELD.fullmatch(name)
        assignment = call.school.assignments.get(int(match[1])) if match else None
        if match is None or assignment is None or assignment.course_id != course.id:
            raise RefusedError(bad_request("grade_data is missing"))
        _grade(call, assignment, int(match[2]), grade)
    job_id = call.jobs.start("submissions_update")
    return json_answer(call.jobs.look(job_id))


def _progress(call: Call) -> Answer:
    progress = call.jobs.look(_number(call.ids["id"]))
    if progress is None:
        raise RefusedError(not_found())
    return json_answer(progress)


def _graphql(call: Call) -> Answer:
    try:
        body = json.loads(call.request.body)
        query, variables = body["query"], body.get("variables") or {}
    except (ValueError, TypeError, KeyError):
        raise RefusedError(bad_request("query is missing")) from None
    courses = call.school.courses_of(call.user.id)
    return json_answer(answer_query(str(query), dict(variables), courses))


def _form(request: Request) -> list[tuple[str, str]]:
    """Parameters of a form body or, as Canvas allows, of the query."""
    return [*parse_qsl(request.body.decode("utf-8", "replace")), *request.query]


def _number(text: str) -> int:
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else -1


def _route(method: str, template: str, handler: Handler) -> Route:
    pattern = re.sub(r":(\w+)", r"(?P<\1>[^/]+)", template)
    return Route(method, template, re.compile(pattern), handler)


_COURSE = "/api/v1/courses/:course_id"
_SUBMISSIONS = f"{_COURSE}/assignments/:assignment_id/submissions"
_ROUTES = (
    _route("GET", "/api/v1/users/:id", _user),
    _route("GET", "/api/v1/users/:user_id/courses", _user_courses),
    _route("GET", "/api/v1/courses", _courses),
    _route("GET", "/api/v1/courses/:id", _course),
    _route("GET", f"{_COURSE}/users", _course_users),
    _route("GET", f"{_COURSE}/search_users", _course_users),
    _route("GET", f"{_COURSE}/enrollments", _course_enrollments),
    _route("GET", f"{_COURSE}/assignments", _course_assignments),
    _route("GET", f"{_COURSE}/students/submissions", _course_submissions),
    _route("GET", _SUBMISSIONS, _assignment_submissions),
    _route("PUT", f"{_SUBMISSIONS}/:user_id", _put_grade),
    _route("POST", f"{_COURSE}/submissions/update_grades", _update_grades),
    _route("GET", "/api/v1/progress/:id", _progress),
    _route("POST", "/api/graphql", _graphql),
)
