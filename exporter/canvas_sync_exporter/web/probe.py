"""Runs a possibly slow check in a separate thread and waits for it briefly."""

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
    """Runs one check at a time: concurrent callers share the result.

    So only one thread waits, however long it takes and however many callers there are.

    Args:
        question: The check.
        seconds: How long :meth:`ask` waits for the result.
    """

    def __init__(self, question: Callable[[], T], seconds: float) -> None:
        self._question = question
        self._seconds = seconds
        self._lock = threading.Lock()
        self._answer: Future[T] | None = None

    def ask(self) -> T:
        """Run the check, or wait for one that is already running.

        Raises:
            TimeoutError: There is no result yet, or no thread could be started.
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
