"""psycopg 3 with a deadline for each answer of the server."""

from __future__ import annotations

from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen

from canvas_sync_core.clock import monotonic

from ._deadlines import CONNECTION_SECONDS, no_answer

__all__ = ["connect"]

T = TypeVar("T")


def connect(*arguments: Any, **options: Any) -> psycopg.Connection[Any]:
    """Connect as :func:`psycopg.connect` does."""
    return _Connection.connect(*arguments, **options)


class _Connection(psycopg.Connection[Any]):
    """Closes itself when an answer is late, so that nobody waits to roll back or to disconnect.

    Attributes:
        answer_seconds: How long one answer may take.
    """

    answer_seconds = CONNECTION_SECONDS

    def wait(self, gen: PQGen[T], *arguments: Any, **options: Any) -> T:
        """Run one exchange with the server; all of psycopg's go through this method."""
        return super().wait(self._until_late(gen), *arguments, **options)

    def _until_late(self, exchange: PQGen[T]) -> PQGen[T]:
        """Run an exchange step by step. psycopg makes one step at least every 0.1 s."""
        deadline = monotonic() + self.answer_seconds
        try:
            ready = yield next(exchange)
            while monotonic() < deadline:
                ready = yield exchange.send(ready)
        except StopIteration as end:
            answer: T = end.value
            return answer
        self.pgconn.finish()
        raise psycopg.OperationalError(no_answer(self.answer_seconds))
