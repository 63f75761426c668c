"""Calls a URL when a command starts, succeeds or fails, in a process that nothing waits for."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from functools import partial
from typing import Final

import msgspec

from canvas_sync_core.clock import monotonic
from canvas_sync_core.companion import start_companion
from canvas_sync_core.errors import SettingsError
from canvas_sync_core.events import ErrorInfo, ErrorRecorded, RunContext
from canvas_sync_core.settings import Settings, read
from canvas_sync_exporter.jobs.recording import record
from canvas_sync_exporter.ping_url import CallFailure, PingCaller, below

__all__ = ["RunPing"]

_TIMEOUT_SECONDS: Final = 10.0
_PAUSES: Final = (1.0, 5.0, 20.0, 60.0)
"""Seconds between two attempts."""
_WAIT_SECONDS: Final = 1.0
"""How long the end of the wrapper is delayed. Where it is the first process of a container, or of a
unit of systemd, its companion is killed when it ends."""
_START: Final = "start"
_SUCCESS: Final = ""
_FAIL: Final = "fail"


class _Ping(msgspec.Struct, frozen=True):
    """A call to make: the word after the URL, and the run that it is about."""

    word: str
    context: RunContext | None


class _Outcome(msgspec.Struct, frozen=True):
    """The outcome of a call."""

    word: str
    failure: CallFailure | None


class RunPing:
    """Calls the URL for one command. Start it before any thread, because it forks.

    Args:
        url: The URL. It contains a key, so it is never shown.
    """

    def __init__(self, url: str) -> None:
        self._context: RunContext | None = None
        self._connection = start_companion(partial(_be_companion, url))

    @property
    def is_possible(self) -> bool:
        """Whether the system could start the process that calls."""
        return self._connection is not None

    def on_start(self, context: RunContext | None) -> None:
        """Call ``/start``; does not wait."""
        self._context = context
        self._send(_START)

    def on_end(self, *, is_failed: bool) -> str:
        """Call the URL, or ``/fail``, and wait a second at most.

        Returns:
            Why the service refuses the URL; empty if it does not, or not yet.
        """
        word = _FAIL if is_failed else _SUCCESS
        self._send(word)
        outcome = self._wait_for(word)
        failure = None if outcome is None else outcome.failure
        return failure.reason if failure is not None and failure.is_permanent else ""

    def _send(self, word: str) -> None:
        if self._connection is not None:
            with contextlib.suppress(OSError):  # it was killed
                self._connection.sendall(_line(_Ping(word, self._context)))

    def _wait_for(self, word: str) -> _Outcome | None:
        if self._connection is None:
            return None
        lines = _Lines(self._connection)
        deadline = monotonic() + _WAIT_SECONDS
        while line := lines.next(deadline - monotonic()):
            outcome = msgspec.json.decode(line, type=_Outcome)
            if outcome.word == word:
                return outcome
        return None


class _Lines:
    """The lines that arrive at a socket."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._received = b""

    def next(self, seconds: float | None) -> bytes | None:
        """Return the next line; empty at the end; None if none arrives in time."""
        deadline = None if seconds is None else monotonic() + seconds
        while b"\n" not in self._received:
            left = None if deadline is None else deadline - monotonic()
            if left is not None and left <= 0:
                return None
            self._connection.settimeout(left)
            try:
                chunk = self._connection.recv(65536)
            except TimeoutError:
                return None
            except OSError:
                return b""
            if not chunk:
                return b""
            self._received += chunk
        line, _, self._received = self._received.partition(b"\n")
        return line


def _line(message: msgspec.Struct) -> bytes:
    return msgspec.json.encode(message) + b"\n"


# The companion


def _be_companion(url: str, connection: socket.socket) -> None:
    lines = _Lines(connection)
    line = lines.next(None)
    while line:
        ping = msgspec.json.decode(line, type=_Ping)
        line, failure = _call(url, ping, lines)
        if line is not None:
            continue  # a newer call makes this one pointless
        with contextlib.suppress(OSError):  # the wrapper has ended
            connection.sendall(_line(_Outcome(ping.word, failure)))
        if failure is not None:
            _record(ping, failure)
        line = lines.next(None)


def _call(url: str, ping: _Ping, lines: _Lines) -> tuple[bytes | None, CallFailure | None]:
    """Call until it succeeds, is refused, or another call is to be made.

    Returns:
        The line with that other call, or None; and why the last attempt failed, or None.
    """
    caller = PingCaller(_TIMEOUT_SECONDS)
    target = below(url, ping.word) if ping.word else url
    failure = caller.call(target)
    for pause in _PAUSES:
        if failure is None or failure.is_permanent:
            break
        following = lines.next(pause)
        if following:
            return following, failure
        if following == b"":  # the wrapper has ended
            time.sleep(pause)
        failure = caller.call(target)
    return None, failure


def _record(ping: _Ping, failure: CallFailure) -> None:
    """Record in ``errors.log`` that the URL could not be called."""
    if ping.context is None:
        return
    error = ErrorInfo("PingFailed", f"The ping URL could not be called: {failure.reason}.")
    with contextlib.suppress(SettingsError, OSError):  # the wrapper has reported them
        app = read(Settings, os.environ)
        record(app, [ErrorRecorded(ping.context, time.time(), "ping", error)])
