"""Copies a command's output to where it would have gone, and keeps its last lines.

A companion process does this, so that neither the command nor its output is affected if the wrapper
is killed. What the command sees is a pipe, as in ``command | tee``.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final

import msgspec

from canvas_sync_core.clock import monotonic
from canvas_sync_core.companion import start_companion
from canvas_sync_core.events import RunContext
from canvas_sync_core.threads import Daemon

from .tail import Tail

__all__ = ["KeptOutput", "OutputKeeper"]

_CHUNK: Final = 65536
_STANDARD_STREAMS: Final = {"stdout": 1, "stderr": 2}
_FIRST_FREE: Final = 3
_CLOSED: Final = -1
_END_OF_OUTPUT_SECONDS: Final = 0.5
"""How long to wait for the end of the output after the command has ended. Processes that it left in
the background may hold it open for days."""
_UNREAD_OUTPUT_SECONDS: Final = 4.0
"""How much longer to wait while there is output that was not read yet, as on a busy machine. A
process in the background may write more for ever."""
_UNREAD_OUTPUT_POLL_SECONDS: Final = 0.01
_REPLY_SECONDS: Final = 5.0
_READY: Final = b"ready\n"

KeptOutput = Mapping[str, Sequence[str]]
"""The last lines of each stream: ``stdout`` and ``stderr``; ``output`` if both are the same file,
so that the order of their lines is kept."""


class _Stream(msgspec.Struct, frozen=True):
    """One stream of the command.

    Attributes:
        name: Its name.
        source: Where it is read.
        target: Where it is copied to.
        tail: Its last lines.
    """

    name: str
    source: int
    target: int
    tail: Tail


class OutputKeeper:
    """The wrapper's end of the companion.

    Args:
        connection: To the companion.
        stdout: Descriptor for the command's standard output.
        stderr: Descriptor for its standard error; may be the same.
    """

    def __init__(self, connection: socket.socket, stdout: int, stderr: int) -> None:
        self._connection = connection
        self.stdout = stdout
        self.stderr = stderr

    @classmethod
    def start(
        cls, count: int, record: Callable[[RunContext, KeptOutput], None]
    ) -> OutputKeeper | None:
        """Start the companion; None if the system cannot start a process.

        Args:
            count: Number of lines to keep of each stream.
            record: Called in the companion if the wrapper is killed.
        """
        is_one_file = os.path.sameopenfile(*_STANDARD_STREAMS.values())
        names = {"output": 1} if is_one_file else _STANDARD_STREAMS
        pipes = {name: os.pipe() for name in names}
        streams = [
            _Stream(name, pipes[name][0], _duplicate(descriptor), Tail(count))
            for name, descriptor in names.items()
        ]
        used = [end for stream in streams for end in (stream.source, stream.target)]
        connection = start_companion(partial(_be_companion, streams, record), used)
        for descriptor in used:
            os.close(descriptor)
        ends = [write_end for _, write_end in pipes.values()]
        if connection is not None:
            keeper = cls(connection, ends[0], ends[-1])
            if keeper._reply() == _READY:
                return keeper
            keeper.close()
            return None
        for descriptor in ends:
            os.close(descriptor)
        return None

    def on_starting(self, context: RunContext | None) -> None:
        """Note that the command is about to start: the companion can now record its output.

        The wrapper may be killed at any time after the start, even before it knows the process id.

        Args:
            context: The run; None if nothing is recorded.
        """
        self._send(msgspec.json.encode(context))

    def on_started(self, pid: int) -> None:
        """Note the command's process id."""
        self._send(str(pid).encode())

    def close_pipes(self) -> None:
        """Close the descriptors for the command once it has inherited them."""
        for descriptor in {self.stdout, self.stderr} - {_CLOSED}:
            os.close(descriptor)
        self.stdout = self.stderr = _CLOSED

    def last_lines(self) -> KeptOutput | None:
        """Return the last lines after the command has ended.

        None means that the companion takes long; it then records them itself.

        Raises:
            ChildProcessError: The companion was killed.
        """
        self._send(b"ended")
        reply = self._reply()
        if reply is None:
            return None
        try:
            return msgspec.json.decode(reply, type=dict[str, list[str]])
        except msgspec.DecodeError:
            raise ChildProcessError from None

    def on_recorded(self) -> None:
        """Note that the lines are recorded, so that the companion need not do it."""
        self._send(b"recorded")

    def close(self) -> None:
        """Leave the companion to itself: it ends when nothing can write to the pipes any more."""
        self.close_pipes()
        self._connection.close()

    def _send(self, line: bytes) -> None:
        with contextlib.suppress(OSError):  # it was killed, which last_lines() reports
            self._connection.sendall(line + b"\n")

    def _reply(self) -> bytes | None:
        """Return the companion's next line; empty if it is gone, None if it takes long."""
        self._connection.settimeout(_REPLY_SECONDS)
        try:
            with self._connection.makefile("rb") as replies:
                return replies.readline()
        except TimeoutError:
            return None
        except OSError:
            return b""


