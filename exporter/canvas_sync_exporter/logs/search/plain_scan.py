"""Searches a plain log file from its end, block by block."""

from __future__ import annotations

import datetime as dt
import io
import os
from collections.abc import Iterator, Sequence
from typing import Final

from canvas_sync_core.files.identity import Identity
from canvas_sync_exporter.logs.sources import LogSource

from .backwards import blocks_backwards, whole_lines_end
from .line_times import LineTimes
from .matching import FoundLine, Matcher, Place
from .positions import HEAD_BYTES, Position, head_of

__all__ = ["PlainScan"]

_LOOK_BYTES: Final = 64 * 1024


class PlainScan:
    """Searches a plain file backwards.

    Args:
        source: The file.
        raw: The open file.
        older: The log's older plain files.
        times: Reads when lines were written.

    Attributes:
        size: Number of bytes that count.
        end: Identity of the file, and its size.
        first: Its first bytes.
        reached: When the line searched last was written; None if unknown.
        is_past: Whether the rest is older than the time range.
    """

    def __init__(
        self, source: LogSource, raw: io.FileIO, older: Sequence[PlainScan], times: LineTimes
    ) -> None:
        self._fd = raw.fileno()
        self._times = times
        self.size = whole_lines_end(self._fd, source.size) if source.is_live else source.size
        self.end: tuple[Identity, int] = (source.identity, self.size)
        self.reached: dt.datetime | None = None
        self.is_past = False
        self.first = os.pread(self._fd, min(HEAD_BYTES, self.size), 0)
        name = source.path.name.rpartition("@")[0] or source.path.name
        head = head_of(self.first)
        rank = sum(head.begins(file.first) for file in older)
        self._older = older
        self._place = Place(name, head, rank=rank)
        self._end = self.size
        self._blocks: Iterator[tuple[int, bytes]] | None = None

    @property
    def is_done(self) -> bool:
        """Whether all of it has been searched."""
        return not self._end

    @property
    def left(self) -> int:
        """Number of bytes not searched yet."""
        return self._end

    @property
    def position(self) -> Position:
        """The position up to which it has not been searched."""
        return Position(self._end, self._place.head, rank=self._place.rank)

    def find(self, position: Position) -> int | None:
        """Return whether it is the file of a position: its only file, 0, or None."""
        older = sum(position.head.begins(file.first) for file in self._older)
        return 0 if position.head.begins(self.first) and older == position.rank else None

    def resume(self, number: int, end: int) -> int:
        """Search only the part before an offset.

        Args:
            number: Which file: the only one, 0.
            end: The offset.

        Returns:
            By how much it is beyond the end of the file.
        """
        self._end = min(end, self.size)
        return end - self._end

    def is_older(self, moment: dt.datetime) -> bool:
        """Whether its last lines were written before a given time."""
        start = max(0, self._end - _LOOK_BYTES)
        return self._times.are_before(os.pread(self._fd, self._end - start, start), moment)

    def is_newer(self, moment: dt.datetime) -> bool:
        """Whether its first lines were written at or after a given time."""
        return self._times.are_after(os.pread(self._fd, min(_LOOK_BYTES, self._end), 0), moment)

    def step(
        self, matcher: Matcher, since: dt.datetime | None, until: dt.datetime | None
    ) -> list[FoundLine]:
        """Search the next block.

        Args:
            matcher: Finds the lines.
            since: If a block is older than this, the rest is skipped.
            until: A block from this time or later is skipped.

        Returns:
            The lines found, newest first.
        """
        if self._blocks is None:
            self._blocks = blocks_backwards(self._fd, self._end)
        self._end, data = next(self._blocks, (0, b"\n"))
        if not data:
            matcher.notes.unreadable_lines += 1  # longer than the limit for lines
        self.reached = self._times.first(data) or self.reached
        self.is_past = self._times.are_before(data, since)
        if self.is_past or self._times.are_after(data, until):
            return []
        return list(matcher.matches(data, self._end, self._place))[::-1]
