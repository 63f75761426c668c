"""Files that one process maps: locked from creation to its death, with all blocks allocated."""

from __future__ import annotations

import errno
import mmap
import os
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from canvas_sync_core.asynchronous import raise_if_asynchronous
from canvas_sync_core.files.descriptors import (
    close_ours,
    is_closed,
    is_open,
    keep_for_good,
    out_of_the_way,
)
from canvas_sync_core.files.disk_space import reserve
from canvas_sync_core.files.identity import is_in_place
from canvas_sync_core.files.locking import lock
from canvas_sync_core.files.modes import open_shared

from .layout import (
    EXEMPLAR_MAGIC,
    HEADER_SIZE,
    SLOT_SIZE,
    encode_entry,
    encode_slot,
)

__all__ = ["ExemplarFile", "MappedFile", "SeriesFile"]

_FIRST_CAPACITY: Final = 16 * 1024
_CLOSED: Final = -1
_INTEGER: Final = struct.Struct("=i")


class MappedFile:
    """A file that only this process writes, through a memory map.

    Space is allocated before it is mapped, because on a full disk, a page without a block would
    kill the process with SIGBUS. So would a page beyond the end of a truncated file: call
    :meth:`detach_if_truncated` before using values. The exclusive ``flock`` lasts as long as the
    process, so anyone who gets the lock knows that the process is dead.

    Args:
        path: The file; it must not exist.
        magic: The first bytes of the file; the 32-bit number of bytes in use follows them.

    Raises:
        OSError: The file cannot be made, or there is no space for it.

    Attributes:
        capacity: Bytes that are mapped.
        size: Returns the current size of the file.
    """

    def __init__(self, path: Path, magic: bytes = b"") -> None:
        self._path = path
        self._used_at = len(magic)
        self._used = HEADER_SIZE
        self.capacity = _FIRST_CAPACITY
        header = (magic + _INTEGER.pack(HEADER_SIZE)).ljust(HEADER_SIZE, b"\0")
        self._fd = _create_locked(path, header, self.capacity)
        self._is_truncated = False
        self._map()
        self.keep_copy()

    def _map(self) -> None:
        self._memory = mmap.mmap(self._fd, self.capacity)
        self.size = self._memory.size
        self._bytes = memoryview(self._memory)
        self.values = self._bytes.cast("d")

    def _unmap(self) -> None:
        self.values.release()
        self._bytes.release()
        if self._fd != _CLOSED:
            self._memory.close()
        else:
            keep_for_good(self._memory)
            self._memory = mmap.mmap(-1, 1)

    def _notice_closed(self) -> None:
        """Forget the descriptor if the app has closed it: the next file may get its number."""
        if not is_open(self._fd):
            self._fd = _CLOSED

    def append(self, data: bytes) -> int:
        """Append ``data`` to the bytes in use and return its offset.

        Raises:
            OSError: There is no space for it; the file is as before.
        """
        if self.detach_if_truncated() or self._is_truncated:
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), str(self._path))
        start = self._used
        end = start + len(data)
        if end > self.capacity:
            self._grow(end)
        self._used = end
        self._bytes[start:end] = data
        # Updated last, so that a reader never sees an incomplete entry.
        self._bytes[self._used_at : self._used_at + 4] = _INTEGER.pack(end)
        self.keep_copy()
        return start

    def _grow(self, needed: int) -> None:
        capacity = self.capacity
        while capacity < needed:
            capacity *= 2
        try:
            reserve(self._fd, self.capacity, capacity - self.capacity)
        except OSError:
            os.ftruncate(self._fd, self.capacity)
            raise
        self._unmap()
        self.capacity = capacity
        self._map()

    def keep_copy(self) -> None:
        """Copy the contents to memory, in case another program empties the file."""
        self._copy = bytes(self._bytes[: self._used])

    def detach_if_truncated(self) -> bool:
        """If the file was truncated, continue in memory with the copy; return whether it was."""
        try:
            if self.size() >= self.capacity:
                return False
        except OSError as error:
            raise_if_asynchronous(error)
            if not is_closed(error):
                raise
        self._notice_closed()
        if self._fd == _CLOSED:  # then the size is that of another file, and the map is whole
            self.keep_copy()
        self._is_truncated = True
        self.size = self.capacity.__int__  # of the memory, which nobody truncates
        self._unmap()
        self._bytes = memoryview(bytearray(self._copy.ljust(self.capacity, b"\0")))
        self.values = self._bytes.cast("d")
        return True

    @property
    def is_in_place(self) -> bool:
        """Whether the file is complete and still has its name: not removed, moved or replaced."""
        return not self._is_truncated and is_in_place(self._path, self._fd)

    def recreate(self) -> None:
        """Recreate the file under its name, with all its contents, and continue there.

        Raises:
            OSError: It cannot be created; the process keeps using the file without a name.
        """
        self._notice_closed()
        fd = _create_locked(self._path, bytes(self._bytes[: self._used]), self.capacity)
        self._unmap()
        close_ours(self._fd)
        self._fd = fd
        self._is_truncated = False
        self._map()

    def close(self) -> None:
        """Release the map, the descriptor and (unless a parent process also holds it) the lock.

        Values written afterwards go to memory that nobody reads.
        """
        self._notice_closed()
        self.detach_if_truncated()
        detached = memoryview(bytearray(self._bytes))
        self._unmap()
        self.size = self.capacity.__int__
        self._bytes, self.values = detached, detached.cast("d")
        close_ours(self._fd)


class SeriesFile(MappedFile):
    """A metric file; see :mod:`.layout`."""

    def allocate(self, keys: Sequence[bytes]) -> tuple[int, ...]:
        """Add entries with the value 0 and return their indexes in ``values``.

        Raises:
            OSError: There is no space; none was added.
        """
        entries = [encode_entry(key) for key in keys]
        end = self.append(b"".join(entries))
        cells = []
        for entry in entries:
            end += len(entry)
            cells.append((end - 16) // 8)
        return tuple(cells)


class ExemplarFile(MappedFile):
    """An exemplar file; see :mod:`.layout`."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, EXEMPLAR_MAGIC)

    def allocate(self, count: int) -> int:
        """Add empty slots and return the offset of the first.

        Raises:
            OSError: There is no space; none was added.
        """
        return self.append(bytes(count * SLOT_SIZE))

    def write(self, start: int, trace_id: str, value: float, time: float, cell: int) -> None:
        """Fill the slot at offset ``start``."""
        self.detach_if_truncated()
        self._bytes[start : start + SLOT_SIZE] = encode_slot(trace_id, value, time, cell)


def _create_locked(path: Path, content: bytes, capacity: int) -> int:
    """Create a file under a temporary name, so that no one finds it unlocked or incomplete."""
    temporary = path.with_name(f".{path.name}.tmp")
    # It may exist: a signal handler of the app may have raised right after the last open().
    fd = open_shared(temporary, os.O_RDWR | os.O_TRUNC)
    try:
        lock(fd)
        reserve(fd, 0, capacity)
        os.pwrite(fd, content, 0)
        temporary.rename(path)
    except BaseException:
        os.close(fd)
        temporary.unlink(missing_ok=True)
        raise
    return out_of_the_way(fd)
