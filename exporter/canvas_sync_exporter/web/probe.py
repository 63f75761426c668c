"""A question that may take long, asked in a thread of its own and waited for a little."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Generic, TypeVar

from canvas_sync_core.threads import start_daemon

__all__ = ["Probe"]

T = TypeVar("T")


class Probe(Generic[T]):
    """Asks a question once at a time: those who ask meanwhile share the answer.

    So one thread waits, however long the answer takes and however many ask.

    Args:
        question: What is asked.
        seconds: How long :meth:`ask` waits for the answer.
    """

    def __init__(self, question: Callable[[], T], seconds: float) -> None:
        self._question = question
        self._seconds = seconds
        self._lock = threading.Lock()
        self._answer: Future[T] | None = None

    def ask(self) -> T:
        """Ask, or join those who wait for the answer already.

        Raises:
            TimeoutError: There is no answer yet, or no room for a thread.
        """
        with self._lock:
            answer = self._answer
            if answer is None or answer.done():
                answer = self._answer = Future()
                if start_daemon(partial(_fill, answer, self._question), "probe") is None:
                    answer.set_exception(TimeoutError("No thread can be started."))
        return answer.result(self._seconds)


def _fill(answer: Future[T], question: Callable[[], T]) -> None:
    try:
        answer.set_result(question())
    except BaseException as error:  # noqa: BLE001 - those who ask handle it
        answer.set_exception(error)
