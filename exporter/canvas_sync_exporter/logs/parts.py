"""The contents of a log file: the file itself, decompressed, or the files inside an archive."""

from __future__ import annotations

import bz2
import lzma
import sys
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Protocol, Self

from isal import igzip
from isal.igzip_lib import IsalError

from canvas_sync_core.files.log_names import FileKind, live_name, parse_name
from canvas_sync_core.names import Log

from .archive import ArchiveDamagedError
from .sources import LogSource, open_plain

__all__ = ["LogPart", "LogStream", "parts"]

_GZIP_BUFFER: Final = 256 * 1024
_MOST_ATTRIBUTES: Final = 64 * 1024  # metadata of a file in an archive, such as its long name


def _gunzip(raw: IO[bytes]) -> igzip.IGzipFile:
    return igzip.IGzipFile(fileobj=raw, mode="rb")  # type: ignore[no-untyped-call]  # isal has no types


_DAMAGE: Final[tuple[type[Exception], ...]] = (
    IsalError,  # type: ignore[assignment]  # isal's stub calls it a value
    EOFError,
    lzma.LZMAError,
    tarfile.TarError,
    OSError,
)
_OPENERS: Final[dict[str, Callable[[IO[bytes]], Any]]] = {
    ".gz": _gunzip,
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
}
"""By the names that :data:`~canvas_sync_core.files.log_names.COMPRESSIONS` lists."""


class LogStream(Protocol):
    """A stream that a part is read from."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Read into the buffer, and tell how many bytes; 0 at the end."""


@dataclass(frozen=True, slots=True)
class LogPart:
    """One file of a source: itself, or a file inside an archive.

    Attributes:
        name: What to call it in a message.
        stream: Its bytes; those of an archive can be read once and in order only.
        size: How many bytes to read at most.
    """

    name: str
    stream: LogStream
    size: int


def parts(source: LogSource, *, start: int = 0) -> Iterator[LogPart]:
    """Open a source and yield its files, oldest first; read each before requesting the next.

    Args:
        source: Any source.
        start: Offset at which to start in a source that is not an archive.

    Raises:
        ArchiveDamagedError: An archive cannot be read further, here or while reading a part, or
            contains a file that does not belong there.
        OSError: The file cannot be read, or is gone.
    """
    if source.has_members:
        yield from _archive_parts(source)
        return
    if source.is_archive:
        yield from _compressed_part(source)
        return
    with open_plain(source) as raw:
        raw.seek(start)
        name = source.path.name.rpartition("@")[0] or source.path.name
        yield LogPart(name, raw, source.size)


class _ArchiveStream:
    """A file in an archive; errors are reported as damage."""

    def __init__(self, archive: Path, member: IO[bytes]) -> None:
        self._archive = archive
        self._member = member

    def readinto(self, buffer: memoryview, /) -> int:
        """Read into the buffer, and tell how many bytes; 0 at the end."""
        try:
            read = self._member.read(len(buffer))
        except _DAMAGE as error:
            raise _damaged(self._archive, error) from error
        buffer[: len(read)] = read
        return len(read)


def _compressed_part(source: LogSource) -> Iterator[LogPart]:
    """Open a file that another program compressed; its length is unknown until its end."""
    path = source.path
    with path.open("rb") as raw:
        try:
            unpacked = _OPENERS[path.suffix](raw)
        except _DAMAGE as error:
            raise _damaged(path, error) from error
        yield LogPart(path.name, _ArchiveStream(path, unpacked), sys.maxsize)


class _Entry(tarfile.TarInfo):
    """An entry that is a regular file, or small: tarfile loads all others into memory."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        entry = super().frombuf(buf, encoding, errors)
        is_file = entry.type in (tarfile.REGTYPE, tarfile.AREGTYPE)
        if not is_file and (entry.size > _MOST_ATTRIBUTES or entry.type == tarfile.GNUTYPE_SPARSE):
            raise tarfile.ReadError(f"an entry of {entry.size} bytes is no plain file")
        return entry


def _archive_parts(source: LogSource) -> Iterator[LogPart]:
    path = source.path
    with path.open("rb") as raw:
        try:
            unzipped = igzip.IGzipFile(fileobj=raw, mode="rb")  # type: ignore[no-untyped-call]  # isal has no types
            tar = tarfile.open(  # noqa: SIM115 - closed below
                fileobj=unzipped, mode="r|", bufsize=_GZIP_BUFFER, tarinfo=_Entry
            )
        except _DAMAGE as error:
            raise _damaged(path, error) from error
        with tar:
            yield from _members(source, tar)
        try:
            while unzipped.read(_GZIP_BUFFER):  # to the checksum at the end
                pass
        except _DAMAGE as error:
            raise _damaged(path, error) from error


def _members(source: LogSource, tar: tarfile.TarFile) -> Iterator[LogPart]:
    while True:
        try:
            entry = tar.next()
            stream = tar.extractfile(entry) if entry and entry.isfile() else None
        except _DAMAGE as error:
            raise _damaged(source.path, error) from error
        if entry is None:
            return
        if stream is None or not _belongs(source.log, entry.name):
            raise ArchiveDamagedError(f"{source.path.name} holds {entry.name!r}, which is no log")
        name = f"{source.path.name}/{entry.name}"
        yield LogPart(name, _ArchiveStream(source.path, stream), entry.size)


def _belongs(log: Log, name: str) -> bool:
    parsed = parse_name(live_name(log), name)
    return parsed is not None and parsed.kind in (FileKind.LIVE, FileKind.BACKUP)


def _damaged(path: Path, error: BaseException) -> ArchiveDamagedError:
    return ArchiveDamagedError(f"{path.name} is damaged: {error}")
