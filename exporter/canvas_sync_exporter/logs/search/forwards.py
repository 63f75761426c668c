"""Reads the lines of a file from an offset on, in blocks, with bounded memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

from canvas_sync_exporter.logs.reader import LINE_LIMIT

__all__ = ["blocks_forwards"]

_BLOCK: Final = 256 * 1024  # small enough to stay in a processor's cache until it is searched
_SHORT: Final = 64 * 1024  # part of a line that is copied into the buffer
_NEWLINE: Final = b"\n"


def blocks_forwards(fd: int, start: int, end: int) -> Iterator[tuple[int, memoryview]]:
    """Read whole lines, block by block, in the order of the file.

    Args:
        fd: The file.
        start: Offset in the file of the first line.
        end: Offset in the file after the last line.

    Yields:
        Offset in the file, and the lines that begin there, valid until the next ones are requested.
        For a line that is longer than :data:`~.reader.LINE_LIMIT`, the offset after it and no
        bytes.

    Raises:
        OSError: The file cannot be read.
    """
    buffer = bytearray(_SHORT + min(_BLOCK, end - start))  # of all blocks: see backwards.py
    view = memoryview(buffer)
    begun = b""  # the start of a line that ends later
    at, is_too_long = start, False
    while at < end:
        read = os.preadv(fd, [view[_SHORT : _SHORT + end - at]], at)
        if not read:
            return  # truncated meanwhile
        at += read
        first, last = _SHORT, _SHORT + read
        if is_too_long:
            first = buffer.find(_NEWLINE, first, last) + 1
            if not first:
                continue
            yield at - (last - first), view[:0]
            is_too_long = False
        cut = buffer.rfind(_NEWLINE, first, last) + 1
        if cut:
            begun, lines = bytes(view[cut:last]), _preceded(view, first, cut, begun)
        else:
            begun, lines = begun + view[first:last], view[:0]
        if lines:
            yield at - (last - cut) - len(lines), lines
        if len(begun) > LINE_LIMIT:
            is_too_long, begun = True, b""
    if is_too_long:
        yield end, view[:0]
    elif begun:
        yield end - len(begun), memoryview(begun)


def _preceded(view: memoryview, start: int, stop: int, begin: bytes) -> memoryview:
    """Return a part of a buffer after the beginning of its first line, in the buffer if it fits."""
    if len(begin) > _SHORT:
        return memoryview(begin + view[start:stop])
    view[start - len(begin) : start] = begin
    return view[start - len(begin) : stop]
