"""psycopg2 with a deadline for each server response.

psycopg2 waits inside libpq, which has no deadline for a response. So another thread shuts down the
socket, and libpq finds the connection closed.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
from psycopg2 import Error
from psycopg2.extensions import connection as BaseConnection  # noqa: N812 - it is a class
from psycopg2.extensions import cursor as BaseCursor  # noqa: N812 - as above

from ._deadlines import CONNECTION_SECONDS, Watch, no_answer

__all__ = ["Error", "connect"]


def connect(*arguments: Any, **options: Any) -> BaseConnection:
    """Connect as :func:`psycopg2.connect` does."""
    return psycopg2.connect(*arguments, connection_factory=_Connection, **options)


class _Connection(BaseConnection):
    """Has its socket shut down if a response is late.

    Attributes:
        answer_seconds: How long one answer may take.
        is_server_silent: Returns whether a new connection gets no answer either.
    """

    answer_seconds = CONNECTION_SECONDS
    is_server_silent: Callable[[], bool] = staticmethod(lambda: False)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.cursor_factory = _Cursor

    def commit(self) -> None:
        """Commit."""
        with self.deadline():
            super().commit()

    def rollback(self) -> None:
        """Roll back."""
        with self.deadline():
            super().rollback()

    @contextmanager
    def deadline(self) -> Iterator[None]:
        """Limit the duration of exchanges with the server inside the block."""
        late = _LateSocket(self.fileno())
        watch = Watch(self.answer_seconds, self.is_server_silent)
        answered = threading.Event()

        def give_up() -> None:
            while not answered.wait(watch.pause):
                if watch.is_over():
                    late.shut_down()
                    return

        threading.Thread(target=give_up, name="canvas-sync-deadline", daemon=True).start()
        try:
            yield
        except psycopg2.OperationalError as error:
            if late.is_shut_down:
                raise psycopg2.OperationalError(no_answer(watch.waited)) from error
            raise
        finally:
            late.leave_alone()
            answered.set()


class _Cursor(BaseCursor):
    connection: _Connection

    def execute(self, *arguments: Any) -> None:
        """Execute a statement."""
        with self.connection.deadline():
            super().execute(*arguments)

    def executemany(self, *arguments: Any) -> None:
        """Execute a statement several times."""
        with self.connection.deadline():
            super().executemany(*arguments)


class _LateSocket:
    """Shuts down a socket, but never another one that reuses its descriptor.

    Args:
        descriptor: The socket's; it is open until :meth:`leave_alone` returns.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._in_use = True
        self._lock = threading.Lock()
        self.is_shut_down = False

    def shut_down(self) -> None:
        """Shut the socket down if it is still in use."""
        with self._lock:
            if self._in_use:
                self.is_shut_down = True
                with socket.socket(fileno=os.dup(self._descriptor)) as same:
                    same.shutdown(socket.SHUT_RDWR)

    def leave_alone(self) -> None:
        """Do nothing from now on."""
        with self._lock:
            self._in_use = False
