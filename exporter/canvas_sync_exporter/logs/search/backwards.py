"""Reads the lines of a file from its end, in blocks, with bounded memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

from canvas_sync_exporter.logs.reader import LINE_LIMIT

__all__ = ["blocks_backwards", "whole_lines_end"]

_BLOCK: Final = 256 * 1024
_NEWLINE: Final = b"\n"


def blocks_backwards(fd: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Read whole lines, block by block, the last ones first.

    Args:
        fd: The file.
        end: Offset in the file after the last line.

    Yields:
        Offset in the file and the lines that begin there, in the order of the file. Lines longer
        than :data:`~.reader.LINE_LIMIT` are skipped.

    Raises:
        OSError: The file cannot be read.
    """
    begun = b""  # the end of a line that begins earlier
    at, is_too_long = end, False
    while at:
        length = min(_BLOCK, at)
        at -= length
        data = os.pread(fd, length, at)
        if len(data) < length:
            return  # truncated meanwhile
        if is_too_long:
            cut = data.rfind(_NEWLINE) + 1
            if not cut and at:
                continue
            yield at + cut, b""
            data, is_too_long = data[:cut], False
        start = data.find(_NEWLINE) + 1 if at else 0
        if at and not start:
            begun, lines = data + begun, b""
        else:  # copy each byte only once, since reading is mostly copying
            lines = b"".join((memoryview(data)[start:], begun))
            begun = data[:start]
        if at and len(begun) > LINE_LIMIT:
            is_too_long, begun = True, b""
        if lines:
            yield at + start, lines


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
