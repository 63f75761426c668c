"""What the simulated Canvas knows: users, courses, enrollments, assignments, submissions.

All of it is made from a seed. Whatever must never reach telemetry carries a mark (``Zq-``, the
domain ``students.invalid``, grades with six decimals), so that a test can look for it.
"""

from __future__ import annotations

import itertools
import random
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

__all__ = [
    "Assignment",
    "Course",
    "Enrollment",
    "School",
    "SchoolSize",
    "Submission",
    "User",
    "make_school",
]

_TERM_START = datetime(2026, 9, 1, 8, tzinfo=UTC)
_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class SchoolSize:
    """How many objects of each kind there are; no two teachers share a course."""

    teachers: int = 7
    courses_per_teacher: int = 2
    students: int = 60
    students_per_course: int = 24
    assignments_per_course: int = 12


@dataclass(frozen=True, slots=True)
class User:
    """A person; only teachers have an access token here."""

    id: int
    name: str
    email: str
    token: str | None = None


@dataclass(frozen=True, slots=True)
class Course:
    """A course and the id that the student information system gave it."""

    id: int
    name: str
    sis_course_id: str


@dataclass(frozen=True, slots=True)
class Enrollment:
    """A user's place in a course; ``type`` as Canvas spells it, such as ``StudentEnrollment``."""

    id: int
    course_id: int
    user_id: int
    type: str


@dataclass(frozen=True, slots=True)
class Assignment:
    """An assignment that every student of the course submits."""

    id: int
    course_id: int
    name: str
    points_possible: float
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Submission:
    """One student's work for one assignment; ``score`` is None until it is graded."""

    id: int
    course_id: int
    assignment_id: int
    user_id: int
    body: str
    submitted_at: datetime
    score: float | None
    graded_at: datetime | None


@dataclass(slots=True)
class School:
    """Everything by its id. Records are frozen; a change puts a new one in the old one's place.

    Attributes:
        now: The time of day there; it passes by :meth:`evolve` alone, so that runs are repeatable.
        secrets: Every text that must never reach telemetry.
    """

    now: datetime = _TERM_START
    users: dict[int, User] = field(default_factory=dict)
    courses: dict[int, Course] = field(default_factory=dict)
    enrollments: dict[int, Enrollment] = field(default_factory=dict)
    assignments: dict[int, Assignment] = field(default_factory=dict)
    submissions: dict[int, Submission] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)

    @property
    def tokens(self) -> dict[int, str]:
        """Access token by user id."""
        return {user.id: user.token for user in self.users.values() if user.token is not None}

    def enrollments_of(self, course_id: int) -> list[Enrollment]:
        """The enrollments of a course, by id."""
        return [item for item in self.enrollments.values() if item.course_id == course_id]

    def courses_of(self, user_id: int) -> list[Course]:
        """The courses in which a user is enrolled."""
        return [
            self.courses[item.course_id]
            for item in self.enrollments.values()
            if item.user_id == user_id
        ]

    def assignments_of(self, course_id: int) -> list[Assignment]:
        """The assignments of a course, by id."""
        return [item for item in self.assignments.values() if item.course_id == course_id]

    def submissions_of(self, course_id: int, assignment_id: int | None = None) -> list[Submission]:
        """The submissions of a course, or of one of its assignments, by id."""
        return [
            item
            for item in self.submissions.values()
            if item.course_id == course_id and assignment_id in {None, item.assignment_id}
        ]

    def grade(self, submission_id: int, score: float) -> Submission:
        """Return a submission a score, now."""
        graded = replace(self.submissions[submission_id], score=score, graded_at=self.now)
        self.submissions[submission_id] = graded
        self.secrets.add(f"{score}")
        return graded

    def evolve(self, rng: random.Random) -> None:
        """Let a day pass in every course: new grades, a new name, a moved date, a new assignment.

        Args:
            rng: Decides what changes.
        """
        self.now += timedelta(days=1)
        for course in list(self.courses.values()):
            for submission in rng.sample(self.submissions_of(course.id), 3):
                self.grade(submission.id, _score(rng))
            moved = rng.choice(self.assignments_of(course.id))
            self.assignments[moved.id] = replace(moved, due_at=self.now + timedelta(days=14))
            renamed = replace(course, name=f"Zq-Course-{course.id}-{_word(rng, 6)}")
            self.courses[course.id] = renamed
            self.secrets.add(renamed.name)
            _add_assignment(self, rng, course.id)


