"""Files that can only be unpacked from their beginning: compressed ones, and older archives.

Their modules are slow to load, and few commands read such a file.
"""

from __future__ import annotations

import bz2
import lzma
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Final

from isal import igzip
from isal.igzip_lib import IsalError

from .archive import damaged
from .parts import LogPart
from .sources import LogSource

__all__ = ["compressed_part", "tar_parts"]

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
            raise damaged(self._path, error) from error
        if self._left is not None:
            if not read and self._left and buffer:
                raise damaged(self._path, EOFError("unexpected end of data"))
            self._left -= read
        return read

    def skip(self) -> None:
        """Read what is left, in larger steps than tarfile would."""
        buffer = memoryview(bytearray(_GZIP_BUFFER))
        while self.readinto(buffer):
            pass


def compressed_part(source: LogSource) -> Iterator[LogPart]:
    """Open a file that another program compressed; its length is unknown until its end."""
    path = source.path
    with path.open("rb") as raw:
        try:
            unpacked = _OPENERS[path.suffix](raw)
        except _DAMAGE as error:
            raise damaged(path, error) from error
        yield LogPart(path.name, _PackedStream(path, unpacked), sys.maxsize)


class _Entry(tarfile.TarInfo):
    """An entry that is a regular file, or small: tarfile loads all others into memory."""

    def _proc_member(self, tar: tarfile.TarFile) -> tarfile.TarInfo:
        """Check an entry before its content is read; subclasses may replace this method.

        :meth:`frombuf` is not called any more since Python 3.14 and its security releases.
        """
        is_file = self.type in (tarfile.REGTYPE, tarfile.AREGTYPE)
        if not is_file and (self.size > _MOST_ATTRIBUTES or self.type == tarfile.GNUTYPE_SPARSE):
            raise tarfile.ReadError(f"an entry of {self.size} bytes is not a plain file")
        return super()._proc_member(tar)  # type: ignore[misc, no-any-return]  # not in the stubs


def tar_parts(archive: Path) -> Iterator[LogPart]:
    """Unpack an archive and yield its files; read each before requesting the next."""
    with archive.open("rb") as raw:
        unzipped = _gunzip(raw)
        try:
            tar = tarfile.open(fileobj=unzipped, mode="r:", tarinfo=_Entry)  # noqa: SIM115 - closed below
        except _DAMAGE as error:
            raise damaged(archive, error) from error
        with tar:
            yield from _members(archive, tar, unzipped)
        _PackedStream(archive, unzipped).skip()  # to the checksum at the end


def _members(archive: Path, tar: tarfile.TarFile, unzipped: igzip.IGzipFile) -> Iterator[LogPart]:
    """Yield the files; read past tarfile, which would copy their bytes several times."""
    while True:
        try:
            entry = tar.next()
        except _DAMAGE as error:
            raise damaged(archive, error) from error
        if entry is None:
            return
        if entry.isdir():  # as tar writes it for a whole folder
            continue
        name = entry.name if entry.isfile() else f"{entry.name} (no file)"
        stream = _PackedStream(archive, unzipped, entry.size)
        yield LogPart(name, stream, entry.size)
        stream.skip()
