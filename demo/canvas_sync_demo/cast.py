"""The users of the demo, and the faults that each of them meets."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from .canvas_server import (
    Dropped,
    Fault,
    FaultPlan,
    Forbidden,
    QuotaSpent,
    ServerError,
    Slow,
    TokenRefused,
    When,
)

__all__ = ["CAST", "Part", "fault_plan", "sync_type_of", "task_id_of"]

_FULL_EVERY = 20
_SELF = "/api/v1/users/:id"
_ASSIGNMENTS = "/api/v1/courses/:course_id/assignments"
_ENROLLMENTS = "/api/v1/courses/:course_id/enrollments"
_SUBMISSIONS = "/api/v1/courses/:course_id/students/submissions"


@dataclass(frozen=True, slots=True)
class Part:
    """One user of the demo.

    Attributes:
        user_id: A teacher of the simulated school.
        story: What happens, in a few words.
        faults: What the simulated Canvas does to this user.
        is_killed: Whether the sync's process is killed while an answer is kept back.
    """

    user_id: int
    story: str
    faults: tuple[Fault, ...] = ()
    is_killed: bool = False


CAST = (
    Part(41, "healthy"),
    Part(42, "healthy"),
    Part(43, "throttled, waits", (Fault(QuotaSpent(630.0), When(_SELF)),)),
    Part(
        44,
        "502s, dropped, slow",
        (
            Fault(ServerError(502), When(_SUBMISSIONS, every=7)),
            Fault(Dropped(), When(_ENROLLMENTS, every=3)),
            Fault(Slow(0.4), When(_ASSIGNMENTS)),
        ),
    ),
    Part(45, "one course forbidden", (Fault(Forbidden(), When(course_id=110)),)),
    Part(46, "token expired", (Fault(TokenRefused("expired")),)),
    Part(47, "killed in mid-run", (Fault(Slow(600.0), When(_SUBMISSIONS)),), is_killed=True),
)


def fault_plan() -> FaultPlan:
    """Return the faults of the simulated Canvas in the demo."""
    return FaultPlan({part.user_id: part.faults for part in CAST})


def task_id_of(number: int, part: Part) -> str:
    """Name the sync of a part in a round; never twice, since the table of runs stays."""
    return f"demo-{number}-{part.user_id}-{uuid.uuid4().hex[:8]}"


def sync_type_of(number: int) -> str:
    """Whether a round, counted from 1, copies everything or only what is new."""
    return "full" if number % _FULL_EVERY == 1 else "incremental"
