"""Searches an archive.

An archive in pieces is searched piece by piece, from either end. An older archive or a compressed
file, which can only be decompressed from its beginning, is searched in passes. Oldest first, the
matches are returned as they are found; newest first, each pass keeps the newest matches that have
not been returned yet.
"""

from __future__ import annotations

import datetime as dt
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from typing import Final

from canvas_sync_exporter.logs.archive import ArchiveDamagedError
from canvas_sync_exporter.logs.parts import LogPart, packed_part, parts
from canvas_sync_exporter.logs.pieces import PIECE_BYTES, PackedFile, Piece, packed_files
from canvas_sync_exporter.logs.reader import line_blocks
from canvas_sync_exporter.logs.sidecars import Sidecar, read_sidecar
from canvas_sync_exporter.logs.sources import LogSource

from .filters import LineFilter
from .matching import FoundLine, Matcher, Place
from .order import Order
from .positions import HEAD_BYTES, NOWHERE, Head, Position, after_archive, head_of
from .sidecar_check import pieces_that_may_match
from .time_range import LATENESS, is_after

__all__ = ["ArchiveScan"]

_ZIPPED: Final = 8  # compression ratio of lines in an archive
_WHOLE: Final = 2**62 - 1  # beyond the end of any file
_KEPT_BYTES: Final = 16 * 1024 * 1024


