"""One connection: time limits for its client, and how it is answered and closed."""

from __future__ import annotations

import contextlib
import socket
from http import HTTPStatus
from typing import Any, Final

import msgspec
from waitress.channel import HTTPChannel
from waitress.task import ErrorTask, WSGITask

from canvas_sync_exporter.web.headers import SECURITY_HEADERS
from canvas_sync_exporter.web.problems import PROBLEM_TYPE, Problem

from .parser import RequestParser, RequestTimeout

__all__ = ["Channel"]

REQUEST_SECONDS: Final = 20.0
"""Time limit for a request from its first byte to its last."""
IDLE_SECONDS: Final = 60.0
"""Time limit for a connection without a request, or whose client reads nothing."""
_NEW_SECONDS: Final = 1.0
_LINGER_SECONDS: Final = 2.0
_LINGER_BYTES: Final = 64 * 1024


class _RequestTask(WSGITask):
    """Answers a request from the app."""

    def finish(self) -> None:
        """Send the rest; for HEAD, no body, not even the end of one."""
        task: Any = self
        if task.request.command == "HEAD":
            if not self.wrote_header:
                self.write(b"")
            self.chunked_response = False
        super().finish()


class _ProblemTask(ErrorTask):
    """Answers a request that never reached the app, in the same format as the app's errors."""

    def execute(self) -> None:
        """Send the answer."""
        task: Any = self
        error = task.request.error
        title = HTTPStatus(error.code).phrase
        problem = Problem("about:blank", title, error.code, error.body)
        body = msgspec.json.encode(problem)
        self.status = f"{error.code} {title}"
        task.response_headers = [
            ("Content-Type", PROBLEM_TYPE),
            ("Cache-Control", "no-store"),
            *SECURITY_HEADERS.items(),
        ]
        self.content_length = len(body)
        self.set_close_on_finish()
        self.write(b"" if getattr(task.request, "command", "") == "HEAD" else body)


class Channel(HTTPChannel):
    """A connection of a client.

    waitress closes a connection that has been silent for a while. Clients that send a byte now and
    then, read nothing, or have closed their sending side (half-closed) need more care.
    """

    task_class = _RequestTask
    error_task_class = _ProblemTask
    parser_class = RequestParser

    request_began: float | None = None
    has_sent_all = False
    linger_until: float | None = None
    _is_sending = False
    _was_refused = False
    _has_served = False

    @property
    def is_waiting(self) -> bool:
        """Whether we are waiting for the client to send a request or to read the response."""
        return not self.requests

    @property
    def waiting_since(self) -> float:
        """Since when we have been waiting for the client, in seconds since the epoch.

        Bytes of a started request do not count. Otherwise a client that trickles bytes would never
        be old, and one that has just connected would be closed first.
        """
        return self.last_activity if self.request_began is None else self.request_began

    def is_owed_an_answer(self, now: float) -> bool:
        """Whether closing it now would deprive its client of a response.

        That is so if a request has been received, or may just be on its way: a client sends its
        first request as soon as it is connected.

        Args:
            now: Seconds since the epoch.
        """
        is_new = not self._has_served and now < self.creation_time + _NEW_SECONDS
        return bool(self.requests or self.total_outbufs_len or is_new)

    def enforce_deadlines(self, now: float) -> None:
        """Answer or close a connection whose client takes too long.

        Args:
            now: Seconds since the epoch.
        """
        its_turn = self.is_waiting or self.total_outbufs_len  # to send a request, or to read
        if self.linger_until is not None:
            is_over = now >= self.linger_until
        else:
            is_over = bool(its_turn) and self.last_activity < now - IDLE_SECONDS
        if is_over:
            self.handle_close()
        elif self.request_began is not None and now >= self.request_began + REQUEST_SECONDS:
            self._refuse_slow_request()

    def check_client_disconnected(self) -> bool:  # type: ignore[override] # the stub has None
        """Whether no one reads any more, even if the client has closed its side."""
        return not self.connected or self.has_sent_all

    def readable(self) -> bool:
        """Whether there is anything to be read from the client."""
        if self._is_closed:
            return False
        return self.linger_until is not None or (super().readable() and not self.has_sent_all)

    def writable(self) -> bool:
        """Whether there is anything to be written or closed.

        What a thread of the server is sending right now does not count: it calls `pull_trigger` if
        the client does not take all of it. Otherwise the server's loop would find that socket ready
        again and again, and compete for the interpreter with the very thread that is sending.
        """
        if self._is_closed:
            return False
        if self.will_close or self.close_when_flushed:
            return True
        return bool(self.total_outbufs_len) and not self._is_sending

    def handle_read(self) -> None:
        """Read from the client."""
        if self.linger_until is not None:
            self.recv(_LINGER_BYTES)  # closes the connection at its end
        elif not self._is_half_closed():
            super().handle_read()

    def received(self, data: bytes) -> bool:
        """Process the bytes that were read."""
        result = super().received(data)
        if self.request is None:
            self.request_began = None
        elif self.request_began is None:
            self.request_began = self.last_activity
        return result

    def service(self) -> None:
        """Answer one request, in a thread of the server."""
        channel: Any = self
        self._has_served = True
        self._was_refused = channel.requests[0].error is not None
        super().service()
        with channel.requests_lock:
            is_last = self.has_sent_all and not self.requests
            if is_last:
                self.close_when_flushed = True
        if is_last and self.connected:
            self.server.pull_trigger()  # waitress has pulled it already, but before this

    def handle_write(self) -> None:
        """Write to the client, and close the connection if it should be closed.

        After a refusal, what the client still sends is briefly read and discarded: closing
        immediately would reset the connection, and the client would lose the response (RFC 9112,
        9.6).
        """
        channel: Any = self
        is_last = self._was_refused and self.close_when_flushed and not self.will_close
        if is_last and not self.total_outbufs_len:
            self.close_when_flushed = False
            self.linger_until = self.last_activity + _LINGER_SECONDS
            with contextlib.suppress(OSError):
                channel.socket.shutdown(socket.SHUT_WR)
        elif is_last:
            channel._flush_exception(channel._flush_some)
        else:
            super().handle_write()

    @property
    def _is_closed(self) -> bool:
        """Whether it is closed; then its descriptor number may belong to another connection."""
        channel: Any = self
        return channel._fileno is None

    def _flush_some(self, do_close: bool = True) -> bool:
        """Send as much as the client takes; only the server's loop may close the connection."""
        flush: Any = super()
        if do_close:
            return bool(flush._flush_some(do_close))
        self._is_sending = True
        try:
            return bool(flush._flush_some(do_close))
        finally:
            self._is_sending = False

    def _is_half_closed(self) -> bool:
        """Detect that the client has closed its side while it waits for responses."""
        channel: Any = self
        with channel.requests_lock:
            if not self.requests:
                return False
            try:
                self.has_sent_all = channel.socket.recv(1, socket.MSG_PEEK) == b""
            except OSError:
                return False
            return self.has_sent_all

    def _refuse_slow_request(self) -> None:
        channel: Any = self
        with channel.requests_lock:
            if channel.requests:  # reading is paused until they are answered
                self.request_began = self.last_activity
                return
            request, self.request, self.request_began = channel.request, None, None
            request.refuse(RequestTimeout(f"The request took over {REQUEST_SECONDS:g} seconds."))
            channel.requests.append(request)
            self.server.add_task(channel)
