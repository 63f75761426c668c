"""An archive searched: unpacked in one go, of what is found the newest is kept."""

from __future__ import annotations

import datetime as dt
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from typing import Final

from canvas_sync_exporter.logs.archive import ArchiveDamagedError
from canvas_sync_exporter.logs.parts import LogPart, parts
from canvas_sync_exporter.logs.reader import blocks
from canvas_sync_exporter.logs.sources import LogSource

from .matching import FoundLine, Matcher, Place
from .positions import HEAD_BYTES, NOWHERE, Head, Position, head_of

__all__ = ["ArchiveScan"]

_ZIPPED: Final = 8  # how much larger the lines in an archive are
_WHOLE: Final = 2**62 - 1  # behind the end of any file
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
        if self._source.has_members:
            return self._stop or Position(0, NOWHERE, self._source.path.name)
        # Its name is another file's after the next rotation: it is known by its first bytes.
        return Position(self._stop.end if self._stop else _WHOLE, self._head)

    @cached_property
    def _head(self) -> Head:
        if self._source.has_members:
            return NOWHERE
        return head_of(next((first for first, _ in self._files), b""))

    def is_at(self, position: Position) -> bool:
        """Whether a position is in this archive, by its name."""
        return self._source.has_members and position.archive == self._source.path.name

    def is_before(self, position: Position) -> bool:
        """Whether it is an archive older than the one that a position is in, by its name."""
        return self._source.has_members and self._source.path.name < position.archive

    def find(self, position: Position) -> int | None:
        """Unpack it to look for the file of a position; tell which of its files that is, if any."""
        for number, (first, _) in enumerate(self._files):
            if position.head.begins(first):
                return number
        return None

    def resume(self, number: int, end: int) -> int:
        """Search only what is before an offset in a file.

        Args:
            number: Which file.
            end: The offset; when it is behind the file, what is too much goes on in the next one.

        Returns:
            How far behind the end of the last file that is.
        """
        for rank, (_, size) in enumerate(self._files[number:], number):
            if end <= size:
                self.go_on(Position(end, NOWHERE, self._source.path.name, rank))
                return 0
            end -= size
        return end

    def go_on(self, position: Position) -> None:
        """Search only what is before a position in this archive."""
        has_begun = position.end or position.rank
        self._stop = position if has_begun else None

    @cached_property
    def _files(self) -> list[tuple[bytes, int]]:
        """The first bytes and the size of each file, as far as it can be unpacked."""
        files: list[tuple[bytes, int]] = []
        with suppress(OSError):
            for part in parts(self._source):
                files.append((_first_bytes(part), part.size))  # noqa: PERF401 - up to the damage
        return files

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
        except FileNotFoundError:
            matcher.notes.problems.append(
                f"{self._source.path.name} was deleted before it was searched"
            )
        except OSError as error:  # not for us to read
            matcher.notes.problems.append(f"{self._source.path.name}: {error.strerror or error}")
        if not self.is_done:
            self._stop, self.reached = kept[0].before, kept[0].time
        return list(reversed(kept))

    def _place(self, name: str, number: int) -> Place:
        if self._source.has_members:
            return Place(name, archive=self._source.path.name, rank=number)
        return Place(name, self._head)

    def _matches(self, matcher: Matcher, until: dt.datetime | None) -> Iterator[FoundLine]:
        for number, part in enumerate(parts(self._source)):
            place = self._place(part.name, number)
            stop = self._stop if self._stop and self._stop.rank == number else None
            for start, data in _blocks(part, matcher):
                if start == 0 and number == 0:
                    self.reached = matcher.times.first(data)
                    if matcher.times.are_after(data, until):
                        return
                asked = data if stop is None else data[: max(0, stop.end - start)]
                yield from matcher.matches(asked, start, place)
            if stop is not None:
                return


def _first_bytes(part: LogPart) -> bytes:
    first = bytearray(min(HEAD_BYTES, part.size))
    view = memoryview(first)
    filled = 0
    while read := part.stream.readinto(view[filled:]):
        filled += read
    return bytes(view[:filled])


def _blocks(part: LogPart, matcher: Matcher) -> Iterator[tuple[int, bytes]]:
    """Return the blocks of a file in the archive, each with its offset."""
    for block in blocks(part.stream, part.size):
        if block.is_too_long:
            matcher.notes.unreadable_lines += 1
            continue
        data = bytes(block.data)
        yield block.end - len(data), data
