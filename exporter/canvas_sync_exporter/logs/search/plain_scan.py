"""A plain log file searched from its end, block by block."""

from __future__ import annotations

import datetime as dt
import io
import os
from collections.abc import Iterator, Sequence
from typing import Final

from canvas_sync_exporter.logs.sources import LogSource
from canvas_sync_instrumentation.logfile.control import Identity

from .backwards import blocks_backwards, whole_lines_end
from .matching import FoundLine, Matcher, Place, first_time, last_time
from .positions import HEAD_BYTES, Position, head_of

__all__ = ["PlainScan"]

_LAST_BYTES: Final = 64 * 1024


class PlainScan:
    """Searches a plain file backwards.

    Args:
        source: The file.
        raw: It, open.
        older: The plain files of the log that are older.

    Attributes:
        size: How many of its bytes count.
        end: Which file it is, and its size.
        first: Its first bytes.
        reached: When the oldest line searched so far was written; None while that is not known.
    """

    def __init__(self, source: LogSource, raw: io.FileIO, older: Sequence[PlainScan]) -> None:
        self._fd = raw.fileno()
        self.size = whole_lines_end(self._fd, source.size) if source.is_live else source.size
        self.end: tuple[Identity, int] = (source.identity, self.size)
        self.reached: dt.datetime | None = None
        self.first = os.pread(self._fd, min(HEAD_BYTES, self.size), 0)
        name = source.path.name.rpartition("@")[0] or source.path.name
        head = head_of(self.first)
        rank = sum(head.begins(file.first) for file in older)
        self._place = Place(name, head, rank=rank)
        self._end = self.size
        self._blocks: Iterator[tuple[int, bytes]] | None = None

    @property
    def is_done(self) -> bool:
        """Whether all of it has been searched."""
        return not self._end

    @property
    def left(self) -> int:
        """How many bytes are not searched yet."""
        return self._end

    @property
    def position(self) -> Position:
        """The place up to which it has not been searched."""
        return Position(self._end, self._place.head, rank=self._place.rank)

    def begins_with(self, position: Position) -> bool:
        """Whether it is the file of a position."""
        return bool(self.first) and position.head.begins(self.first)

    def resume(self, end: int) -> None:
        """Search only what is before an offset."""
        self._end = min(end, self.size)

    def is_older(self, moment: dt.datetime) -> bool:
        """Whether its last line was written before a moment."""
        start = max(0, self._end - _LAST_BYTES)
        newest = last_time(os.pread(self._fd, self._end - start, start))
        return newest is not None and newest < moment

    def is_newer(self, moment: dt.datetime) -> bool:
        """Whether its first line was written at a moment or later."""
        oldest = first_time(self.first)
        return oldest is not None and oldest >= moment

    def step(self, matcher: Matcher, until: dt.datetime | None) -> list[FoundLine]:
        """Search the next block.

        Args:
            matcher: Finds the lines.
            until: A block that begins at this moment or later is passed over.

        Returns:
            The lines found, newest first.
        """
        if self._blocks is None:
            self._blocks = blocks_backwards(self._fd, self._end)
        self._end, data = next(self._blocks, (0, b"\n"))
        if not data:
            matcher.notes.unreadable_lines += 1  # longer than a line may be
        oldest = first_time(data)
        self.reached = oldest or self.reached
        if until and oldest and oldest >= until:
            return []
        return list(matcher.matches(data, self._end, self._place))[::-1]
