"""A forked process beside a command, which goes on when the process that started it is killed."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Collection
from typing import Final, NoReturn

__all__ = ["open_standard_streams", "start_companion"]

_IGNORED: Final = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
)
_STANDARD_STREAMS: Final = 3
_MOST_DESCRIPTORS: Final = 65536
"""A limit can be a billion, and closing each would take minutes."""


def open_standard_streams() -> None:
    """Open ``/dev/null`` in place of closed standard streams, so that no other file takes them."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) < _STANDARD_STREAMS:
        pass
    os.close(descriptor)


def start_companion(
    work: Callable[[socket.socket], object], keep: Collection[int] = ()
) -> socket.socket | None:
    """Fork a process that does ``work`` and then ends.

    It runs in a new session and ignores the signals that stop commands, so that it can finish after
    them. Its standard streams are ``/dev/null``, and it closes every other descriptor except
    ``keep``: it must not hold a lock or a pipe of our caller open. Call this before any thread is
    started and after :func:`open_standard_streams`.

    Args:
        work: Gets the companion's end of a connection, and reads the end of the file from it once
            this process has ended, for whatever reason.
        keep: Further descriptors that the work needs.

    Returns:
        Our end of the connection; None if the system cannot start a process.
    """
    try:
        ours, theirs = socket.socketpair()
    except OSError:
        return None
    try:
        pid = os.fork()
    except OSError:
        ours.close()
        theirs.close()
        return None
    if pid == 0:
        _be_companion(work, theirs, keep)
    theirs.close()
    return ours


def _be_companion(
    work: Callable[[socket.socket], object], connection: socket.socket, keep: Collection[int]
) -> NoReturn:
    code = 1
    try:
        for number in _IGNORED:
            signal.signal(number, signal.SIG_IGN)
        os.setsid()
        _close_all_but({connection.fileno(), *keep})
        work(connection)
        code = 0
    finally:
        # Whatever happened: the code of our caller must not run twice.
        os._exit(code)


def _close_all_but(needed: Collection[int]) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for standard in range(_STANDARD_STREAMS):
        os.dup2(null, standard)
    first = _STANDARD_STREAMS
    for descriptor in sorted(needed):
        os.closerange(first, descriptor)
        first = descriptor + 1
    os.closerange(first, min(os.sysconf("SC_OPEN_MAX"), _MOST_DESCRIPTORS))
