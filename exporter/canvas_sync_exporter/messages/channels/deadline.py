"""Ends an exchange with a server when its time is over.

The timeout of a socket limits the wait for the next bytes only: a server that sends one byte every
few seconds would keep the exporter busy for hours.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import TypeVar

from canvas_sync_core.threads import start_daemon
from canvas_sync_exporter.messages.channel import DeliveryError

__all__ = ["Deadline"]

T = TypeVar("T")


class Deadline:
    """The time for one exchange, and the connection to close when it is over.

    Args:
        seconds: How long the exchange may take.

    Attributes:
        has_sent: Whether the whole message was transmitted, so that it may have arrived even if no
            answer did.
    """

    def __init__(self, seconds: float) -> None:
        self.has_sent = False
        self._seconds = seconds
        self._is_over = False
        self._find_socket: Callable[[], socket.socket | None] = lambda: None

    def watch(self, find_socket: Callable[[], socket.socket | None]) -> None:
        """Name the connection to close.

        Args:
            find_socket: Returns its socket; None while it has none.
        """
        self._find_socket = find_socket

    def check(self) -> None:
        """Call this before sending anything.

        Raises:
            TimeoutError: The time is over; nobody waits for the exchange any more.
        """
        if self._is_over:
            raise TimeoutError

    def call(self, exchange: Callable[[], T]) -> T:
        """Run the exchange in another thread, and wait for it until the time is over.

        Raises:
            TimeoutError: It took longer.
            DeliveryError: No thread can be started.
        """
        future: Future[T] = Future()

        def run() -> None:
            try:
                future.set_result(exchange())
            except BaseException as error:  # noqa: BLE001 - raised where its result is read
                future.set_exception(error)

        thread = start_daemon(run, "message")
        if thread is None:
            raise DeliveryError("no thread can be started to send it")
        if not thread.join(self._seconds):
            self._expire()
            raise TimeoutError
        return future.result()

    def _expire(self) -> None:
        """Close the connection, which ends every wait for it."""
        self._is_over = True
        connection = self._find_socket()
        if connection is not None:
            with suppress(OSError):
                # Not SSLSocket.shutdown(), which may not be called while another thread reads.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
