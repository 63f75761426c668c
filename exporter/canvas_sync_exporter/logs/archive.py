"""Archives: ``<log>-<time>.tar.gz``; a file that has this name is complete."""

from __future__ import annotations

import datetime as dt
import os
import tarfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from gzip import BadGzipFile
from pathlib import Path
from typing import IO, Final

from isal import igzip
from isal.igzip_lib import IsalError

from canvas_sync_core.files.durability import sync_folder
from canvas_sync_core.files.log_names import ARCHIVE_SUFFIX, ARCHIVE_TIME, live_name, regular_names
from canvas_sync_core.files.modes import make_folder, shared_opener
from canvas_sync_core.names import Log

from .pieces import PIECE_BYTES, packed

__all__ = [
    "Archive",
    "ArchiveDamagedError",
    "Member",
    "archive_name",
    "archives",
    "write_archive",
]

_CHUNK: Final = 1024 * 1024


class ArchiveDamagedError(OSError):
    """An archive does not read back as it was written."""


@dataclass(frozen=True, slots=True)
class Member:
    """What goes into an archive: the first ``length`` bytes of ``path``, under ``name``."""

    path: Path
    name: str
    length: int


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive of one log."""

    path: Path
    log: Log
    time: dt.datetime
    size: int


def archive_name(log: Log, moment: dt.datetime) -> str:
    """Return an archive's name without its suffix."""
    return f"{log.value}-{moment.astimezone(dt.UTC).strftime(ARCHIVE_TIME)}"


def archives(folder: Path) -> list[Archive]:
    """List the archives in a folder, oldest first; other files are ignored."""
    if not folder.is_dir():
        return []
    found = [archive for log in Log for archive in _archives(folder, log)]
    return sorted(found, key=lambda each: (each.time, each.path))


def _archives(folder: Path, log: Log) -> Iterator[Archive]:
    for file in regular_names(live_name(log), folder):
        path = folder / file.name
        if file.time is not None:
            with suppress(FileNotFoundError):  # deleted just now
                yield Archive(path, log, file.time, path.stat().st_size)


def write_archive(
    folder: Path,
    name: str,
    members: Sequence[Member],
    on_progress: Callable[[int], None] = lambda _bytes: None,
) -> Path:
    """Write an archive, read it back, and only then give it its name.

    Args:
        folder: Folder of the archives; created if missing.
        name: Name without suffix.
        members: The contents, in order.
        on_progress: Called for each member with the number of bytes written.

    Returns:
        The archive, flushed to disk. If it already exists, because a cleanup was killed after
        writing it, it is read back and kept; it may contain more than what is left to archive.

    Raises:
        ArchiveDamagedError: A new or existing archive does not read back.
        OSError: The disk is full, a file cannot be read, ...
    """
    archive = folder / f"{name}{ARCHIVE_SUFFIX}"
    if archive.exists():
        _verify_old(archive, members)
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
        _verify(partial, members)
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


def _verify_old(archive: Path, members: Sequence[Member]) -> None:
    try:
        _verify(archive, members)
    except ArchiveDamagedError as error:
        raise ArchiveDamagedError(
            f"{error}. Its contents are still in `archiving`; move this archive away, and the next "
            "cleanup writes it again"
        ) from error


def _verify(path: Path, members: Sequence[Member]) -> None:
    try:
        with igzip.open(path, "rb") as unzipped:  # type: ignore[no-untyped-call]  # isal has no types
            _verify_members(path, unzipped, {member.name: member for member in members})
            while unzipped.read(_CHUNK):  # to the checksum at the end
                pass
    except (tarfile.TarError, IsalError, EOFError, BadGzipFile) as error:  # type: ignore[misc]  # isal's stub calls it a value
        raise ArchiveDamagedError(f"{path} does not read back: {error}") from error


def _verify_members(path: Path, unzipped: igzip.IGzipFile, left: dict[str, Member]) -> None:
    with tarfile.open(fileobj=unzipped, mode="r:") as tar:
        for entry in tar:
            member = left.pop(entry.name, None)
            if member is not None and entry.size == member.length:
                _compare(unzipped, member)
            elif member is not None:
                raise ArchiveDamagedError(f"{path}: {member.name} has another length in it")
    if left:
        raise ArchiveDamagedError(f"{path}: {', '.join(left)} is not in it")


def _compare(unzipped: igzip.IGzipFile, member: Member) -> None:
    """Compare what comes next in an archive, past tarfile, which would copy it twice."""
    left = member.length
    with member.path.open("rb") as original:
        while left:
            chunk = original.read(min(_CHUNK, left))
            if not chunk or unzipped.read(len(chunk)) != chunk:
                raise ArchiveDamagedError(f"{member.name} reads back differently")
            left -= len(chunk)
