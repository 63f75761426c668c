"""What a sidecar says of its archive, and how it is stored.

The file is a line with the version, a hash of the rest, and the rest in MessagePack.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Final

import msgspec

from .bloom import BloomFilter

__all__ = ["FIRST_BYTES", "DamagedSidecarError", "MemberSummary", "PieceSummary", "Sidecar"]

FIRST_BYTES: Final = 512
"""Number of first bytes that identify a file."""

_VERSION: Final = b"canvas-sync-sidecar 2\n"
_CHECKSUM_BYTES: Final = 16


class DamagedSidecarError(ValueError):
    """A file is not a sidecar, or was changed."""


class PieceSummary(msgspec.Struct, frozen=True, array_like=True):
    """A piece of a file in an archive; all of the file if the archive is not in pieces.

    Attributes:
        oldest: When its oldest line was written; None if no line has a time.
        newest: When its newest line was written.
        ids: Task and trace ids of its lines; None if there are too many.
    """

    oldest: dt.datetime | None
    newest: dt.datetime | None
    ids: BloomFilter | None


class MemberSummary(msgspec.Struct, frozen=True, array_like=True):
    """A file in an archive.

    Attributes:
        size: Its size.
        first: Its first bytes.
        pieces: Its pieces, in their order.
    """

    size: int
    first: bytes
    pieces: list[PieceSummary]


class Sidecar(msgspec.Struct, frozen=True, array_like=True):
    """What is in an archive.

    Attributes:
        archive: Which archive: the hash of its size and both its ends.
        zone: Time zone of the times in human-readable lines; empty if there are none.
        members: Its files, in their order.
        minutes: Level -> minutes since the Unix epoch and the number of lines in them; the level of
            lines without one is empty.
    """

    archive: bytes
    zone: str
    members: list[MemberSummary]
    minutes: dict[str, list[tuple[int, int]]]

    @property
    def oldest(self) -> dt.datetime | None:
        """When the oldest line was written; None if no line has a time."""
        return min((each.oldest for each in self._pieces if each.oldest), default=None)

    @property
    def newest(self) -> dt.datetime | None:
        """When the newest line was written; None if no line has a time."""
        return max((each.newest for each in self._pieces if each.newest), default=None)

    @property
    def _pieces(self) -> list[PieceSummary]:
        return [piece for member in self.members for piece in member.pieces]

    def encode(self) -> bytes:
        """Return the contents of its file."""
        body = msgspec.msgpack.encode(self)
        return _VERSION + _checksum(body) + body

    @classmethod
    def decode(cls, raw: bytes) -> Sidecar:
        """Read the contents of a file.

        Raises:
            DamagedSidecarError: They are not what :meth:`encode` returned, or of another version.
        """
        start = len(_VERSION) + _CHECKSUM_BYTES
        checksum, body = raw[len(_VERSION) : start], raw[start:]
        if not raw.startswith(_VERSION) or checksum != _checksum(body):
            raise DamagedSidecarError("its checksum or version is wrong")
        try:
            return msgspec.msgpack.decode(body, type=cls)
        except msgspec.MsgspecError as error:
            raise DamagedSidecarError(str(error)) from error


def _checksum(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_CHECKSUM_BYTES).digest()
