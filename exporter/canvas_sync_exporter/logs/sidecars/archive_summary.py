"""Sums up an archive while its files are read, once for all."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from pathlib import Path

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.parts import LogPart, LogStream
from canvas_sync_exporter.logs.reader import line_blocks

from .fingerprint import fingerprint
from .sidecar import FIRST_BYTES, MemberSummary, PieceSummary, Sidecar
from .summary import LinesSummary

__all__ = ["ArchiveSummary"]


class ArchiveSummary:
    """Collects what a sidecar says.

    Args:
        log: The log that is in the archive.
        zone: Time zone of the times in human-readable lines.
    """

    def __init__(self, log: Log, zone: dt.tzinfo) -> None:
        self._lines = LinesSummary(log, zone)
        self._zone = zone
        self._members: list[MemberSummary] = []

    @property
    def is_empty(self) -> bool:
        """Whether no file has been read."""
        return not self._members

    def add(self, part: LogPart) -> None:
        """Read the next file of the archive.

        Raises:
            ArchiveDamagedError: It is damaged.
            OSError: It cannot be read.
        """
        stream = _FirstBytes(part.stream)
        ends = [piece.start for piece in part.pieces[1:]]
        pieces: list[PieceSummary] = []
        for block in line_blocks(stream, part.size):
            number = bisect_right(ends, block.end - len(block.data))
            pieces += [self._lines.finish_piece() for _ in range(len(pieces), number)]
            if not block.is_too_long:
                self._lines.add(block.data)
        pieces += [self._lines.finish_piece() for _ in range(len(pieces), len(ends) + 1)]
        self._members.append(MemberSummary(part.size, stream.first, pieces))

    def sidecar(self, archive: Path) -> Sidecar:
        """Return the sidecar.

        Args:
            archive: The archive that was read.

        Raises:
            OSError: It cannot be read, or is gone.
        """
        return Sidecar(
            archive=fingerprint(archive),
            zone=str(self._zone) if self._lines.has_text_lines else "",
            members=self._members,
            minutes=self._lines.minutes.by_level(),
        )


class _FirstBytes:
    """A stream that remembers its first bytes."""

    def __init__(self, stream: LogStream) -> None:
        self.first = b""
        self._stream = stream

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Read into the buffer."""
        read = self._stream.readinto(buffer)
        if len(self.first) < FIRST_BYTES:
            self.first += bytes(buffer[: min(read or 0, FIRST_BYTES - len(self.first))])
        return read
