"""The contents of a log file: the file itself, decompressed, or the files inside an archive."""

from __future__ import annotations

import bz2
import lzma
import sys
import tarfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final, Protocol

from isal import igzip
from isal.igzip_lib import IsalError

from canvas_sync_core.files.log_names import FileKind, live_name, parse_name

from .archive import ArchiveDamagedError
from .pieces import PackedFile, Piece, Unpacking, packed_files
from .sources import LogSource, open_plain

__all__ = ["LogPart", "LogStream", "archived_parts", "packed_part", "parts"]

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
        """Read into the buffer; return the number of bytes, 0 at the end."""


@dataclass(frozen=True, slots=True)
class LogPart:
    """One file of a source: itself, or a file inside an archive.

    Attributes:
        name: What to call it in a message.
        stream: Its bytes; those of an archive can be read once and in order only.
        size: How many bytes to read at most.
        pieces: The pieces of an archive that they are read from, if it is in pieces; no read goes
            from one to the next.
    """

    name: str
    stream: LogStream
    size: int
    pieces: Sequence[Piece] = ()


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
        for part in archived_parts(source.path):
            yield _named(source, part)
        return
    if source.is_archive:
        yield from _compressed_part(source)
        return
    with open_plain(source) as raw:
        raw.seek(start)
        name = source.path.name.rpartition("@")[0] or source.path.name
        yield LogPart(name, raw, source.size)


def archived_parts(archive: Path) -> Iterator[LogPart]:
    """Open an archive and yield its files by their own names; read each before requesting the next.

    Raises:
        ArchiveDamagedError: It cannot be read further, here or while reading a part.
        OSError: It cannot be read, or is gone.
    """
    files = packed_files(archive)
    if files is None:
        yield from _tar_parts(archive)
    for file in files or ():
        with _packed_part(archive, file) as part:
            yield part


@contextmanager
def packed_part(source: LogSource, file: PackedFile) -> Iterator[LogPart]:
    """Open a file in an archive.

    Args:
        source: The archive.
        file: The file, or some successive pieces of it.

    Raises:
        ArchiveDamagedError: The file does not belong there, or, while reading, it is damaged.
        OSError: The archive cannot be read, or is gone.
    """
    with _packed_part(source.path, file) as part:
        yield _named(source, part)


@contextmanager
def _packed_part(archive: Path, file: PackedFile) -> Iterator[LogPart]:
    with archive.open("rb", buffering=0) as raw:
        stream = _PiecesStream(archive, raw.fileno(), file.pieces)
        yield LogPart(file.name, stream, file.size, file.pieces)


class _PiecesStream:
    """Pieces of an archive, one after the other; errors are reported as damage."""

    def __init__(self, path: Path, fd: int, pieces: Sequence[Piece]) -> None:
        self._path = path
        self._fd = fd
        self._pieces = iter(pieces)
        self._piece: Unpacking | None = None

    def readinto(self, buffer: memoryview, /) -> int:
        """Read into the buffer; return the number of bytes, 0 at the end."""
        data = b""
        try:
            while buffer and not (self._piece and (data := self._piece.read(len(buffer)))):
                if (piece := next(self._pieces, None)) is None:
                    break
                self._piece = Unpacking(self._fd, piece)
        except _DAMAGE as error:
            raise _damaged(self._path, error) from error
        buffer[: len(data)] = data
        return len(data)


class _PackedStream:
    """What comes next in a compressed file; errors are reported as damage.

    Args:
        path: The file.
        unpacked: Its contents.
        size: Number of bytes that must be there; None for all that there are.
    """

    def __init__(self, path: Path, unpacked: Any, size: int | None = None) -> None:
        self._path = path
        self._unpacked = unpacked
        self._left = size

    def readinto(self, buffer: memoryview, /) -> int:
        """Read into the buffer; return the number of bytes, 0 at the end."""
        try:
            # Not readinto(), which reads on until the buffer is full, and drops all at damage.
            read: int = self._unpacked.readinto1(buffer[: self._left])
        except _DAMAGE as error:
            raise _damaged(self._path, error) from error
        if self._left is not None:
            if not read and self._left and buffer:
                raise _damaged(self._path, EOFError("unexpected end of data"))
            self._left -= read
        return read

    def skip(self) -> None:
        """Read what is left, in larger steps than tarfile would."""
        buffer = memoryview(bytearray(_GZIP_BUFFER))
        while self.readinto(buffer):
            pass


def _compressed_part(source: LogSource) -> Iterator[LogPart]:
    """Open a file that another program compressed; its length is unknown until its end."""
    path = source.path
    with path.open("rb") as raw:
        try:
            unpacked = _OPENERS[path.suffix](raw)
        except _DAMAGE as error:
            raise _damaged(path, error) from error
        yield LogPart(path.name, _PackedStream(path, unpacked), sys.maxsize)


class _Entry(tarfile.TarInfo):
    """An entry that is a regular file, or small: tarfile loads all others into memory."""

    def _proc_member(self, tar: tarfile.TarFile) -> tarfile.TarInfo:
        """Look at an entry before its content is read; subclasses may replace this method.

        :meth:`frombuf` is not called any more since Python 3.14 and its security releases.
        """
        is_file = self.type in (tarfile.REGTYPE, tarfile.AREGTYPE)
        if not is_file and (self.size > _MOST_ATTRIBUTES or self.type == tarfile.GNUTYPE_SPARSE):
            raise tarfile.ReadError(f"an entry of {self.size} bytes is not a plain file")
        return super()._proc_member(tar)  # type: ignore[misc, no-any-return]  # not in the stubs


def _tar_parts(archive: Path) -> Iterator[LogPart]:
    with archive.open("rb") as raw:
        unzipped = _gunzip(raw)
        try:
            tar = tarfile.open(fileobj=unzipped, mode="r:", tarinfo=_Entry)  # noqa: SIM115 - closed below
        except _DAMAGE as error:
            raise _damaged(archive, error) from error
        with tar:
            yield from _members(archive, tar, unzipped)
        _PackedStream(archive, unzipped).skip()  # to the checksum at the end


def _members(archive: Path, tar: tarfile.TarFile, unzipped: igzip.IGzipFile) -> Iterator[LogPart]:
    """Yield the files; read past tarfile, which would copy their bytes several times."""
    while True:
        try:
            entry = tar.next()
        except _DAMAGE as error:
            raise _damaged(archive, error) from error
        if entry is None:
            return
        if entry.isdir():  # as tar writes it for a whole folder
            continue
        name = entry.name if entry.isfile() else f"{entry.name} (no file)"
        stream = _PackedStream(archive, unzipped, entry.size)
        yield LogPart(name, stream, entry.size)
        stream.skip()


def _named(source: LogSource, part: LogPart) -> LogPart:
    """Say which archive a file is in, after checking that it belongs there."""
    name = str(PurePosixPath(part.name))  # tar writes ./errors.log.1 for a file of its folder
    parsed = parse_name(live_name(source.log), name)
    if parsed is None or parsed.kind not in (FileKind.LIVE, FileKind.BACKUP):
        raise ArchiveDamagedError(f"{source.path.name} holds {name!r}, which is not a log")
    return replace(part, name=f"{source.path.name}/{name}")


def _damaged(path: Path, error: BaseException) -> ArchiveDamagedError:
    return ArchiveDamagedError(f"{path.name} is damaged: {error}")
