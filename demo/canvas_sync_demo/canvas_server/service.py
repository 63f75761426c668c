"""Answers a request: throttling, authentication, planned faults, then the route.

Canvas throttles first, by token, whether that token is good or not; the rest comes after.
"""

from __future__ import annotations

import random
import threading
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from .answers import (
    Answer,
    RefusedError,
    error_report,
    forbidden,
    insufficient_scopes,
    no_user_agent,
    not_found,
    throttled,
    token_refused,
    unauthenticated,
)
from .bucket import LeakyBucket, ThrottleLimits
from .faults import (
    Dropped,
    Effect,
    FaultLedger,
    FaultPlan,
    Forbidden,
    Missing,
    QuotaSpent,
    ScopeMissing,
    ServerError,
    Slow,
    TokenRefused,
)
from .jobs import Jobs
from .request import Request
from .routes import OTHER, Call, Route, find_route
from .school import School, User

__all__ = ["Behaviour", "DroppedError", "Service"]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What differs between installations of Canvas.

    Attributes:
        limits: Measures of each token's bucket.
        throttled_status: 429, or 403 as before late 2025.
        forbidden_status: 403, or 401 as in older versions.
    """

    limits: ThrottleLimits = field(default_factory=ThrottleLimits)
    throttled_status: int = 429
    forbidden_status: int = 403


class DroppedError(Exception):
    """Close the connection without an answer."""


class Service:
    """The simulated Canvas behind its HTTP server; thread-safe.

    Args:
        school: The data.
        plan: What goes wrong.
        behaviour: What differs between installations.
        seed: Makes request ids repeatable.
        clock: Seconds that never go back, for the throttle.
        pause: Waits some seconds, for slow answers.
    """

    def __init__(
        self,
        school: School,
        plan: FaultPlan,
        behaviour: Behaviour,
        *,
        seed: int,
        clock: Callable[[], float],
        pause: Callable[[float], None],
    ) -> None:
        self.school = school
        self.requests: Counter[tuple[str, str, int | None]] = Counter()
        self.held: Counter[int] = Counter()
        self.lock = threading.Lock()
        self._behaviour = behaviour
        self._ledger = FaultLedger(plan)
        self._clock = clock
        self._pause = pause
        self._rng = random.Random(seed)  # noqa: S311 - ids must be repeatable, not secret
        self._buckets: dict[str, LeakyBucket] = {}
        self._jobs = Jobs()

    def answer(self, request: Request) -> Answer:
        """Answer a request and count it.

        Raises:
            DroppedError: The plan says to end the connection without an answer.
        """
        found = find_route(request.method, request.path)
        template = found[0].template if found else OTHER
        try:
            answer = self._answer(request, found)
        except DroppedError:
            self._count(request.method, template, None)
            raise
        self._count(request.method, template, answer.status)
        return answer

    def _count(self, method: str, template: str, status: int | None) -> None:
        with self.lock:
            self.requests[method, template, status] += 1

    def _answer(self, request: Request, found: tuple[Route, dict[str, str]] | None) -> Answer:
        if not request.headers.get("user-agent"):
            return no_user_agent()
        if request.token is None:
            return self._with_ids(unauthenticated(), cost=0.0)
        user = self._user_of(request.token)
        effects = self._effects(user, found)
        bucket = self._bucket(request.token)
        with self.lock:
            allowed = bucket.reserve()
        if not allowed:
            return self._finish(bucket, throttled(self._behaviour.throttled_status), None)
        try:
            answer = self._serve(request, found, user, effects, bucket)
        except RefusedError as refused:
            answer = refused.answer
        except DroppedError:
            with self.lock:
                bucket.refund(0.0)
            raise
        return self._finish(bucket, answer, _cost(answer))

    def _user_of(self, token: str) -> User | None:
        users = self.school.users.values()
        return next((user for user in users if user.token == token), None)

    def _effects(
        self, user: User | None, found: tuple[Route, dict[str, str]] | None
    ) -> list[Effect]:
        if user is None or found is None:
            return []
        route, ids = found
        named = ids.get("course_id") or (
            ids["id"] if route.template.endswith("courses/:id") else ""
        )
        course_id = int(named) if named.isdecimal() else None
        return self._ledger.effects(user.id, route.template, course_id)

    def _bucket(self, token: str) -> LeakyBucket:
        with self.lock:
            if token not in self._buckets:
                self._buckets[token] = LeakyBucket(self._behaviour.limits, self._clock)
            return self._buckets[token]

    def _serve(
        self,
        request: Request,
        found: tuple[Route, dict[str, str]] | None,
        user: User | None,
        effects: list[Effect],
        bucket: LeakyBucket,
    ) -> Answer:
        if user is None:
            raise RefusedError(token_refused("invalid"))
        for effect in effects:
            self._suffer(effect, user, bucket)
        if found is None:
            raise RefusedError(not_found())
        route, ids = found
        with self.lock:
            call = Call(
                request=request,
                ids=ids,
                user=user,
                school=self.school,
                jobs=self._jobs,
                forbidden_status=self._behaviour.forbidden_status,
            )
            return route.handler(call)

    def _suffer(self, effect: Effect, user: User, bucket: LeakyBucket) -> None:
        match effect:
            case Slow(seconds):
                self._hold(user, seconds)
            case Dropped():
                raise DroppedError
            case TokenRefused(reason):
                raise RefusedError(token_refused(reason))
            case ScopeMissing():
                raise RefusedError(insufficient_scopes())
            case Forbidden():
                raise RefusedError(forbidden(self._behaviour.forbidden_status))
            case Missing():
                raise RefusedError(not_found())
            case ServerError(status):
                raise RefusedError(error_report(status, self._number()))
            case QuotaSpent(level):
                with self.lock:
                    bucket.fill_to(level)

    def _hold(self, user: User, seconds: float) -> None:
        with self.lock:
            self.held[user.id] += 1
        self._pause(seconds)
        with self.lock:
            self.held[user.id] -= 1

    def _number(self) -> int:
        with self.lock:
            return self._rng.randint(10**6, 10**7)

    def _finish(self, bucket: LeakyBucket, answer: Answer, cost: float | None) -> Answer:
        with self.lock:
            bucket.refund(cost or 0.0)
            remaining = bucket.remaining
        headers = [("x-rate-limit-remaining", f"{remaining}")]
        if cost is not None:
            headers.append(("x-request-cost", f"{cost}"))
        return self._with_ids(answer, cost or 0.0, *headers)

    def _with_ids(self, answer: Answer, cost: float, *headers: tuple[str, str]) -> Answer:
        with self.lock:
            context_id = uuid.UUID(int=self._rng.getrandbits(128), version=4)
            session_id = f"{self._rng.getrandbits(128):032x}"
        meta = f"o=api;n=show;q=120;u={cost * 0.6:.2f};y=0.01;d={cost * 0.4:.2f};b=900000;m=900128;"
        extra = (
            ("x-request-context-id", str(context_id)),
            ("x-session-id", session_id),
            ("x-canvas-meta", meta),
        )
        return replace(answer, headers=(*answer.headers, *headers, *extra))


def _cost(answer: Answer) -> float:
    """What a request takes: user CPU and database seconds, here by the size of the answer."""
    return round(0.02 + 0.003 * answer.items, 4)
