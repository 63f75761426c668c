"""An archive searched: unpacked in one go, of what is found the newest is kept."""

from __future__ import annotations

import datetime as dt
from collections import deque
from collections.abc import Iterator
from typing import Final

from canvas_sync_exporter.logs.archive import ArchiveDamagedError
from canvas_sync_exporter.logs.reader import blocks
from canvas_sync_exporter.logs.sources import LogPart, LogSource, parts

from .matching import FoundLine, Matcher, Place, are_after, first_time
from .positions import HEAD_BYTES, NOWHERE, Position, head_of

__all__ = ["ArchiveScan"]

_ZIPPED: Final = 8  # how much larger the lines in an archive are
_KEPT_BYTES: Final = 16 * 1024 * 1024


class ArchiveScan:
    """Searches the files of an archive.

    Args:
        source: The archive.
        limit: How many lines are asked for at most.

    Attributes:
        reached: When the oldest line searched so far was written; None while that is not known.
        is_past: Never: that an older archive is too old its name tells.
        is_done: Whether all of it has been searched.
    """

    def __init__(self, source: LogSource, limit: int) -> None:
        self.reached: dt.datetime | None = None
        self.is_done = self.is_past = False
        self._source = source
        self._limit = limit
        self._stop: Position | None = None

    @property
    def left(self) -> int:
        """About how many bytes are not searched yet; it is unpacked in one go."""
        return 0 if self.is_done else self._source.size * _ZIPPED

    @property
    def position(self) -> Position:
        """The place up to which it has not been searched."""
        return self._stop or Position(0, NOWHERE, self._source.path.name)

    def is_at(self, position: Position) -> bool:
        """Whether a position is in this archive, by its name."""
        return position.archive == self._source.path.name

    def resume(self, position: Position) -> None:
        """Search only what is before a position."""
        self._stop = position if position.head.length else None

    def size_of(self, position: Position) -> int | None:
        """Unpack it to look for the file of a position; return that file's size, if it is there."""
        try:
            for part in parts(self._source):
                block = next(blocks(part.stream, part.size), None)
                if block and position.head.begins(bytes(block.data[:HEAD_BYTES])):
                    return part.size
        except OSError:
            return None
        return None

    def is_older(self, moment: dt.datetime) -> bool:
        """Whether it was made before a moment, and so all of its lines."""
        newest = self._source.no_line_after
        return newest is not None and newest < moment

    def is_newer(self, moment: dt.datetime) -> bool:
        """Never told before it is unpacked."""
        return False

    def step(
        self, matcher: Matcher, since: dt.datetime | None, until: dt.datetime | None
    ) -> list[FoundLine]:
        """Search it.

        Args:
            matcher: Finds the lines.
            since: Does not matter here.
            until: When its first lines are of this moment and later, it is left after them.

        Returns:
            The lines found, newest first; when there are too many to keep, :attr:`is_done` stays
            False and the next step finds the older ones.
        """
        kept: deque[FoundLine] = deque()
        size, self.is_done = 0, True
        try:
            for found in self._matches(matcher, until):
                kept.append(found)
                size += found.end - found.start
                while len(kept) > self._limit or (size > _KEPT_BYTES and len(kept) > 1):
                    dropped = kept.popleft()
                    size -= dropped.end - dropped.start
                    self.is_done = False
        except ArchiveDamagedError as error:
            matcher.notes.problems.append(str(error))
        except OSError as error:  # deleted meanwhile, or not for us to read
            matcher.notes.problems.append(f"{self._source.path.name}: {error.strerror or error}")
        if not self.is_done:
            self._stop, self.reached = kept[0].before, kept[0].time
        return list(reversed(kept))

    def _matches(self, matcher: Matcher, until: dt.datetime | None) -> Iterator[FoundLine]:
        for number, part in enumerate(parts(self._source)):
            is_last = False
            for first, place, start, data in self._blocks(part, matcher):
                if start == 0 and number == 0:
                    self.reached = first_time(data)
                    if are_after(data, until):
                        return
                is_last = self._stop is not None and self._stop.head.begins(first)
                if is_last and self._stop:
                    data = data[: max(0, self._stop.end - start)]  # noqa: PLW2901 - the part that is asked for
                yield from matcher.matches(data, start, place)
            if is_last:
                return

    def _blocks(self, part: LogPart, matcher: Matcher) -> Iterator[tuple[bytes, Place, int, bytes]]:
        """Give the blocks of a file in the archive with its first bytes and its place."""
        archive = self._source.path.name
        first, place = b"", Place(part.name, NOWHERE, archive)
        for block in blocks(part.stream, part.size):
            if block.is_too_long:
                matcher.notes.unreadable_lines += 1
                continue
            data = bytes(block.data)
            if not first:
                first = data[:HEAD_BYTES]
                place = Place(part.name, head_of(first), archive)
            yield first, place, block.end - len(data), data
