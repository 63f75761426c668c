"""Keeps the last lines of a stream of bytes in bounded memory."""

from __future__ import annotations

from collections import deque
from typing import Final

from canvas_sync_core.canvas.redaction import redact_lines
from canvas_sync_core.locks import Lock
from canvas_sync_core.patterns import late_pattern

__all__ = ["Tail"]

_LINE_BYTES: Final = 4096
_LINE_LENGTH: Final = 500
_TOTAL_BYTES: Final = 32 * 1024
_CONTEXT_LINES: Final = 60
"""Earlier lines may show that a kept one is part of a secret, such as of a private key."""
_TERMINAL_CODE: Final = late_pattern(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\))")


class Tail:
    """The last lines of a stream.

    A line that was overwritten after a carriage return, as by a progress bar, counts with its last
    state, as on a terminal.

    Args:
        count: Number of lines to keep.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._lock = Lock()
        self._lines: deque[bytes] = deque(maxlen=count + _CONTEXT_LINES)
        self._line = bytearray()
        self._is_cut = False
        self._is_returned = False

    def feed(self, chunk: bytes) -> None:
        """Add bytes, however the stream was cut into chunks."""
        first, *others = chunk.split(b"\n")
        with self._lock:
            self._extend(first)
            for piece in others:
                self._lines.append(self._ended_line())
                self._clear()
                self._extend(piece)

    def redacted(self) -> list[str]:
        """Return the last lines without secrets, also one that has no newline yet."""
        with self._lock:
            lines = [*self._lines, *([self._ended_line()] if self._line else [])]
        texts = [_TERMINAL_CODE.sub("", line.decode(errors="replace")) for line in lines]
        return _newest(redact_lines(texts, _LINE_LENGTH)[-self._count :])

    def _extend(self, piece: bytes) -> None:
        if not piece:
            return
        if self._is_returned and piece.strip(b"\r"):
            self._clear()
        shown = piece.rstrip(b"\r")
        self._is_returned = len(shown) < len(piece)
        _, separator, last = shown.rpartition(b"\r")
        if separator:
            self._line.clear()
            self._is_cut = False
        free = _LINE_BYTES - len(self._line)
        self._line += last[:free]
        self._is_cut |= len(last) > free

    def _clear(self) -> None:
        self._line.clear()
        self._is_cut = self._is_returned = False

    def _ended_line(self) -> bytes:
        if not self._is_cut:
            return bytes(self._line)
        # Not in the middle of a word: half a token would no longer be recognized as one.
        whole, separator, _ = bytes(self._line).rpartition(b" ")
        return (whole if separator else bytes(self._line)) + " …".encode()


def _newest(lines: list[str]) -> list[str]:
    """Return as many of the last lines as fit into the limit of bytes."""
    room = _TOTAL_BYTES
    for index in range(len(lines) - 1, -1, -1):
        room -= len(lines[index].encode(errors="replace"))
        if room < 0:
            return lines[index + 1 :]
    return lines
