"""Where a search is in a log, told so that it is found again after rotations and archiving.

A file is known by its first bytes: they stay with the lines, whatever the file is called and
wherever the lines are moved. A cleanup may cut it behind any of its lines, hence the first line
counts alone where there are no more bytes.
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from canvas_sync_core.names import Log

__all__ = [
    "HEAD_BYTES",
    "NOWHERE",
    "BadCursorError",
    "Head",
    "Position",
    "decode_cursor",
    "encode_cursor",
    "head_of",
]

HEAD_BYTES: Final = 512
"""How many of a file's first bytes it is known by."""

_DIGEST_BYTES: Final = 9
_MAX_OFFSET: Final = 2**62


class BadCursorError(ValueError):
    """A cursor is not one that a search gave."""


class Head(msgspec.Struct, frozen=True, array_like=True):
    """The first bytes of a file.

    Attributes:
        length: How many they are.
        digest: Their hash.
        line: The hash of those among them that are its first line.
    """

    length: int
    digest: bytes
    line: bytes

    def begins(self, first: bytes) -> bool:
        """Whether a file that begins with ``first`` is the one, or is what was cut off it."""
        if len(first) >= self.length:
            return _digest(first[: self.length]) == self.digest
        return _line_digest(first) == self.line


NOWHERE: Final = Head(0, b"", b"")
"""Known by nothing."""


class Position(msgspec.Struct, frozen=True, array_like=True):
    """A place in a log; what is before it has not been searched.

    Attributes:
        end: Offset in the file.
        head: Which file.
        archive: Name of the archive that it was in; empty when it was in none.
        rank: Which file, from 0, the oldest: of those in the archive, or of those in none that
            begin with the same bytes, as short ones may.
    """

    end: int
    head: Head
    archive: str = ""
    rank: int = 0


_Cursor = dict[Log, Position]
_DECODER: Final = msgspec.json.Decoder(_Cursor)


def head_of(first: bytes) -> Head:
    """Return what a file with these first bytes is known by."""
    first = first[:HEAD_BYTES]
    return Head(len(first), _digest(first), _line_digest(first))


def encode_cursor(positions: _Cursor) -> str:
    """Write positions as text that may stand in a URL."""
    return msgspec.json.encode(positions).hex()


def decode_cursor(cursor: str) -> _Cursor:
    """Read what :func:`encode_cursor` wrote.

    Raises:
        BadCursorError: It did not write this.
    """
    try:
        positions = _DECODER.decode(bytes.fromhex(cursor))
    except (ValueError, msgspec.MsgspecError):
        raise BadCursorError("use `next` from the previous answer") from None
    for position in positions.values():
        if not (0 <= position.end < _MAX_OFFSET and 0 <= position.head.length <= HEAD_BYTES):
            raise BadCursorError("use `next` from the previous answer")
    return positions


def _digest(first: bytes) -> bytes:
    return hashlib.blake2b(first, digest_size=_DIGEST_BYTES).digest()


def _line_digest(first: bytes) -> bytes:
    line, newline, _ = first.partition(b"\n")
    return _digest(line + newline)
