"""Searches a plain log file from either end, block by block."""

from __future__ import annotations

import datetime as dt
import io
import os
from collections.abc import Iterator, Sequence
from typing import Final

from canvas_sync_core.files.identity import Identity
from canvas_sync_exporter.logs.sources import LogSource

from .backwards import blocks_backwards, whole_lines_end
from .filters import LineFilter
from .forwards import blocks_forwards
from .line_times import LineTimes
from .matching import FoundLine, Matcher, Place
from .order import Order
from .positions import HEAD_BYTES, Position, head_of
from .time_range import part_in_range

__all__ = ["PlainScan"]

_NO_LINES: Final = memoryview(b"\n")  # of a file that was truncated meanwhile


class PlainScan:
    """Searches a plain file.

    Args:
        source: The file.
        raw: The open file.
        older: The log's older plain files.
        times: Reads when lines were written.
        order: Which lines come first.

    Attributes:
        size: Number of bytes that count.
        end: Identity of the file, and its size.
        first: Its first bytes.
        reached: When the line searched last was written; None if unknown.
        is_past: Whether older archives are older than the time range.
    """

    def __init__(
        self,
        source: LogSource,
        raw: io.FileIO,
        older: Sequence[PlainScan],
        times: LineTimes,
        order: Order,
    ) -> None:
        self._fd = raw.fileno()
        self._times = times
        self._is_forward = order is Order.OLDEST
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
        self._start, self._end = 0, self.size
        self._blocks: Iterator[tuple[int, memoryview]] | None = None

    @property
    def is_done(self) -> bool:
        """Whether all of it has been searched."""
        return self._end <= self._start

    @property
    def left(self) -> int:
        """Number of bytes not searched yet."""
        return max(0, self._end - self._start)

    @property
    def position(self) -> Position:
        """The position up to which it has not been searched."""
        at = self._start if self._is_forward else self._end
        return Position(at, self._place.head, rank=self._place.rank)

    @property
    def end_position(self) -> Position:
        """The position after its last line."""
        return Position(self.size, self._place.head, rank=self._place.rank)

    def find(self, position: Position) -> int | None:
        """Return whether it is the file of a position: its only file, 0, or None."""
        older = sum(position.head.begins(file.first) for file in self._older)
        return 0 if position.head.begins(self.first) and older == position.rank else None

    def resume(self, number: int, end: int) -> int:
        """Search only the part on one side of an offset.

        Args:
            number: Which file: the only one, 0.
            end: The offset.

        Returns:
            By how much it is beyond the end of the file.
        """
        at = min(end, self.size)
        if self._is_forward:
            self._start = at
        else:
            self._end = at
        return end - at

    def begin(self, wanted: LineFilter) -> None:
        """Search only the part that the time range of a filter is in."""
        low, self._end = part_in_range(self._fd, self._end, self._times, wanted.since, wanted.until)
        self._start = max(self._start, low)
        self.is_past = low > 0

    def step(self, matcher: Matcher) -> list[FoundLine]:
        """Search the next block.

        Args:
            matcher: Finds the lines.

        Returns:
            The lines found, in the order of the search.
        """
        return self._step_forwards(matcher) if self._is_forward else self._step_backwards(matcher)

    def _step_forwards(self, matcher: Matcher) -> list[FoundLine]:
        if self._blocks is None:
            self._blocks = blocks_forwards(self._fd, self._start, self._end)
        start, data = next(self._blocks, (self._end, _NO_LINES))
        self._start = start + len(data)
        self.reached = self._times.last(data) or self.reached
        return self._found(matcher, start, data)

    def _step_backwards(self, matcher: Matcher) -> list[FoundLine]:
        if self._blocks is None:
            self._blocks = blocks_backwards(self._fd, self._end)
        self._end, data = next(self._blocks, (0, _NO_LINES))
        self.reached = self._times.first(data) or self.reached
        return self._found(matcher, self._end, data)[::-1]

    def _found(self, matcher: Matcher, start: int, data: memoryview) -> list[FoundLine]:
        if not data:
            matcher.notes.unreadable_lines += 1  # longer than the limit for lines
        return list(matcher.matches(data, start, self._place))
