"""Lets requests for the same answer share it, as long as it is what each would get alone."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from canvas_sync_core.locks import Event, RLock

__all__ = ["SharedAnswers"]

_MOST_ANSWERS: Final = 16
_SECONDS: Final = 1.0
"""How old "the last seven days" may become while nothing changes."""

T = TypeVar("T")


class _PendingAnswer:
    """One answer for all who asked before its work began.

    Attributes:
        is_done: Set when there is an answer, or never will be.
        answer: A tuple of the answer alone; None if there is none, because it failed.
    """

    def __init__(self) -> None:
        self.is_done = Event()
        self.answer: tuple[Any] | None = None


@dataclass(frozen=True, slots=True)
class _LatestAnswer:
    """An answer, until when it is kept, and what the data was before its work began."""

    answer: Any
    until: float
    fingerprint: Hashable


class SharedAnswers:
    """Works an answer out once for all requests that gathered while it was worked out before.

    It also keeps the latest answers for a second, while the data stays the same. No request gets an
    answer from data older than the request, so every answer is as new as if it had been worked out
    for this request alone.

    Args:
        fingerprint: Returns a value that equals an earlier one only if the data is the same; raises
            SQLAlchemyError if the database does not answer.
        may_keep: Whether an answer is small enough to be kept.
        clock: Returns seconds.
    """

    def __init__(
        self,
        fingerprint: Callable[[], Hashable],
        may_keep: Callable[[Any], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fingerprint = fingerprint
        self._may_keep = may_keep
        self._clock = clock
        self._lock = RLock()
        self._gathering: dict[Hashable, _PendingAnswer] = {}
        self._working: dict[Hashable, _PendingAnswer] = {}
        self._latest: OrderedDict[Hashable, _LatestAnswer] = OrderedDict()

    def get(self, question: Hashable, work: Callable[[], T]) -> T:
        """Return the answer to a question.

        Args:
            question: Equal for requests that may share an answer.
            work: Works it out; if it fails in one request, the others try themselves.

        Raises:
            SQLAlchemyError: The database does not answer.
        """
        fingerprint = self._fingerprint()
        latest = self._find(question)
        if latest is not None and latest.fingerprint == fingerprint:
            answer: T = latest.answer
            return answer
        return self._work_out(question, work, fingerprint)

    def is_current(self, question: Hashable, answer: object) -> bool:
        """Whether :meth:`get` would return this very object, without working anything out."""
        latest = self._find(question)
        if latest is None or latest.answer is not answer:
            return False
        try:
            return latest.fingerprint == self._fingerprint()
        except SQLAlchemyError:
            return False

    def _find(self, question: Hashable) -> _LatestAnswer | None:
        with self._lock:
            latest = self._latest.get(question)
        return latest if latest is not None and self._clock() < latest.until else None

    def _work_out(self, question: Hashable, work: Callable[[], T], fingerprint: Hashable) -> T:
        with self._lock:
            pending = self._gathering.get(question)
            is_first = pending is None
            if pending is None:
                pending = self._gathering[question] = _PendingAnswer()
            before = self._working.get(question)
        if not is_first:
            pending.is_done.wait()
            return work() if pending.answer is None else pending.answer[0]
        if before is not None:
            before.is_done.wait()  # others gather meanwhile
            fingerprint = self._fingerprint()
        with self._lock:
            self._working[question] = self._gathering.pop(question)
        try:
            answer = work()
            pending.answer = (answer,)
        finally:
            with self._lock:
                del self._working[question]
            pending.is_done.set()
        self._keep(question, answer, fingerprint)
        return answer

    def _keep(self, question: Hashable, answer: Any, fingerprint: Hashable) -> None:
        with self._lock:
            self._latest.pop(question, None)
            if self._may_keep(answer):
                until = self._clock() + _SECONDS
                self._latest[question] = _LatestAnswer(answer, until, fingerprint)
            if len(self._latest) > _MOST_ANSWERS:
                self._latest.popitem(last=False)
