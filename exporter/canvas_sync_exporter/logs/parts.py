"""The contents of a log file: the file itself, decompressed, or the files inside an archive."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Final, Protocol

from isal.igzip_lib import IsalError

from canvas_sync_core.files.log_names import FileKind, live_name, parse_name

from .archive import ArchiveDamagedError, damaged
from .pieces import PackedFile, Piece, Unpacking, packed_files
from .sources import LogSource, open_plain

__all__ = ["LogPart", "LogStream", "archived_parts", "packed_part", "parts"]

_DAMAGE: Final[tuple[type[Exception], ...]] = (IsalError, EOFError, OSError)  # type: ignore[assignment]  # isal's stub calls it a value


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
        from .streamed_parts import compressed_part  # noqa: PLC0415 - slow, and rare

        yield from compressed_part(source)
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
        from .streamed_parts import tar_parts  # noqa: PLC0415 - slow, and rare

        yield from tar_parts(archive)
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
            raise damaged(self._path, error) from error
        buffer[: len(data)] = data
        return len(data)


def _named(source: LogSource, part: LogPart) -> LogPart:
    """Say which archive a file is in, after checking that it belongs there."""
    name = str(PurePosixPath(part.name))  # tar writes ./errors.log.1 for a file of its folder
    parsed = parse_name(live_name(source.log), name)
    if parsed is None or parsed.kind not in (FileKind.LIVE, FileKind.BACKUP):
        raise ArchiveDamagedError(f"{source.path.name} holds {name!r}, which is not a log")
    return replace(part, name=f"{source.path.name}/{name}")