def make_school(seed: int, size: SchoolSize) -> School:
    """Make a school; the same seed and size always give the same one.

    Args:
        seed: Any number.
        size: How much there is of each.
    """
    rng = random.Random(seed)  # noqa: S311 - simulated data must be repeatable, not secret
    school = School()
    for user_id in range(1001, 1001 + size.students):
        _add_user(school, rng, user_id, token=None)
    students = list(school.users)
    course_ids = iter(range(101, 101 + size.teachers * size.courses_per_teacher))
    for user_id in range(41, 41 + size.teachers):
        _add_user(school, rng, user_id, token=f"1~demo{_word(rng, 60)}")
        for _ in range(size.courses_per_teacher):
            chosen = sorted(rng.sample(students, size.students_per_course))
            _add_course(school, rng, next(course_ids), user_id, chosen)
    for course_id in school.courses:
        for _ in range(size.assignments_per_course):
            _add_assignment(school, rng, course_id)
    return school


def _add_user(school: School, rng: random.Random, user_id: int, token: str | None) -> None:
    name = f"Zq-Name-{user_id}-{_word(rng, 6)}"
    user = User(user_id, name, f"zq-{user_id}-{_word(rng, 4).lower()}@students.invalid", token)
    school.users[user_id] = user
    school.secrets.update({name, user.email})
    if token is not None:
        school.secrets.add(token)


def _add_course(
    school: School, rng: random.Random, course_id: int, teacher_id: int, students: list[int]
) -> None:
    course = Course(course_id, f"Zq-Course-{course_id}-{_word(rng, 6)}", f"SIS-{course_id}")
    school.courses[course_id] = course
    school.secrets.add(course.name)
    ids = _ids_after(school.enrollments, 70000)
    enrolled = Enrollment(next(ids), course_id, teacher_id, "TeacherEnrollment")
    school.enrollments[enrolled.id] = enrolled
    for user_id in students:
        enrolled = Enrollment(next(ids), course_id, user_id, "StudentEnrollment")
        school.enrollments[enrolled.id] = enrolled


def _add_assignment(school: School, rng: random.Random, course_id: int) -> None:
    assignment_id = next(_ids_after(school.assignments, 5000))
    name = f"Zq-Task-{assignment_id}-{_word(rng, 6)}"
    due_at = school.now + timedelta(days=rng.randint(5, 60))
    school.assignments[assignment_id] = Assignment(assignment_id, course_id, name, 100.0, due_at)
    school.secrets.add(name)
    ids = _ids_after(school.submissions, 90000)
    for enrolled in school.enrollments_of(course_id):
        if enrolled.type == "StudentEnrollment":
            item = _submission(rng, next(ids), enrolled, assignment_id, school.now)
            school.submissions[item.id] = item
            school.secrets.add(item.body)
            if rng.random() < 0.6:
                school.grade(item.id, _score(rng))


def _submission(
    rng: random.Random, item_id: int, enrolled: Enrollment, assignment_id: int, now: datetime
) -> Submission:
    return Submission(
        id=item_id,
        course_id=enrolled.course_id,
        assignment_id=assignment_id,
        user_id=enrolled.user_id,
        body=f"Zq-Text-{item_id}-{_word(rng, 8)}",
        submitted_at=now - timedelta(minutes=rng.randint(1, 1000)),
        score=None,
        graded_at=None,
    )


def _ids_after(known: Mapping[int, object], first: int) -> Iterator[int]:
    return itertools.count(max(known, default=first) + 1)


def _score(rng: random.Random) -> float:
    """A score with nine decimals, which nothing but a grade looks like."""
    return round(rng.uniform(40, 100), 4) + rng.randint(11, 99) / 1_000_000 + 0.000_000_123


def _word(rng: random.Random, length: int) -> str:
    return "".join(rng.choices(_ALPHABET, k=length))
