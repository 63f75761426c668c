"""Reads an archive back, and compares it with what was written into it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Final

from .archive import ArchiveDamagedError, Member
from .parts import LogPart, LogStream, archived_parts

__all__ = ["ReadPart", "read_back", "read_to_end"]

_BUFFER_BYTES: Final = 256 * 1024

ReadPart = Callable[[LogPart], object]
"""Reads a file in an archive to its end."""


def read_to_end(part: LogPart) -> None:
    """Read a file in an archive, and do nothing with it."""
    buffer = memoryview(bytearray(_BUFFER_BYTES))
    while part.stream.readinto(buffer):
        pass


def read_back(archive: Path, members: Sequence[Member], read: ReadPart = read_to_end) -> None:
    """Read an archive, and compare each byte.

    Args:
        archive: The archive.
        members: What must be in it; it may contain more.
        read: Receives each member, so that its lines can be read without unpacking it again.

    Raises:
        ArchiveDamagedError: It cannot be read, or contains something else.
        OSError: The archive or a member's file cannot be read.
    """
    left = {member.name: member for member in members}
    try:
        for part in archived_parts(archive):
            if (member := left.pop(part.name, None)) is not None:
                _compare(part, member, read)
        if left:
            raise ArchiveDamagedError(f"{', '.join(left)} is not in it")
    except ArchiveDamagedError as error:
        raise ArchiveDamagedError(f"{archive} does not read back: {error}") from error


def _compare(part: LogPart, member: Member, read: ReadPart) -> None:
    with member.path.open("rb", buffering=0) as original:
        compared = _Compared(part.stream, original, member.name)
        read(replace(part, stream=compared))
    if not part.size == compared.bytes == member.length:
        raise ArchiveDamagedError(f"{member.name} in it has a different length")


class _Compared:
    """A stream that is compared with the original while it is read.

    Attributes:
        bytes: How many bytes have been read.
    """

    def __init__(self, stream: LogStream, original: IO[bytes], name: str) -> None:
        self.bytes = 0
        self._stream = stream
        self._original = original
        self._name = name

    def readinto(self, buffer: memoryview, /) -> int:
        """Read into the buffer; return the number of bytes, 0 at the end."""
        read = self._stream.readinto(buffer) or 0
        original = self._original.read(read)
        # Not ==, which compares a memoryview byte by byte and takes ten times as long.
        if len(original) != read or not original.startswith(buffer[:read]):
            raise ArchiveDamagedError(f"{self._name} in it differs from the original")
        self.bytes += read
        return read
