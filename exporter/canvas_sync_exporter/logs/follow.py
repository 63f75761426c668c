"""Follows one log: returns new lines, through rotation and cleanup.

The file that is being read stays open, so nothing in it is lost when it is renamed or removed. The
files after it are found in the list of the log's files. If a cleanup has replaced the live log with
a copy of its newest lines, comparing the two shows which lines have already been read.
"""

from __future__ import annotations

import errno
import io
import itertools
import mmap
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from canvas_sync_core.files.identity import Identity, identity_of
from canvas_sync_core.files.log_names import live_name
from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.search import HEAD_BYTES, Head, Place, Position, head_of
from canvas_sync_exporter.logs.search.backwards import whole_lines_end

from .reader import LINE_LIMIT
from .sources import LogSource, open_plain, sources

__all__ = ["FollowedBlock", "FollowedLog"]

_BLOCK: Final = LINE_LIMIT


@dataclass(frozen=True, slots=True)
class FollowedBlock:
    """Whole lines of a followed file.

    Attributes:
        data: The lines.
        start: Offset of the first in its file.
        place: The file; without an identity if a newer file has already been read.
    """

    data: bytes
    start: int
    place: Place


class FollowedLog:
    """Returns the lines of a log as they are written.

    Args:
        log_dir: Folder of the logs.
        archive_dir: Folder of the archives.
        log: Which log.
        start: The file and offset at which to start; None for a log without files.

    Raises:
        FileNotFoundError: That file is gone.

    Attributes:
        log: Which log.
    """

    def __init__(
        self, log_dir: Path, archive_dir: Path, log: Log, start: tuple[Identity, int] | None
    ) -> None:
        self.log = log
        self._folders = log_dir, archive_dir
        self._live = log_dir / live_name(log)
        self._newest_backup = log_dir / f"{log.value}.log.1"
        self._current = None if start is None else self._begin(*start)
        self._position: Position | None = None
        self._rotated: _Reading | None = None  # a writer may still append a late line to it

    def close(self) -> None:
        """Close the files."""
        for reading in (self._current, self._rotated):
            if reading is not None:
                reading.close()
        self._current = self._rotated = None

    @property
    def position(self) -> Position | None:
        """The position up to which it has been read; None as long as that is the start."""
        return self._position

    def read(self) -> list[FollowedBlock]:
        """Return whole lines written since the last call; at most about a megabyte.

        Raises:
            LogFolderError: The folder is missing or cannot be read.
            OSError: A file cannot be read.
        """
        blocks = []
        name = live_name(self.log)
        if self._rotated is not None and (late := self._rotated.read()):
            blocks.append(FollowedBlock(late, self._rotated.start, Place(name)))
        lines = self._read_current()
        while not lines and self._has_moved_on():
            lines = self._read_current()  # written before it moved
            if not lines and not self._move_on():
                break
            lines = lines or self._read_current()
        if self._current is not None and lines:
            place = Place(name, self._current.head)
            blocks.append(FollowedBlock(lines, self._current.start, place))
            self._position = Position(self._current.offset, place.head)
        return blocks

    def _read_current(self) -> bytes:
        return self._current.read() if self._current else b""

    def _begin(self, identity: Identity, offset: int) -> _Reading:
        for source in self._files():
            if source.identity == identity:
                return _Reading(open_plain(source), identity, offset)
        raise FileNotFoundError(errno.ENOENT, "moved into an archive, or removed", str(self._live))

    def _files(self) -> list[LogSource]:
        """List the log's plain files, oldest first."""
        found = sources(*self._folders)
        return [each for each in found if each.log is self.log and not each.is_archive]

    def _has_moved_on(self) -> bool:
        # Between a rotation and the next line there is no live file.
        newest = identity_of(self._live) or identity_of(self._newest_backup)
        return newest is not None and (self._current is None or newest != self._current.identity)

    def _move_on(self) -> bool:
        """Open the file after the current one; return whether there is one."""
        was, following = self._following()
        try:
            raw = open_plain(following[0])
        except (
            FileNotFoundError,
            IndexError,
        ):  # it is being moved right now: check again next time
            return False
        current, begun = self._current, _Reading(raw, following[0].identity)
        if self._rotated is not None:
            self._rotated.close()
            self._rotated = None
        if was is not None and "@" not in was.path.name:
            self._rotated = current
        elif current is not None:  # taken by a cleanup
            begun.skip(current.copied_to(raw, was.size if was else None))
            current.close()
        self._current = begun
        return True

    def _following(self) -> tuple[LogSource | None, list[LogSource]]:
        """List the files newer than the current one, and the current one's new name, if any."""
        files = self._files()
        identity = self._current and self._current.identity
        for place, file in enumerate(files):
            if file.identity == identity:
                return file, files[place + 1 :]
        return None, files


class _Reading:
    """A file that is read from an offset on."""

    def __init__(self, raw: io.FileIO, identity: Identity, offset: int = 0) -> None:
        self.identity = identity
        self.start = self.offset = offset
        self._raw = raw
        self._in_long_line = False

    def close(self) -> None:
        self._raw.close()

    def read(self) -> bytes:
        """Return whole lines from where the previous call ended."""
        fd = self._raw.fileno()
        if os.fstat(fd).st_size < self.offset:  # truncated in place
            self.offset, self._in_long_line = 0, False
        while data := os.pread(fd, _BLOCK, self.offset):
            end = data.rfind(b"\n") + 1
            if not end and len(data) < _BLOCK:
                return b""  # a line that is being written
            start = data.find(b"\n") + 1 if self._in_long_line else 0
            self._in_long_line = not end  # longer than the limit for lines: skip it
            self.start = self.offset + start
            self.offset += end or len(data)
            if lines := data[start:end]:
                return lines
        return b""

    @property
    def head(self) -> Head:
        """Its identity by its first bytes; it has some once lines were read."""
        return head_of(os.pread(self._raw.fileno(), HEAD_BYTES, 0))

    def skip(self, length: int) -> None:
        """Skip what was read elsewhere."""
        self.offset += length

    def copied_to(self, new: io.FileIO, taken: int | None) -> int:
        """Return how much of the start of another file has already been read here.

        Args:
            new: The other file; a cleanup may have copied the newest lines of this one to it.
            taken: Where in this file that copy begins, if it is known.
        """
        first = os.pread(new.fileno(), LINE_LIMIT, 0)
        line = first[: first.find(b"\n") + 1]
        size = min(self.offset, os.fstat(self._raw.fileno()).st_size)  # it may have been shortened
        if not line or not size:
            return 0
        if taken is None:
            with mmap.mmap(self._raw.fileno(), size, access=mmap.ACCESS_READ) as old:
                taken = old.find(line)
        return 0 if taken < 0 else self._same_lines(new.fileno(), taken)

    def _same_lines(self, new: int, start: int) -> int:
        """Return how long another file is the same as this one from ``start`` on."""
        same = 0
        while start + same < self.offset:
            length = min(_BLOCK, self.offset - start - same)
            old_data = os.pread(self._raw.fileno(), length, start + same)
            new_data = os.pread(new, length, same)
            if not old_data or old_data != new_data:
                pairs = zip(old_data, new_data, strict=False)
                equal = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))
                return whole_lines_end(new, same + equal)
            same += length
        return same
