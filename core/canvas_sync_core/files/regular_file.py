"""Reads small files named in settings without blocking on files that are not regular.

Opening a FIFO waits for a writer, reading a terminal waits for a person, and reading ``/dev/zero``
never ends: the sync, or every request to the exporter, would hang.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

import msgspec

__all__ = ["MAX_BYTES", "RegularFile", "read_regular_bytes", "read_regular_file"]

MAX_BYTES: Final = 1024 * 1024
"""Enough for thousands of tokens; a larger file was probably named by mistake."""

_FLAGS: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_KINDS: Final = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class RegularFile(msgspec.Struct, frozen=True):
    """A file that was read.

    Attributes:
        text: Its content, without the byte order mark that editors on Windows write.
        permissions: Its permission bits, from the descriptor that was read.
    """

    text: str
    permissions: int


def read_regular_file(path: Path) -> RegularFile:
    """Read a text file of at most :data:`MAX_BYTES`.

    Raises:
        OSError: The file is missing or cannot be read.
        ValueError: It is not a regular file, too large, or not UTF-8.
    """
    content, status = _read(path)
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 text: {error.reason} at byte {error.start}") from error
    return RegularFile(text.removeprefix("\ufeff"), stat.S_IMODE(status.st_mode))


def read_regular_bytes(path: Path) -> bytes:
    """Read a file of at most :data:`MAX_BYTES`.

    Raises:
        OSError: The file is missing or cannot be read.
        ValueError: It is not a regular file, or too large.
    """
    return _read(path)[0]


def _read(path: Path) -> tuple[bytes, os.stat_result]:
    _require_regular(path.stat())  # merely opening some devices has side effects
    descriptor = os.open(path, _FLAGS)
    with open(descriptor, "rb", buffering=0) as file:  # noqa: PTH123 - has the flags
        status = os.fstat(descriptor)
        _require_regular(status)
        content = _read_all(file.fileno())
    if len(content) > MAX_BYTES:
        raise ValueError(f"it is larger than {MAX_BYTES} bytes")
    return content, status


def _require_regular(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "something else")
        raise ValueError(f"it is {kind}, not a regular file")


def _read_all(descriptor: int) -> bytes:
    """Read to the end, or one byte more than is allowed."""
    content = bytearray()
    while len(content) <= MAX_BYTES:
        part = os.read(descriptor, MAX_BYTES + 1 - len(content))
        if not part:
            break
        content += part
    return bytes(content)
