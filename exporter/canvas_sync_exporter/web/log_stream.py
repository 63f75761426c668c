"""Lines of the logs as server-sent events, for a few clients at a time.

Each client occupies a server thread for as long as it listens, hence the limit.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec
from flask import Response, request

from canvas_sync_core.locks import Event
from canvas_sync_exporter.logs.search import FoundLine
from canvas_sync_exporter.logs.sources import LogFolderError
from canvas_sync_exporter.logs.tail import POLL_SECONDS, LogTail

from .concurrency_limit import ConcurrencyLimit
from .search_results import found_record

__all__ = ["CLIENT_LIMIT", "LogStreams"]

CLIENT_LIMIT: Final = 4
"""Maximum number of clients."""

HEARTBEAT_SECONDS: Final = 5.0
_RETRY_SECONDS: Final = 10
_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class LogStreams:
    """The open streams.

    Args:
        stopping: Set when the server stops, which ends the streams.
    """

    def __init__(self, stopping: Event) -> None:
        self._stopping = stopping
        self._limit = ConcurrencyLimit(
            CLIENT_LIMIT,
            f"{CLIENT_LIMIT} clients are already listening.",
            retry_seconds=_RETRY_SECONDS,
        )

    def respond(
        self,
        open_tail: Callable[[], LogTail],
        show: Callable[[FoundLine], object] = found_record,
        seconds: float = math.inf,
    ) -> Response:
        """Answer the current request with a stream that ends when the client disconnects.

        Args:
            open_tail: Opens the logs.
            show: Returns the data of a line's event.
            seconds: Longest duration of the stream. A browser then connects again, and has to be
                allowed to.

        Raises:
            ProblemError: 503, if too many clients are listening.
            LogFolderError: A folder is missing or cannot be read.
            OSError: A file cannot be read.
        """
        self._limit.acquire()
        try:
            tail = open_tail()
        except BaseException:
            self._limit.release()
            raise
        is_gone = request.environ.get("waitress.client_disconnected", lambda: False)
        end = time.monotonic() + seconds

        def has_ended() -> bool:
            return self._stopping.is_set() or is_gone() or time.monotonic() >= end

        response = Response(
            self._events(tail, show, has_ended), headers=_HEADERS, content_type="text/event-stream"
        )
        response.call_on_close(self._limit.release)
        response.call_on_close(tail.close)
        return response

    def _events(
        self, tail: LogTail, show: Callable[[FoundLine], object], has_ended: Callable[[], bool]
    ) -> Iterator[str]:
        """Return the events, with regular comments to detect disconnected clients and proxies."""
        yield ": the newest lines, then those that are written\n\n"
        lines, sent = tail.newest, time.monotonic()
        while not has_ended():
            if lines or tail.skipped:
                yield _events_of(tail, lines, show)
                sent = time.monotonic()
            elif time.monotonic() >= sent + HEARTBEAT_SECONDS:
                yield f": nothing new\nid: {tail.cursor}\n\n"
                sent = time.monotonic()
            else:
                self._stopping.wait(POLL_SECONDS)
            try:
                lines = tail.poll()
            except (LogFolderError, OSError) as error:
                yield f"event: problem\n{_data(str(error))}"
                return


def _events_of(
    tail: LogTail, lines: Sequence[FoundLine], show: Callable[[FoundLine], object]
) -> str:
    skipped = f"event: skipped\n{_data(tail.skipped)}" if tail.skipped else ""
    return skipped + "".join(f"id: {tail.advance(line)}\n{_data(show(line))}" for line in lines)


def _data(value: object) -> str:
    return f"data: {msgspec.json.encode(value).decode()}\n\n"
