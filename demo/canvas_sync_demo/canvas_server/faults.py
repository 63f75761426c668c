"""Planned faults: the same plan and the same requests always give the same answers."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = [
    "Dropped",
    "Effect",
    "Fault",
    "FaultLedger",
    "FaultPlan",
    "Forbidden",
    "Missing",
    "QuotaSpent",
    "ScopeMissing",
    "ServerError",
    "Slow",
    "TokenRefused",
    "When",
]


@dataclass(frozen=True, slots=True)
class TokenRefused:
    """401 with ``WWW-Authenticate``: the token is no longer valid."""

    reason: Literal["invalid", "expired", "revoked"] = "expired"


@dataclass(frozen=True, slots=True)
class ScopeMissing:
    """401 without ``WWW-Authenticate``: the token does not cover this route."""


@dataclass(frozen=True, slots=True)
class Forbidden:
    """The user lacks the permission."""


@dataclass(frozen=True, slots=True)
class Missing:
    """404: deleted, or it never existed."""


@dataclass(frozen=True, slots=True)
class ServerError:
    """Canvas itself failed."""

    status: int = 500


@dataclass(frozen=True, slots=True)
class Slow:
    """The answer comes after ``seconds``."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Dropped:
    """The connection is closed without an answer."""


@dataclass(frozen=True, slots=True)
class QuotaSpent:
    """Something else uses the token's quota meanwhile: its bucket then stands at ``level``.

    The request itself goes well; the next ones are throttled until enough has leaked out.
    """

    level: float


Effect = (
    TokenRefused | ScopeMissing | Forbidden | Missing | ServerError | Slow | Dropped | QuotaSpent
)


@dataclass(frozen=True, slots=True)
class When:
    """Selects the requests of a user that a fault affects.

    Attributes:
        route: Route template such as ``/api/v1/courses/:course_id/users``; None means any.
        course_id: Only requests for this course.
        first: The first matching request that is met, counted from 1.
        every: Then every n-th one.
        times: How many are met in all; None means no end.
    """

    route: str | None = None
    course_id: int | None = None
    first: int = 1
    every: int = 1
    times: int | None = None

    def matches(self, route: str, course_id: int | None) -> bool:
        """Return whether a request counts."""
        return self.route in {None, route} and self.course_id in {None, course_id}

    def meets(self, number: int) -> bool:
        """Return whether the n-th matching request (from 1) is affected."""
        turn, off = divmod(number - self.first, self.every)
        return number >= self.first and off == 0 and (self.times is None or turn < self.times)


@dataclass(frozen=True, slots=True)
class Fault:
    """One planned fault."""

    effect: Effect
    when: When = field(default_factory=When)


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """Faults by user id; other users have none."""

    by_user: Mapping[int, tuple[Fault, ...]] = field(default_factory=dict)


class FaultLedger:
    """Counts the requests that match each fault and selects the effects; thread-safe."""

    def __init__(self, plan: FaultPlan) -> None:
        self._plan = plan
        self._seen: Counter[tuple[int, int]] = Counter()
        self._lock = threading.Lock()

    def effects(self, user_id: int, route: str, course_id: int | None) -> list[Effect]:
        """The effects on one request, in the plan's order."""
        found: list[Effect] = []
        with self._lock:
            for index, fault in enumerate(self._plan.by_user.get(user_id, ())):
                if fault.when.matches(route, course_id):
                    self._seen[user_id, index] += 1
                    if fault.when.meets(self._seen[user_id, index]):
                        found.append(fault.effect)
        return found
