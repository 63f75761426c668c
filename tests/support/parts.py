"""Which syncs take part in a round of the main job, and what goes wrong in each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from canvas_sync_demo.canvas_server import (
    Dropped,
    Fault,
    Forbidden,
    Missing,
    QuotaSpent,
    ServerError,
    Slow,
    TokenRefused,
    When,
)

__all__ = ["PARTS", "Part"]

_SELF = "/api/v1/users/:id"
_ASSIGNMENTS = "/api/v1/courses/:course_id/assignments"
_ENROLLMENTS = "/api/v1/courses/:course_id/enrollments"
_SUBMISSIONS = "/api/v1/courses/:course_id/students/submissions"


@dataclass(frozen=True, slots=True)
class Part:
    """One sync of the round.

    Attributes:
        user_id: A teacher of the simulated school; 41 has the courses 101 and 102, and so on.
        status: How the run ends.
        faults: What Canvas does to this user.
        module: The sync app, run as a process.
    """

    user_id: int
    status: str
    faults: tuple[Fault, ...] = ()
    module: str = "canvas_sync_demo.sync_app"


PARTS: Mapping[str, Part] = {
    "earlier": Part(48, "success", module="support.telling_sync"),
    "healthy": Part(41, "success"),
    "throttled": Part(42, "success", (Fault(QuotaSpent(610.0), When(_SELF)),)),
    "troubled": Part(
        43,
        "success",
        (
            Fault(ServerError(502), When(_SUBMISSIONS, times=1)),
            Fault(Dropped(), When(_ENROLLMENTS, times=1)),
            Fault(Slow(0.3), When(_ASSIGNMENTS, times=1)),
        ),
    ),
    "refused": Part(
        44,
        "partial",
        (Fault(Forbidden(), When(course_id=107)), Fault(Missing(), When(course_id=108))),
    ),
    "expired": Part(45, "failed", (Fault(TokenRefused("expired")),)),
    "killed": Part(46, "interrupted", (Fault(Slow(600.0), When(_SUBMISSIONS)),)),
    "hanging": Part(47, "running", (Fault(Slow(600.0), When(_SUBMISSIONS)),)),
    "telling": Part(48, "success", module="support.telling_sync"),
}
