"""Where rows wait for the database: one file of JSON lines for each process.

A line is a whole :class:`~canvas_sync_core.events.RunSnapshot`, appended by one write,
so it survives the SIGKILL of its writer. The owner holds a ``flock`` on its file as long as it
lives; a file whose lock is free belongs to a dead process, and the first process that takes the
lock writes its rows into the table. Writing a row twice changes nothing, so the file is emptied
only afterwards.

Do not use it on a network file system, where neither locks nor appends are reliable.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from canvas_sync_core.events import RunSnapshot
from canvas_sync_core.files.descriptors import close_ours, is_closed, out_of_the_way
from canvas_sync_core.files.identity import is_in_place
from canvas_sync_core.files.locking import lock, try_lock
from canvas_sync_core.files.modes import PRIVATE_FILE, PRIVATE_FOLDER, make_folder, open_owned
from canvas_sync_core.identifiers import getpid, random_hex

from .row_database import Transactions
from .rows import write_runs

__all__ = [
    "DAMAGED_FILE",
    "SPOOL_LIMIT",
    "Batch",
    "Drained",
    "Spool",
    "dead_letter",
    "drain_orphans",
    "encode",
    "waiting_bytes",
]

DAMAGED_FILE: Final = "damaged.txt"
"""Name of the file in the spool's folder with lines that cannot be used."""

SPOOL_LIMIT: Final = 64 * 1024 * 1024
"""Maximum number of bytes in the file of one process."""

_READ_BYTES: Final = 1024 * 1024
_SUFFIX: Final = ".jsonl"
_DAMAGED_LIMIT: Final = 16 * 1024 * 1024

_encoder = msgspec.json.Encoder(enc_hook=dict)  # Mapping is the only type that it does not know
_decoder = msgspec.json.Decoder(RunSnapshot)


class Batch(msgspec.Struct, frozen=True):
    """Lines read from a spool file.

    Attributes:
        snapshots: The whole lines, in order.
        damaged: Lines that are not snapshots.
        end: Offset at which the next batch starts.
    """

    snapshots: list[RunSnapshot]
    damaged: list[bytes]
    end: int


class Drained(msgspec.Struct, frozen=True):
    """Contents of the files of dead processes.

    Attributes:
        files: Files emptied and removed.
        rows: Snapshots read from them.
        damaged: Lines that are not snapshots; saved in ``damaged.txt`` next to them.
        rejected: Runs with a value that the database never accepts; saved there too.
    """

    files: int = 0
    rows: int = 0
    damaged: int = 0
    rejected: int = 0


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
        """Append one line made by :func:`encode`.

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
        return _read(self._descriptor, self._begin, self._end)

    def read_all(self) -> Iterator[Batch]:
        """Read all waiting lines, some at a time."""
        begin = self._begin
        while begin < self._end:
            batch = _read(self._descriptor, begin, self._end)
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


def encode(snapshot: RunSnapshot) -> bytes:
    """Return the line for a snapshot."""
    try:
        return _encoder.encode(snapshot) + b"\n"
    except UnicodeEncodeError:
        return msgspec.json.encode(_printable(msgspec.to_builtins(snapshot, enc_hook=dict))) + b"\n"


def drain_orphans(folder: Path, database: Transactions) -> Drained:
    """Write the rows of dead processes from ``folder`` into the table and remove their files.

    Raises:
        Exception: The database is unavailable, or a file cannot be read or removed; the files
            stay.
    """
    total = Drained()
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        with _orphan(path) as descriptor:
            if descriptor is not None:
                total = _plus(total, _drain(path, descriptor, database))
                path.unlink(missing_ok=True)
    return total


def waiting_bytes(folder: Path) -> int:
    """Return the size in bytes of the waiting lines of all processes."""
    total = 0
    for path in folder.glob(f"*{_SUFFIX}"):
        with suppress(FileNotFoundError):  # its owner ended meanwhile
            total += path.stat().st_size
    return total


def dead_letter(folder: Path, lines: list[bytes]) -> None:
    """Save unusable lines for inspection, up to 16 MB.

    The caller counts them; a full disk is not an error here.
    """
    if not lines:
        return
    text = b"".join(line.rstrip(b"\n") + b"\n" for line in lines)
    file = folder / DAMAGED_FILE
    with suppress(OSError), open(file, "ab", opener=_owner_only) as damaged:
        if damaged.tell() < _DAMAGED_LIMIT:
            damaged.write(text)


def _owner_only(path: str, flags: int) -> int:
    return open_owned(path, flags, PRIVATE_FILE)


def _create(folder: Path) -> tuple[Path, int]:
    """Create and lock a file before giving it the name that other processes look for."""
    make_folder(folder, PRIVATE_FOLDER)
    path = folder / f"{getpid()}-{random_hex(6)}{_SUFFIX}"
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
    for at in range(0, size, _READ_BYTES):
        block = os.pread(old, min(_READ_BYTES, size - at), at)
        if os.write(new, block) != len(block):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@contextmanager
def _orphan(path: Path) -> Iterator[int | None]:
    """Open and lock the file of a dead process; None if its owner is alive or the file is gone."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield None
        return
    try:
        is_ours = try_lock(descriptor) and os.fstat(descriptor).st_nlink > 0
        yield descriptor if is_ours else None
    finally:
        os.close(descriptor)


def _drain(path: Path, descriptor: int, database: Transactions) -> Drained:
    total = Drained(files=1)
    size = os.fstat(descriptor).st_size
    batch = _read(descriptor, 0, size)
    while batch.snapshots or batch.damaged:
        rejected = write_runs(database, batch.snapshots)
        dead_letter(path.parent, [*batch.damaged, *map(encode, rejected)])
        counts = len(batch.snapshots), len(batch.damaged), len(rejected)
        total = _plus(total, Drained(0, *counts))
        batch = _read(descriptor, batch.end, size)
    return total


def _plus(one: Drained, other: Drained) -> Drained:
    return Drained(
        one.files + other.files,
        one.rows + other.rows,
        one.damaged + other.damaged,
        one.rejected + other.rejected,
    )


def _read(descriptor: int, begin: int, end: int) -> Batch:
    """Read about a block of whole lines between ``begin`` and ``end``."""
    size = _READ_BYTES
    block = os.pread(descriptor, min(size, end - begin), begin)
    while len(block) == size and b"\n" not in block:
        size *= 2
        block = os.pread(descriptor, min(size, end - begin), begin)
    if begin + len(block) < end and b"\n" in block:
        block = block[: block.rindex(b"\n") + 1]
    snapshots: list[RunSnapshot] = []
    damaged: list[bytes] = []
    for line in block.splitlines(keepends=True):
        _sort_line(line, snapshots, damaged)
    return Batch(snapshots, damaged, begin + len(block))


def _sort_line(line: bytes, snapshots: list[RunSnapshot], damaged: list[bytes]) -> None:
    try:
        snapshots.append(_decoder.decode(line))
    except (msgspec.DecodeError, UnicodeDecodeError):
        damaged.append(line)


def _printable(value: Any) -> Any:
    """Replace lone surrogates, which come from undecodable file names, in all texts."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {_printable(key): _printable(item) for key, item in value.items()}
    return [_printable(item) for item in value] if isinstance(value, list) else value
