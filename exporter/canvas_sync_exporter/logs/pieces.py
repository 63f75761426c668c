"""The pieces of an archive, each of which can be unpacked by itself.

An archive is a gzip file with several members (RFC 1952), here called pieces: one for the header of
each file, and one for about every 4 MiB of the file's lines; tar's padding is in the file's last
one. gzip and tar read them as one stream. An extra field in the gzip header of each piece contains
the length of the piece, so all pieces are found without unpacking the lines.

A piece with this field begins with a line or a header. Older archives, and those with a line longer
than a piece, contain pieces without the field, and are read from their beginning.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from isal import igzip_lib
from isal.igzip_lib import IsalError

__all__ = [
    "PIECE_BYTES",
    "TAR_BLOCK",
    "PackedFile",
    "Piece",
    "Unpacking",
    "packed",
    "packed_files",
]

PIECE_BYTES: Final = 4 * 1024 * 1024
"""How many bytes of lines a piece has at most."""

TAR_BLOCK: Final = 512
"""The size of a header in a tar file, and what the size of the rest is rounded up to."""

_LEVEL: Final = 1
_HEADER: Final = struct.Struct("<4s6sH2sHII")
_OF_IGZIP: Final = 10  # bytes of the header that igzip writes
_WITH_FIELD: Final = b"\x1f\x8b\x08\x04"  # gzip, deflate, an extra field follows
_FIELD: Final = b"CS"
_FIELD_BYTES: Final = 8
_LARGEST: Final = PIECE_BYTES + TAR_BLOCK
_LONGEST: Final = 2 * _LARGEST  # of a piece; what does not shrink grows by very little


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of an archive.

    Attributes:
        at: Its offset in the archive.
        length: Its length there.
        start: Offset in the file of its first line.
        size: Number of bytes of its lines.
        padding: Number of bytes that follow them.
    """

    at: int
    length: int
    start: int
    size: int
    padding: int = 0


@dataclass(frozen=True, slots=True)
class PackedFile:
    """A file in an archive.

    Attributes:
        name: Its name.
        pieces: Its lines, in their order.
    """

    name: str
    pieces: list[Piece]

    @property
    def size(self) -> int:
        """Number of bytes in the pieces."""
        return sum(piece.size for piece in self.pieces)


def packed(data: bytes | memoryview, *, is_start: bool = True) -> bytes:
    """Return a piece of an archive.

    Args:
        data: A header, or lines.
        is_start: Whether reading may start there.
    """
    piece = igzip_lib.compress(data, _LEVEL, flag=igzip_lib.COMP_GZIP)
    if not is_start:
        return piece
    length = len(piece) + _HEADER.size - _OF_IGZIP
    field = (_FIELD_BYTES + 4, _FIELD, _FIELD_BYTES, length, len(data))
    return _HEADER.pack(_WITH_FIELD, piece[4:_OF_IGZIP], *field) + piece[_OF_IGZIP:]


def packed_files(archive: Path) -> list[PackedFile] | None:
    """Return the files in an archive.

    Returns:
        None if it cannot be read in pieces: it is of another version, or damaged.

    Raises:
        OSError: It cannot be read, or is gone.
    """
    from tarfile import TarError  # noqa: PLC0415 - slow, and not every command reads archives

    with archive.open("rb", buffering=0) as raw:
        try:
            return list(_files(raw.fileno(), _pieces(raw.fileno())))
        except (_NotInPiecesError, IsalError, TarError, EOFError):  # type: ignore[misc]  # isal's stub calls it a value
            return None


class Unpacking:
    """The lines of a piece as they are unpacked; the last ones only after the checksum matches.

    All methods raise ``IsalError`` or ``EOFError`` if the piece is damaged.

    Args:
        fd: The archive.
        piece: Which one.

    Raises:
        OSError: It cannot be read.
    """

    def __init__(self, fd: int, piece: Piece) -> None:
        self._decompressor = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
        self._packed = os.pread(fd, piece.length, piece.at)
        self._left = piece.size
        self._padding = piece.padding

    def read(self, most: int) -> bytes:
        """Return at most ``most`` further bytes; none at the end."""
        if not self._left:
            return b""
        data = self._decompressor.decompress(self._packed, min(most, self._left))
        self._packed = b""
        self._left -= len(data)
        if not data or (not self._left and not self._ends()):
            raise EOFError("a piece has the wrong length")
        return data

    def _ends(self) -> bool:
        """Return whether only the padding and a correct checksum are left."""
        if self._decompressor.eof:
            return not self._padding
        padding = self._decompressor.decompress(b"", self._padding + 1)
        return len(padding) == self._padding and self._decompressor.eof


class _NotInPiecesError(Exception):
    """An archive cannot be read in pieces."""


def _pieces(fd: int) -> Iterator[Piece]:
    """Yield one piece after another, without the file that each belongs to."""
    end = os.fstat(fd).st_size
    at = 0
    while at < end:
        header = os.pread(fd, _HEADER.size, at)
        if len(header) < _HEADER.size:
            raise _NotInPiecesError
        magic, _, *field, length, size = _HEADER.unpack(header)
        is_known = [magic, *field] == [_WITH_FIELD, _FIELD_BYTES + 4, _FIELD, _FIELD_BYTES]
        is_possible = at + length <= end and _HEADER.size < length <= _LONGEST and size <= _LARGEST
        if not (is_known and is_possible):
            raise _NotInPiecesError
        yield Piece(at, length, 0, size)
        at += length


def _files(fd: int, pieces: Iterator[Piece]) -> Iterator[PackedFile]:
    import tarfile  # noqa: PLC0415 - slow, and not every command reads archives

    for piece in pieces:
        header = Unpacking(fd, piece).read(piece.size)
        if not any(header):  # the end of a tar file
            break
        entry = tarfile.TarInfo.frombuf(header, tarfile.ENCODING, "surrogateescape")
        if not entry.isreg():
            raise _NotInPiecesError
        yield PackedFile(entry.name, list(_of_file(entry.size, pieces)))
    else:
        raise _NotInPiecesError
    if next(pieces, None) is not None:
        raise _NotInPiecesError


def _of_file(size: int, pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Yield the next pieces that belong to a file, with their offsets in the file."""
    start = 0
    while start < size:
        piece = next(pieces, None)
        if piece is None or not piece.size:
            raise _NotInPiecesError
        end = start + piece.size
        padding = max(0, end - size)
        if end >= size and padding != -size % TAR_BLOCK:
            raise _NotInPiecesError
        yield Piece(piece.at, piece.length, start, piece.size - padding, padding)
        start = end
