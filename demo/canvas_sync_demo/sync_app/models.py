"""The app's own tables. Every id is Canvas's own."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

__all__ = ["Assignment", "Base", "Course", "Enrollment", "Grade", "Submission", "User"]


class Base(DeclarativeBase):
    """Every table has Canvas's id as its key."""

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


class Course(Base):
    """A course."""

    __tablename__ = "courses"

    name: Mapped[str]
    code: Mapped[str | None]


class User(Base):
    """A person."""

    __tablename__ = "users"

    name: Mapped[str]
    email: Mapped[str | None]


class Enrollment(Base):
    """A person's place in a course."""

    __tablename__ = "enrollments"

    course_id: Mapped[int] = mapped_column(ForeignKey("courses.id"), index=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    role: Mapped[str]


class Assignment(Base):
    """A piece of work of a course."""

    __tablename__ = "assignments"

    course_id: Mapped[int] = mapped_column(ForeignKey("courses.id"), index=True)
    name: Mapped[str]
    points_possible: Mapped[float | None]
    due_at: Mapped[datetime | None]


class Submission(Base):
    """What a student handed in."""

    __tablename__ = "submissions"

    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignments.id"), index=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    state: Mapped[str]
    submitted_at: Mapped[datetime | None]


class Grade(Base):
    """The grade of a submission; its id is the submission's."""

    __tablename__ = "grades"

    score: Mapped[float]
    graded_at: Mapped[datetime | None]
