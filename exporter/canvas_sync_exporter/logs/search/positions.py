"""Positions in a log that can be found again after rotation and archiving.

A file is identified by its first bytes: they stay with the lines, whatever the file is called and
wherever the lines are moved. A cleanup may truncate it after any line, so if there are fewer bytes,
only the first line counts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

import msgspec

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.sidecars import FIRST_BYTES

from .order import Order
from .url_text import decode_text, encode_text

__all__ = [
    "FROM_START",
    "HEAD_BYTES",
    "NOWHERE",
    "BadCursorError",
    "Head",
    "Position",
    "after_archive",
    "decode_cursor",
    "encode_cursor",
    "head_of",
]

HEAD_BYTES: Final = FIRST_BYTES
"""Number of first bytes that identify a file."""

_DIGEST_BYTES: Final = 9
_MAX_OFFSET: Final = 2**62


class BadCursorError(ValueError):
    """A cursor was not created by a search."""


class Head(msgspec.Struct, frozen=True, array_like=True):
    """The first bytes of a file.

    Attributes:
        length: Their number.
        digest: Their hash.
        line: The hash of its first line within them.
    """

    length: int
    digest: bytes
    line: bytes

    def begins(self, first: bytes) -> bool:
        """Whether a file that begins with ``first`` is this file, or was split off from it."""
        if len(first) >= self.length:
            return _digest(first[: self.length]) == self.digest
        return _line_digest(first) == self.line


NOWHERE: Final = Head(0, b"", b"")
"""No identity."""


class Position(msgspec.Struct, frozen=True, array_like=True):
    """A position in a log, between two lines; a search continues on one side of it.

    Attributes:
        end: Offset in the file.
        head: Identity of the file.
        archive: Name of its archive; empty if it was in none.
        rank: Index of the file, 0 being the oldest: within the archive or, outside an archive,
            among files with the same first bytes, as short ones may have.
    """

    end: int
    head: Head
    archive: str = ""
    rank: int = 0


FROM_START: Final = Position(0, NOWHERE)
"""The start of a log, whichever file it begins with."""


def after_archive(name: str) -> Position:
    """Return the position after all lines of an archive."""
    return Position(0, NOWHERE, name, _MAX_OFFSET - 1)


class _Cursor(msgspec.Struct, array_like=True):
    order: Order
    positions: dict[Log, Position]


_HELP: Final = "use `next` from the previous answer"


def head_of(first: bytes) -> Head:
    """Return the identity of a file with these first bytes."""
    first = first[:HEAD_BYTES]
    return Head(len(first), _digest(first), _line_digest(first))


def encode_cursor(order: Order, positions: Mapping[Log, Position]) -> str:
    """Encode the positions that a search has reached as text that is safe in a URL."""
    return encode_text(_Cursor(order, dict(positions)))


def decode_cursor(cursor: str, order: Order) -> dict[Log, Position]:
    """Decode the text of :func:`encode_cursor`.

    Raises:
        BadCursorError: The text is invalid, or of a search in the other direction.
    """
    try:
        decoded = decode_text(cursor, _Cursor)
    except ValueError:
        raise BadCursorError(_HELP) from None
    if decoded.order is not order:
        raise BadCursorError(f"it is from a search with the order `{decoded.order}`")
    if not all(map(_is_valid, decoded.positions.values())):
        raise BadCursorError(_HELP)
    return decoded.positions


def _is_valid(position: Position) -> bool:
    return (
        0 <= position.end < _MAX_OFFSET
        and 0 <= position.rank < _MAX_OFFSET
        and 0 <= position.head.length <= HEAD_BYTES
    )


def _digest(first: bytes) -> bytes:
    return hashlib.blake2b(first, digest_size=_DIGEST_BYTES).digest()


def _line_digest(first: bytes) -> bytes:
    line, newline, _ = first.partition(b"\n")
    return _digest(line + newline)
