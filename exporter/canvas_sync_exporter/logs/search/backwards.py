"""Reads the lines of a file from its end, in blocks, with bounded memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from canvas_sync_exporter.logs.reader import LINE_LIMIT

__all__ = ["blocks_backwards", "whole_lines_end"]

_BLOCK: Final = 256 * 1024  # small enough to stay in a processor's cache until it is searched
_SHORT: Final = 64 * 1024  # part of a line that is copied into the buffer
_NEWLINE: Final = b"\n"
_AT_ONCE: Final = 1024 * 1024  # bytes that are read ahead at once
_AHEAD: Final = 4 * 1024 * 1024  # bytes that are read ahead at most


def blocks_backwards(fd: int, end: int) -> Iterator[tuple[int, memoryview]]:
    """Read whole lines, block by block, the last ones first.

    Args:
        fd: The file.
        end: Offset in the file after the last line.

    Yields:
        Offset in the file and the lines that begin there, in the order of the file; valid until
        the next ones are requested. Lines longer than :data:`~.reader.LINE_LIMIT` are skipped.

    Raises:
        OSError: The file cannot be read.
    """
    size = min(_BLOCK, end)
    buffer = bytearray(size + _SHORT)  # of all blocks, since reading is mostly copying
    view = memoryview(buffer)
    begun = b""  # the end of a line that begins earlier
    at, read_ahead_to, is_too_long = end, end, False
    while at:
        first, last = max(0, size - at), size
        at -= last - first
        read_ahead_to = _read_ahead(fd, read_ahead_to, at - min(end - at, _AHEAD))
        if os.preadv(fd, [view[first:last]], at) < last - first:
            return  # truncated meanwhile
        if is_too_long:
            last = max(first, buffer.rfind(_NEWLINE, first, last) + 1)
            if last == first and at:
                continue
            yield at + last - first, view[:0]
            is_too_long = False
        start = buffer.find(_NEWLINE, first, last) + 1 if at else first
        if at and not start:
            begun, lines = b"".join((view[first:last], begun)), view[:0]
        else:
            begun, lines = bytes(view[first:start]), _followed(view, start, last, begun)
        if at and len(begun) > LINE_LIMIT:
            is_too_long, begun = True, b""
        if lines:
            yield at + start - first, lines


def _followed(view: memoryview, start: int, stop: int, end: bytes) -> memoryview:
    """Return a part of a buffer, followed by the end of its last line, in the buffer if it fits."""
    if len(end) > _SHORT:
        return memoryview(bytes(view[start:stop]) + end)
    view[stop : stop + len(end)] = end
    return view[start : stop + len(end)]


def _read_ahead(fd: int, read_ahead_to: int, until: int) -> int:
    """Let the system read what comes next, which it does by itself only in the other direction.

    Args:
        fd: The file.
        read_ahead_to: Offset in the file after which it has been asked to read.
        until: Offset that is near enough to be read now.

    Returns:
        The new ``read_ahead_to``.
    """
    while hasattr(os, "posix_fadvise") and read_ahead_to > max(0, until):  # not on a Mac
        begin = max(0, read_ahead_to - _AT_ONCE)
        with suppress(OSError):  # it is only a hint
            os.posix_fadvise(fd, begin, read_ahead_to - begin, os.POSIX_FADV_WILLNEED)
        read_ahead_to = begin
    return read_ahead_to


def whole_lines_end(fd: int, size: int) -> int:
    """Return where the last whole line of the first ``size`` bytes of a file ends.

    Raises:
        OSError: The file cannot be read.
    """
    while size:
        length = min(_BLOCK, size)
        data = os.pread(fd, length, size - length)
        if not data:
            return 0
        if found := data.rfind(_NEWLINE) + 1:
            return size - length + found
        size -= length
    return 0
