"""Reads the lines of a file from an offset on, in blocks, with bounded memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

from canvas_sync_exporter.logs.reader import LINE_LIMIT

__all__ = ["blocks_forwards"]

_BLOCK: Final = 256 * 1024
_NEWLINE: Final = b"\n"


def blocks_forwards(fd: int, start: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Read whole lines, block by block, in the order of the file.

    Args:
        fd: The file.
        start: Offset in the file of the first line.
        end: Offset in the file after the last line.

    Yields:
        Offset in the file, and the lines that begin there. For a line that is longer than
        :data:`~.reader.LINE_LIMIT`, the offset after it and no bytes.

    Raises:
        OSError: The file cannot be read.
    """
    begun = b""  # the start of a line that ends later
    at, is_too_long = start, False
    while at < end:
        data = os.pread(fd, min(_BLOCK, end - at), at)
        if not data:
            return  # truncated meanwhile
        at += len(data)
        if is_too_long:
            cut = data.find(_NEWLINE) + 1
            if not cut:
                continue
            yield at - len(data) + cut, b""
            data, is_too_long = data[cut:], False
        data = begun + data
        cut = data.rfind(_NEWLINE) + 1
        begun = data[cut:]
        if cut:
            yield at - len(data), data[:cut]
        if len(begun) > LINE_LIMIT:
            is_too_long, begun = True, b""
    if is_too_long:
        yield end, b""
    elif begun:
        yield end - len(begun), begun