class ArchiveScan:
    """Searches the files of an archive.

    Args:
        source: The archive.
        limit: Maximum number of lines.
        order: Which lines come first.
        zone: Time zone of the times in human-readable lines.

    Attributes:
        reached: When the line searched last was written; None if unknown.
        is_past: Whether it, and so each older archive, is older than the time range.
        is_done: Whether all of it has been searched.
    """

    def __init__(self, source: LogSource, limit: int, order: Order, zone: dt.tzinfo) -> None:
        self.reached: dt.datetime | None = None
        self.is_done = self.is_past = False
        self._source = source
        self._limit = limit
        self._zone = zone
        self._chosen: list[frozenset[int]] | None = None
        self._is_forward = order is Order.OLDEST
        self._bound: Position | None = None
        self._pass: Iterator[FoundLine] | None = None
        self._queue: deque[tuple[int, PackedFile]] | None = None
        self._until: dt.datetime | None = None
        self._is_begun = False

    @property
    def left(self) -> int:
        """Approximate number of bytes not searched yet."""
        if self.is_done:
            return 0
        whole = self._source.size * _ZIPPED
        return whole if self._queue is None else min(whole, len(self._queue) * PIECE_BYTES)

    @property
    def position(self) -> Position:
        """The position that the search has reached."""
        if self._source.has_members:
            return self._bound or Position(0, NOWHERE, self._source.path.name)
        # After the next rotation another file has its name, so identify it by its first bytes.
        whole = 0 if self._is_forward else _WHOLE
        return Position(self._bound.end if self._bound else whole, self._head)

    @property
    def end_position(self) -> Position:
        """The position after its last line."""
        if self._source.has_members:
            return after_archive(self._source.path.name)
        return Position(_WHOLE, self._head)

    @cached_property
    def _head(self) -> Head:
        if self._source.has_members:
            return NOWHERE
        return head_of(next((first for first, _ in self._files), b""))

    def is_at(self, position: Position) -> bool:
        """Whether a position is in this archive, by its name."""
        return self._source.has_members and position.archive == self._source.path.name

    def is_beyond(self, position: Position) -> bool:
        """Whether the search reaches it after the archive of a position, judging by its name."""
        if not self._source.has_members:
            return False
        name = self._source.path.name
        return name > position.archive if self._is_forward else name < position.archive

    def find(self, position: Position) -> int | None:
        """Decompress it to find the file of a position; return its index, if any."""
        for number, (first, _) in enumerate(self._files):
            if position.head.begins(first):
                return number
        return None

    def resume(self, number: int, end: int) -> int:
        """Search only the part on one side of an offset in a file.

        Args:
            number: Index of the file.
            end: The offset; if it is beyond the file, the excess applies to the next one.

        Returns:
            By how much it is beyond the end of the last file.
        """
        for rank, (_, size) in enumerate(self._files[number:], number):
            if end <= size:
                self.go_on(Position(end, NOWHERE, self._source.path.name, rank))
                return 0
            end -= size
        self.is_done = self._is_forward
        return end

    def go_on(self, position: Position) -> None:
        """Search only the part on one side of a position in this archive."""
        has_begun = position.end or position.rank
        self._bound = position if has_begun else None

    @cached_property
    def _files(self) -> list[tuple[bytes, int]]:
        """The first bytes and the size of each file, as far as it can be decompressed."""
        if self._sidecar is not None:
            return [(member.first, member.size) for member in self._sidecar.members]
        files: list[tuple[bytes, int]] = []
        with suppress(OSError):
            for part in parts(self._source):
                files.append((_first_bytes(part), part.size))  # noqa: PERF401 - up to the damage
        return files

    @cached_property
    def _sidecar(self) -> Sidecar | None:
        return read_sidecar(self._source.path, self._zone) if self._source.has_members else None

    def begin(self, wanted: LineFilter) -> None:
        """Search only what may match.

        Args:
            wanted: The filter. If the archive was made before its time range, it is skipped.
        """
        newest, since = self._source.no_line_after, wanted.since
        self._until = wanted.until
        self.is_past = bool(since and newest and since - newest > LATENESS)
        self.is_done = self.is_done or self.is_past
        if self.is_done or self._sidecar is None:
            return
        self._chosen = pieces_that_may_match(self._sidecar, wanted)
        if not any(self._chosen):
            self.is_done = True
            self.reached = self._sidecar.newest if self._is_forward else self._sidecar.oldest

    def step(self, matcher: Matcher) -> list[FoundLine]:
        """Search it.

        Args:
            matcher: Finds the lines.

        Returns:
            The matches in the order of the search; if there are too many to keep, :attr:`is_done`
            stays False and the next step finds the others.
        """
        found: deque[FoundLine] = deque()
        is_first_step, self.is_done = not self._is_begun, True
        self._is_begun = True
        try:
            if is_first_step:
                self._queue = self._pieces()
            if self._queue is not None:
                return self._search_piece(self._queue, matcher)
            if self._is_forward:
                self._find_next(matcher, found)
            else:
                self._find_newest(matcher, found)
        except ArchiveDamagedError as error:
            if str(error) not in matcher.notes.problems:
                matcher.notes.problems.append(str(error))
            self.is_done = not self._queue  # the other pieces may be intact
        except FileNotFoundError:
            matcher.notes.problems.append(
                f"{self._source.path.name} was deleted before it was searched"
            )
        except OSError as error:  # such as without permission
            matcher.notes.problems.append(f"{self._source.path.name}: {error.strerror or error}")
        if found and not self.is_done and not self._is_forward:
            self._bound, self.reached = found[0].before, found[0].time
        return list(found if self._is_forward else reversed(found))

    def _find_next(self, matcher: Matcher, found: deque[FoundLine]) -> None:
        if self._pass is None:
            self._pass = self._matches(matcher)
        size = 0
        for line in self._pass:
            found.append(line)
            size += line.end - line.start
            if len(found) >= self._limit or size > _KEPT_BYTES:
                self.is_done = False
                self._bound, self.reached = line.after, line.time
                return

    def _find_newest(self, matcher: Matcher, found: deque[FoundLine]) -> None:
        size = 0
        for line in self._matches(matcher):
            found.append(line)
            size += line.end - line.start
            while len(found) > self._limit or (size > _KEPT_BYTES and len(found) > 1):
                dropped = found.popleft()
                size -= dropped.end - dropped.start
                self.is_done = False

    def _pieces(self) -> deque[tuple[int, PackedFile]] | None:
        """Return the pieces to search, each with the number of its file; None without pieces."""
        files = packed_files(self._source.path) if self._source.has_members else None
        if files is None:
            return None
        queue = deque(
            (rank, PackedFile(file.name, [piece]))
            for rank, file in enumerate(files)
            for number, piece in enumerate(file.pieces)
            if (self._chosen is None or number in self._chosen[rank])
            and not self._has_given(rank, piece)
        )
        if not self._is_forward:
            queue.reverse()
        return queue

    def _has_given(self, rank: int, piece: Piece) -> bool:
        bound = self._bound
        if bound is None:
            return False
        if rank == bound.rank:
            end = piece.start + piece.size
            return end <= bound.end if self._is_forward else piece.start >= bound.end
        return rank < bound.rank if self._is_forward else rank > bound.rank

    def _search_piece(
        self, queue: deque[tuple[int, PackedFile]], matcher: Matcher
    ) -> list[FoundLine]:
        """Search the next piece, or a part of it that has enough matches."""
        found: list[FoundLine] = []
        if not queue:
            return found
        rank, file = queue.popleft()
        with packed_part(self._source, file) as part:
            read = list(_blocks(part, matcher))
        if self._is_forward and read and rank == read[0][0] == 0:
            self.reached = matcher.times.first(read[0][1])
            if is_after(read[0][1], matcher.times, self._until):
                return found
        (piece,) = file.pieces
        at = edge = piece.start + piece.size if self._is_forward else piece.start
        place = self._place(part.name, rank)
        for start, data in read if self._is_forward else reversed(read):
            lines = list(matcher.matches(*self._left_of(data, start, rank, self._bound), place))
            found += lines if self._is_forward else reversed(lines)
            if len(found) >= self._limit:
                at = found[-1].end if self._is_forward else found[-1].start
                self.reached = found[-1].time
                break
            last = matcher.times.last if self._is_forward else matcher.times.first
            self.reached = last(data) or self.reached
        if at != edge:
            queue.appendleft((rank, file))
        self._bound = Position(at, NOWHERE, self._source.path.name, rank)
        self.is_done = not queue
        return found

    def _place(self, name: str, number: int) -> Place:
        if self._source.has_members:
            return Place(name, archive=self._source.path.name, rank=number)
        return Place(name, self._head)

    def _matches(self, matcher: Matcher) -> Iterator[FoundLine]:
        bound = self._bound
        for number, part in enumerate(parts(self._source)):
            if bound and self._is_forward and number < bound.rank:
                continue
            if self._chosen is not None and not self._chosen[number]:
                if not any(self._chosen[number:]):
                    return
                continue
            place = self._place(part.name, number)
            for start, data in _blocks(part, matcher):
                if start == 0 and number == 0:
                    self.reached = matcher.times.first(data)
                    if is_after(data, matcher.times, self._until):
                        return
                yield from matcher.matches(*self._left_of(data, start, number, bound), place)
            if bound and bound.rank == number and not self._is_forward:
                return

    def _left_of(
        self, data: bytes, start: int, number: int, bound: Position | None
    ) -> tuple[bytes, int]:
        """Return what is left to search of a block, and its offset in its file."""
        if bound is None or bound.rank != number:
            return data, start
        at = min(max(0, bound.end - start), len(data))
        return (data[at:], start + at) if self._is_forward else (data[:at], start)


def _first_bytes(part: LogPart) -> bytes:
    first = bytearray(min(HEAD_BYTES, part.size))
    view = memoryview(first)
    filled = 0
    while read := part.stream.readinto(view[filled:]):
        filled += read
    return bytes(view[:filled])


def _blocks(part: LogPart, matcher: Matcher) -> Iterator[tuple[int, bytes]]:
    """Return the blocks of a file in the archive, each with its offset."""
    start = part.pieces[0].start if part.pieces else 0
    for block in line_blocks(part.stream, start + part.size, start=start):
        if block.is_too_long:
            matcher.notes.unreadable_lines += 1
            continue
        data = bytes(block.data)
        yield block.end - len(data), data