def _duplicate(descriptor: int) -> int:
    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _FIRST_FREE)


# The companion


def _be_companion(
    streams: Sequence[_Stream],
    record: Callable[[RunContext, KeptOutput], None],
    connection: socket.socket,
) -> None:
    copying = [Daemon(partial(_copy, stream), f"copy {stream.name}") for stream in streams]
    if not all(thread.start() for thread in copying):
        return
    connection.sendall(_READY)
    with connection.makefile("rb") as messages:
        starting = messages.readline()
        context = msgspec.json.decode(starting, type=RunContext | None) if starting else None
        with _process(messages.readline()) as process:
            has_ended = bool(messages.readline())
            if not has_ended:
                _wait_for_end(process, copying)
        _wait_for_output(streams, copying)
        output = {stream.name: stream.tail.redacted() for stream in streams}
        if has_ended:
            with contextlib.suppress(OSError):  # the wrapper was killed, or waits no longer
                connection.sendall(msgspec.json.encode(output) + b"\n")
        if not messages.readline() and context is not None:
            record(context, output)
    connection.close()
    _join(copying, None)


def _copy(stream: _Stream) -> None:
    """Copy until the end; stop early, as the command itself would, if nobody reads it any more."""
    while chunk := os.read(stream.source, _CHUNK):
        stream.tail.feed(chunk)
        try:
            _write(stream.target, chunk)
        except BrokenPipeError:
            break
        except OSError:  # a full disk, a closed terminal: the command must not wait for it
            continue
    os.close(stream.source)
    os.close(stream.target)


def _write(target: int, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        try:
            rest = rest[os.write(target, rest) :]
        except BlockingIOError:  # another process made this file non-blocking
            select.select([], [target], [])


@contextlib.contextmanager
def _process(pid: bytes) -> Iterator[int | None]:
    """Yield a descriptor that is readable once the command has ended; None if there is none.

    Args:
        pid: The command's process id; empty if the wrapper was killed before it knew it.
    """
    descriptor = None
    if pid and hasattr(os, "pidfd_open"):
        with contextlib.suppress(OSError):
            descriptor = os.pidfd_open(int(pid))
    try:
        yield descriptor
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _wait_for_end(process: int | None, copying: Sequence[Daemon]) -> None:
    """Wait until the command of a killed wrapper has ended."""
    if process is None:
        _join(copying, None)
    else:
        select.select([process], [], [])


def _wait_for_output(streams: Sequence[_Stream], copying: Sequence[Daemon]) -> None:
    """Wait until what the command wrote before it ended is copied."""
    _join(copying, _END_OF_OUTPUT_SECONDS)
    deadline = monotonic() + _UNREAD_OUTPUT_SECONDS
    # While everything is read but the thread that did so has not ended, only POLLHUP is there.
    is_open = select.POLLIN | select.POLLHUP
    sources = select.poll()  # which, unlike select(), accepts descriptors closed meanwhile
    for stream in streams:
        sources.register(stream.source, select.POLLIN)
    while any(event & is_open for _, event in sources.poll(0)) and monotonic() < deadline:
        _join(copying, _UNREAD_OUTPUT_POLL_SECONDS)


def _join(threads: Sequence[Daemon], seconds: float | None) -> None:
    deadline = None if seconds is None else monotonic() + seconds
    for thread in threads:
        thread.join(None if deadline is None else max(0.0, deadline - monotonic()))
