"""Writes an archive, and reads it back before it gets its name."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

from canvas_sync_core.files.durability import sync_folder
from canvas_sync_core.files.log_names import ARCHIVE_SUFFIX
from canvas_sync_core.files.modes import make_folder, shared_opener

from .archive import ArchiveDamagedError, Member
from .pieces import PIECE_BYTES, packed
from .read_back import ReadPart, read_back, read_to_end

__all__ = ["write_archive"]


def write_archive(
    folder: Path,
    name: str,
    members: Sequence[Member],
    on_progress: Callable[[int], None] = lambda _bytes: None,
    read: ReadPart = read_to_end,
) -> Path:
    """Write an archive, read it back, and only then give it its name.

    Args:
        folder: Folder of the archives; created if missing.
        name: Name without suffix.
        members: The contents, in order.
        on_progress: Called for each member with the number of bytes written.
        read: Receives each member of a new archive when it is read back.

    Returns:
        The archive, flushed to disk. If it already exists, because a cleanup was killed after
        writing it, it is read back and kept; it may contain more than what is left to archive.

    Raises:
        ArchiveDamagedError: A new or existing archive does not read back.
        OSError: The disk is full, a file cannot be read, ...
    """
    archive = folder / f"{name}{ARCHIVE_SUFFIX}"
    if archive.exists():
        _read_old(archive, members)
        sync_folder(folder)
        return archive
    _make_folder(folder)
    partial = folder / f".{name}.partial"
    try:
        with open(partial, "wb", opener=shared_opener) as raw:
            for member in _write(raw, members):
                on_progress(member.length)
            raw.flush()
            os.fsync(raw.fileno())
        read_back(partial, members, read)
        partial.rename(archive)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
    sync_folder(folder)
    return archive


def _make_folder(folder: Path) -> None:
    """Create a folder and its missing parents, and flush their names to disk."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    make_folder(folder)
    for each in missing:
        sync_folder(each.parent)


def _write(raw: IO[bytes], members: Sequence[Member]) -> Iterator[Member]:
    for member in members:
        entry = tarfile.TarInfo(member.name)
        entry.size = member.length
        entry.mtime = int(member.path.stat().st_mtime)
        raw.write(packed(entry.tobuf()))
        _write_lines(raw, member)
        yield member
    raw.write(packed(bytes(2 * tarfile.BLOCKSIZE)))  # the end of a tar file


def _write_lines(raw: IO[bytes], member: Member) -> None:
    """Write a file in pieces that end with a line, except where a line fills a whole piece."""
    buffer = bytearray(min(PIECE_BYTES, member.length))
    view = memoryview(buffer)
    left, held = member.length, 0  # held: bytes of a line whose end is not in the buffer yet
    is_start = True
    with member.path.open("rb") as file:
        while left:
            read = file.readinto(view[held : held + left])
            if not read:
                raise OSError(f"{member.path.name} was truncated while it was archived")
            left, filled = left - read, held + read
            if not left:
                padding = bytes(-member.length % tarfile.BLOCKSIZE)
                raw.write(packed(bytes(view[:filled]) + padding, is_start=is_start))
                return
            cut = buffer.rfind(b"\n", 0, filled) + 1
            end = cut or filled
            raw.write(packed(view[:end], is_start=is_start))
            held, is_start = filled - end, bool(cut)
            buffer[:held] = buffer[end:filled]


def _read_old(archive: Path, members: Sequence[Member]) -> None:
    try:
        read_back(archive, members)
    except ArchiveDamagedError as error:
        raise ArchiveDamagedError(
            f"{error}. Its contents are still in `archiving`; move this archive away, and the next "
            "cleanup writes it again"
        ) from error
