"""psycopg 3 with a deadline for each server response."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import psycopg
from psycopg import Error
from psycopg.abc import PQGen

from ._deadlines import CONNECTION_SECONDS, Watch, no_answer

__all__ = ["Error", "connect"]

T = TypeVar("T")


def connect(*arguments: Any, **options: Any) -> psycopg.Connection[Any]:
    """Connect as :func:`psycopg.connect` does."""
    return _Connection.connect(*arguments, **options)


class _Connection(psycopg.Connection[Any]):
    """Closes itself if a response is late, so that no one waits to roll back or to disconnect.

    Attributes:
        answer_seconds: How long one answer may take.
        is_server_silent: Returns whether a new connection gets no answer either.
    """

    answer_seconds = CONNECTION_SECONDS
    is_server_silent: Callable[[], bool] = staticmethod(lambda: False)

    def wait(self, gen: PQGen[T], *arguments: Any, **options: Any) -> T:
        """Run one exchange with the server; all of psycopg's go through this method."""
        return super().wait(self._until_late(gen), *arguments, **options)

    def _until_late(self, exchange: PQGen[T]) -> PQGen[T]:
        """Run an exchange step by step. psycopg makes one step at least every 0.1 s."""
        watch = Watch(self.answer_seconds, self.is_server_silent)
        try:
            ready = yield next(exchange)
            while not watch.is_over():
                ready = yield exchange.send(ready)
        except StopIteration as end:
            answer: T = end.value
            return answer
        self.pgconn.finish()
        raise psycopg.OperationalError(no_answer(watch.waited))
