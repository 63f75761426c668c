"""The spool file of this process."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from canvas_sync_core.files.descriptors import close_ours, is_closed, out_of_the_way
from canvas_sync_core.files.identity import is_in_place
from canvas_sync_core.files.locking import lock
from canvas_sync_core.files.modes import PRIVATE_FILE, PRIVATE_FOLDER, make_folder, open_owned
from canvas_sync_core.identifiers import getpid, random_hex

from .lines import READ_BYTES, SUFFIX, Batch, read_lines

__all__ = ["SPOOL_LIMIT", "Spool"]

SPOOL_LIMIT: Final = 64 * 1024 * 1024
"""Maximum number of bytes in the file of one process."""


class Spool:
    """The spool file of this process.

    Appending and discarding are not thread-safe: the caller holds a lock. Reading needs none, since
    appended lines do not change until they are discarded.

    Args:
        folder: Created if missing, readable only by the owner.
        limit: Maximum number of bytes.

    Raises:
        OSError: The folder cannot be written.
    """

    def __init__(self, folder: Path, limit: int = SPOOL_LIMIT) -> None:
        self._folder = folder.absolute()  # the app may change its working directory
        self._limit = limit
        self._path, self._descriptor = _create(self._folder)
        self._begin = 0
        self._end = 0
        self._lines = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return self._begin == self._end

    @property
    def is_in_place(self) -> bool:
        """Whether the file still has its name: not removed, moved or replaced."""
        return is_in_place(self._path, self._descriptor)

    def recreate(self) -> None:
        """Recreate the file with all its contents, at the same offsets, and continue there.

        Raises:
            OSError: It cannot be created; waiting lines can still be read.
        """
        self.reopen_if_closed()
        if self.is_in_place:
            return
        path, descriptor = _create(self._folder)
        try:
            _copy(self._descriptor, descriptor, self._end)
            # Replace the descriptor atomically: another thread may be reading.
            os.dup2(descriptor, self._descriptor, inheritable=False)
        except OSError:
            path.unlink()
            raise
        finally:
            os.close(descriptor)
        self._path = path

    def has_room(self, record: bytes, share: float = 1.0) -> bool:
        """Return whether ``record`` fits into this share of the limit."""
        return self._end + len(record) <= self._limit * share

    def reopen_if_closed(self) -> None:
        """Open the file again if the app has closed its descriptor.

        Raises:
            OSError: It cannot be opened or created.
        """
        try:
            os.fstat(self._descriptor)
            return
        except OSError as error:
            if not is_closed(error):
                raise
        try:
            descriptor = os.open(self._path, os.O_APPEND | os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:  # unlocked as it was, its rows have been delivered
            self._path, self._descriptor = _create(self._folder)
            self._begin = self._end = self._lines = 0
            return
        lock(descriptor)
        self._descriptor = out_of_the_way(descriptor)

    def append(self, record: bytes) -> None:
        """Append one line made by :func:`~.lines.encode`.

        Raises:
            OSError: It could not be written; the file is as it was before.
        """
        self.reopen_if_closed()
        try:
            written = os.write(self._descriptor, record)
            if written != len(record):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))
            self._end += written
            self._lines += 1
        except BaseException:  # even one raised between the write and its bookkeeping
            os.ftruncate(self._descriptor, self._end)
            raise

    def read(self) -> Batch:
        """Read the next waiting lines; the same ones until they are discarded."""
        return read_lines(self._descriptor, self._begin, self._end)

    def read_all(self) -> Iterator[Batch]:
        """Read all waiting lines, some at a time."""
        begin = self._begin
        while begin < self._end:
            batch = read_lines(self._descriptor, begin, self._end)
            if batch.end == begin:  # another program has cut the file
                return
            yield batch
            begin = batch.end

    def discard(self, batch: Batch) -> None:
        """Discard lines that are in the table."""
        self._begin = batch.end
        self._lines -= len(batch.snapshots) + len(batch.damaged)
        if self.is_empty:
            os.ftruncate(self._descriptor, 0)
            self._begin = self._end = self._lines = 0

    def forget_removed(self) -> int:
        """Discard lines that another program removed from the file; return their number."""
        self.reopen_if_closed()
        size = os.fstat(self._descriptor).st_size
        if size >= self._end:
            return 0
        left = os.pread(self._descriptor, max(0, size - self._begin), self._begin)
        whole = left.rfind(b"\n") + 1
        lines, self._lines = self._lines, left.count(b"\n")
        self._begin = min(self._begin, size)
        self._end = self._begin + whole
        os.ftruncate(self._descriptor, self._end)
        return max(0, lines - self._lines)

    def close(self) -> None:
        """Close the file, and remove it if no lines are waiting."""
        if self.is_empty:
            self._path.unlink(missing_ok=True)
        close_ours(self._descriptor)

    def abandon(self) -> None:
        """In a forked child: close the inherited descriptor and leave the parent its file."""
        close_ours(self._descriptor)


def _create(folder: Path) -> tuple[Path, int]:
    """Create and lock a file before giving it the name that other processes look for."""
    make_folder(folder, PRIVATE_FOLDER)
    path = folder / f"{getpid()}-{random_hex(6)}{SUFFIX}"
    unlocked = path.with_suffix(".new")
    flags = os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_RDWR | os.O_CLOEXEC
    descriptor = open_owned(unlocked, flags, PRIVATE_FILE)
    try:
        lock(descriptor)
        unlocked.rename(path)
    except BaseException:
        os.close(descriptor)
        unlocked.unlink(missing_ok=True)
        raise
    return path, out_of_the_way(descriptor)


def _copy(old: int, new: int, size: int) -> None:
    for at in range(0, size, READ_BYTES):
        block = os.pread(old, min(READ_BYTES, size - at), at)
        if os.write(new, block) != len(block):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
