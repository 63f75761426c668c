"""Lets requests that wait at the same time for the same answer share it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from canvas_sync_core.locks import Event, RLock

__all__ = ["SharedAnswers"]

T = TypeVar("T")


class _Round:
    """One answer for all who asked before its work began.

    Attributes:
        is_done: Set when there is an answer, or never will be.
        answer: A tuple of the answer alone; None if there is none, because it failed.
    """

    def __init__(self) -> None:
        self.is_done = Event()
        self.answer: tuple[Any] | None = None


class SharedAnswers:
    """Works an answer out once for all requests that gathered while it was worked out before.

    No request gets an answer whose work began before the request came, so every answer is as new as
    if it had been worked out for this request alone.
    """

    def __init__(self) -> None:
        self._lock = RLock()
        self._gathering: dict[Hashable, _Round] = {}
        self._working: dict[Hashable, _Round] = {}

    def get(self, question: Hashable, work: Callable[[], T]) -> T:
        """Return the answer to a question.

        Args:
            question: Equal for requests that may share an answer.
            work: Works it out; if it fails in one request, the others try themselves.
        """
        with self._lock:
            round_ = self._gathering.get(question)
            is_first = round_ is None
            if round_ is None:
                round_ = self._gathering[question] = _Round()
            before = self._working.get(question)
        if not is_first:
            round_.is_done.wait()
            return work() if round_.answer is None else round_.answer[0]
        if before is not None:
            before.is_done.wait()  # others gather meanwhile
        with self._lock:
            self._working[question] = self._gathering.pop(question)
        try:
            answer = work()
            round_.answer = (answer,)
        finally:
            with self._lock:
                del self._working[question]
            round_.is_done.set()
        return answer
