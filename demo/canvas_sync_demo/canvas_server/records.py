"""Records as Canvas's REST API spells them.

Source: https://canvas.instructure.com/doc/api/ (Courses, Assignments, Submissions, Users,
Enrollments), the fields that a sync reads.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .school import Assignment, Course, Enrollment, Submission, User

__all__ = [
    "assignment_record",
    "course_record",
    "enrollment_record",
    "submission_record",
    "user_record",
]


def course_record(course: Course) -> dict[str, Any]:
    """A Course object."""
    return {
        "id": course.id,
        "name": course.name,
        "course_code": f"C-{course.id}",
        "sis_course_id": course.sis_course_id,
        "workflow_state": "available",
        "enrollment_term_id": 1,
    }


def user_record(user: User) -> dict[str, Any]:
    """A User object."""
    return {
        "id": user.id,
        "name": user.name,
        "sortable_name": user.name,
        "short_name": user.name,
        "login_id": user.email,
        "email": user.email,
    }


def enrollment_record(enrollment: Enrollment, user: User) -> dict[str, Any]:
    """An Enrollment object with its user inside."""
    return {
        "id": enrollment.id,
        "course_id": enrollment.course_id,
        "user_id": enrollment.user_id,
        "type": enrollment.type,
        "role": enrollment.type,
        "enrollment_state": "active",
        "user": user_record(user),
    }


def assignment_record(assignment: Assignment) -> dict[str, Any]:
    """An Assignment object."""
    return {
        "id": assignment.id,
        "course_id": assignment.course_id,
        "name": assignment.name,
        "points_possible": assignment.points_possible,
        "due_at": _time(assignment.due_at),
        "grading_type": "points",
        "published": True,
    }


def submission_record(submission: Submission) -> dict[str, Any]:
    """A Submission object."""
    graded = submission.score is not None
    return {
        "id": submission.id,
        "assignment_id": submission.assignment_id,
        "user_id": submission.user_id,
        "body": submission.body,
        "submitted_at": _time(submission.submitted_at),
        "score": submission.score,
        "grade": f"{submission.score}" if graded else None,
        "graded_at": _time(submission.graded_at),
        "workflow_state": "graded" if graded else "submitted",
        "attempt": 1,
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")
