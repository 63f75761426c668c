"""The walk: courses, then each one's people, assignments, submissions and grades."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from canvasapi import Canvas
from canvasapi.exceptions import Forbidden, ResourceDoesNotExist, Unauthorized
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from .canvas import patiently
from .database import save
from .models import Assignment, Course, Enrollment, Grade, Submission, User

__all__ = ["copy_courses"]


def copy_courses(canvas: Canvas, engine: Engine) -> list[int]:
    """Copy all courses of the token's user.

    Returns:
        Ids of the courses that Canvas did not let us read.
    """
    skipped: list[int] = []
    patiently(canvas.get_current_user)  # a bad token ends the sync before anything is written
    courses = _all(canvas.get_courses())
    with Session(engine) as session:
        save(session, Course, map(_course, courses))
        for course in courses:
            try:
                _copy_course(session, course)
            except (Forbidden, Unauthorized, ResourceDoesNotExist):
                skipped.append(course.id)
    return skipped


def _copy_course(session: Session, course: Any) -> None:
    save(session, User, map(_user, _all(course.get_users())))
    save(session, Enrollment, map(_enrollment, _all(course.get_enrollments())))
    save(session, Assignment, map(_assignment, _all(course.get_assignments())))
    submissions = _all(course.get_multiple_submissions(student_ids=["all"]))
    save(session, Submission, map(_submission, submissions))
    save(session, Grade, (_grade(item) for item in submissions if item.score is not None))


def _all(pages: Any) -> list[Any]:
    """Every item of a list; a retry goes on with the page that failed."""
    return patiently(lambda: list(pages))


def _course(item: Any) -> dict[str, Any]:
    return {"id": item.id, "name": item.name, "code": item.course_code}


def _user(item: Any) -> dict[str, Any]:
    return {"id": item.id, "name": item.name, "email": getattr(item, "email", None)}


def _enrollment(item: Any) -> dict[str, Any]:
    return {
        "id": item.id,
        "course_id": item.course_id,
        "user_id": item.user_id,
        "role": item.type,
    }


def _assignment(item: Any) -> dict[str, Any]:
    return {
        "id": item.id,
        "course_id": item.course_id,
        "name": item.name,
        "points_possible": item.points_possible,
        "due_at": _time(item.due_at),
    }


def _submission(item: Any) -> dict[str, Any]:
    return {
        "id": item.id,
        "assignment_id": item.assignment_id,
        "user_id": item.user_id,
        "state": item.workflow_state,
        "submitted_at": _time(item.submitted_at),
    }


def _grade(item: Any) -> dict[str, Any]:
    return {"id": item.id, "score": item.score, "graded_at": _time(item.graded_at)}


def _time(text: str | None) -> datetime | None:
    """Canvas's UTC time as the database keeps it: without a zone."""
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=None)
