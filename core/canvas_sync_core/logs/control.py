"""The control page: shared memory of the processes that write one log.

Each log has a small file that every writer maps. Its first word is the *generation*: a process
increments it before it renames or removes a file of the log, so that by reading one word a writer
knows whether its open file may have been moved. It is odd only while the live log is being replaced
by another file, a fraction of a millisecond in which no one may open it. The rest is a ring of
*tombstones*: files that the cleanup has taken for archiving, with the length that the archive
contains, so that a late writer knows whether its line is in the archive.

An exclusive ``flock`` on the same file protects the page, and the names of the log's files, from
two changes at once. All of this matters only while processes run: nothing has to survive a power
failure.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from canvas_sync_core.asynchronous import raise_if_asynchronous
from canvas_sync_core.files.descriptors import keep_for_good
from canvas_sync_core.files.disk_space import reserve
from canvas_sync_core.files.identity import Identity, identity_of
from canvas_sync_core.files.locking import try_lock, unlock
from canvas_sync_core.files.modes import open_shared

__all__ = ["ControlPage", "LogLockedError"]

_PAGE_BYTES: Final = 4096
_GENERATION: Final = 0
_TOMBSTONES_MADE: Final = 1
_FIRST_TOMBSTONE: Final = 4
_TOMBSTONE_WORDS: Final = 4
_TOMBSTONE_SLOTS: Final = (_PAGE_BYTES // 8 - _FIRST_TOMBSTONE) // _TOMBSTONE_WORDS


class LogLockedError(OSError):
    """Another process holds the log's lock and does not release it in time."""


class ControlPage:
    """The shared page of one log.

    Args:
        path: The control file; it and its folder are created if missing.

    Attributes:
        path: The control file, absolute.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()  # the app may change its working directory
        self._identity: Identity | None = None
        self._page: mmap.mmap | None = None
        self._words: memoryview[int] | None = None
        self._lock_fd: int | None = None

    def refresh(self) -> Sequence[int]:
        """Map the page, or remap it if its file was replaced; the first word is the generation.

        Raises:
            OSError: The file cannot be made or mapped.
        """
        if not self.is_whole or identity_of(self.path) != self._identity:
            self._map()
        return self._mapped

    def is_at(self, generation: int) -> bool:
        """Return whether no process has started to move files since ``generation``.

        False also if that is unknown, because the page is not mapped or was truncated.
        """
        page, words = self._page, self._words
        # Using a truncated page causes SIGBUS. Not by is_whole, since each line asks twice.
        try:
            is_whole = page is not None and page.size() >= _PAGE_BYTES
        except OSError as error:
            raise_if_asynchronous(error)
            return False
        return is_whole and words is not None and words[_GENERATION] == generation

    @property
    def identity(self) -> Identity | None:
        """The mapped file; None before the first :meth:`refresh`."""
        return self._identity

    @property
    def is_whole(self) -> bool:
        """Whether it is mapped and was not truncated: using a truncated page causes SIGBUS."""
        try:
            return self._page is not None and self._page.size() >= _PAGE_BYTES
        except OSError as error:  # the app has closed its descriptor
            raise_if_asynchronous(error)
            return False

    @property
    def _mapped(self) -> memoryview[int]:
        if not self.is_whole:
            self._map()
        assert self._words is not None  # noqa: S101 - _map() set it or raised
        return self._words

    def _map(self) -> None:
        fd = open_shared(self.path, os.O_RDWR)
        try:
            # Allocate blocks now, otherwise a full disk would kill the process at the first store.
            reserve(fd, 0, _PAGE_BYTES)
            page = mmap.mmap(fd, _PAGE_BYTES)
            if self._page is not None and identity_of(fd) == self._identity and not self.is_whole:
                keep_for_good(self._page)  # not truncated: the app has closed its descriptor
            self._words = memoryview(page).cast("Q")
            self._page = page
            self._identity = identity_of(fd)
        finally:
            os.close(fd)

    @contextmanager
    def locked(self, timeout: float) -> Iterator[bool]:
        """Hold the log's lock, or give up after ``timeout`` seconds.

        The lock uses a separate descriptor, so it also excludes the threads and other writers of
        this process. It is released when the process ends.

        Yields:
            Whether the lock is held.
        """
        fd = self._lock_fd = open_shared(self.path, os.O_RDWR)
        try:
            held = try_lock(fd, timeout)
            try:
                yield held
            finally:
                if held:
                    unlock(fd)
        finally:
            self._lock_fd = None
            os.close(fd)

    def generation(self, timeout: float = 0.0) -> int:
        """Return the generation at which the log may be opened.

        Args:
            timeout: Seconds to wait while the live log is being replaced.

        Raises:
            LogLockedError: It is being replaced by a process that is stopped or slow.
            OSError: The page cannot be mapped.
        """
        words = self._mapped
        generation = words[_GENERATION]  # read only once: it could be odd the second time
        if generation % 2 == 0:
            return generation
        with self.locked(timeout) as held:
            if not held:
                raise LogLockedError(f"{self.path}: the log is being replaced")
            if words[_GENERATION] % 2:
                self.next_generation()  # the process that was replacing it was killed
            return words[_GENERATION]

    def next_generation(self) -> None:
        """Announce to all writers that files are about to move; call it first, under the lock."""
        words = self._mapped
        words[_GENERATION] = (words[_GENERATION] | 1) + 1

    @contextmanager
    def swapping(self) -> Iterator[None]:
        """Keep writers from opening the live log while it is replaced; call it under the lock."""
        self._mapped[_GENERATION] |= 1
        try:
            yield
        finally:
            self.next_generation()

    def add_tombstone(self, identity: Identity, length: int) -> None:
        """Record that ``length`` bytes of a file go into an archive; call it under the lock.

        Call it after :meth:`next_generation` and before the file loses its name, for the live log
        while :meth:`swapping`. Then every process that may still have the file open will notice.
        """
        words = self._mapped
        made = words[_TOMBSTONES_MADE]
        slot = _FIRST_TOMBSTONE + made % _TOMBSTONE_SLOTS * _TOMBSTONE_WORDS
        # Emptied first and filled last: a tombstone cut short by a kill matches nothing.
        words[slot] = 0
        for word, value in enumerate((*identity, length), start=1):
            words[slot + word] = value
        words[slot] = words[_GENERATION]
        words[_TOMBSTONES_MADE] = made + 1

    def tombstone_length(self, identity: Identity, opened: int) -> int | None:
        """Return the length of a file archived after generation ``opened``; None if it was not.

        Inode numbers are reused, generations are not: a tombstone from before the caller
        opened the file belongs to another file.
        """
        words = self._mapped
        newest: tuple[int, int] | None = None
        for slot in range(
            _FIRST_TOMBSTONE,
            _FIRST_TOMBSTONE + _TOMBSTONE_SLOTS * _TOMBSTONE_WORDS,
            _TOMBSTONE_WORDS,
        ):
            generation, device, inode, length = words[slot : slot + _TOMBSTONE_WORDS]
            if (device, inode) == identity and generation > opened:
                newest = max(newest or (0, 0), (generation, length))
        return newest and newest[1]

    def after_fork_in_child(self) -> None:
        """Release a lock that a thread of the parent held during the fork."""
        fd, self._lock_fd = self._lock_fd, None
        if fd is not None:
            os.close(fd)
