"""Where the lines of the logs are: live files, backups, files being archived, archives.

Other processes write, rotate and archive while the list is made. A line only ever moves one way,
from the live file over the backups and ``archiving/`` into an archive. The list is made in the same
direction and leaves out what it has met before, so that it misses nothing and has nothing twice.
"""

from __future__ import annotations

import datetime as dt
import errno
import io
import os
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Protocol, Self

from isal import igzip
from isal.igzip_lib import IsalError

from canvas_sync_instrumentation.errors import CanvasSyncMonitorError
from canvas_sync_instrumentation.logfile.control import Identity
from canvas_sync_instrumentation.logfile.rotation import log_file, log_numbers
from canvas_sync_instrumentation.names import Log

from .archive import ArchiveDamagedError, archives
from .claims import claimed_members, claims

__all__ = [
    "LogFolderError",
    "LogPart",
    "LogSource",
    "LogStream",
    "open_plain",
    "parts",
    "require_log_folder",
    "shifted",
    "sources",
]

_ARCHIVE_SUFFIX: Final = ".tar.gz"
_GZIP_BUFFER: Final = 256 * 1024
_ARCHIVING: Final = dt.timedelta(hours=1)  # from the start of a cleanup to its last log's claim
_MOST_ATTRIBUTES: Final = 64 * 1024  # of a file in an archive: its long name, and the like
_NO_FOLDER: Final = ". Name the folder that the syncs log to, with --log-dir or CANVAS_SYNC_LOG_DIR"
_WIDEST_GAP: Final = 1000  # what comes after a wider one has a date or the like for a number
_LOOKS: Final = 100  # one does, unless files are rotated as fast as they are opened
_DAMAGE: Final[tuple[type[Exception], ...]] = (
    IsalError,  # type: ignore[assignment]  # isal's stub calls it a value
    EOFError,
    tarfile.TarError,
    OSError,
)


class LogFolderError(CanvasSyncMonitorError):
    """The folder of the logs is not there or cannot be read."""


class LogStream(Protocol):
    """What a part is read from."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Read into the buffer, and tell how many bytes; 0 at the end."""


@dataclass(frozen=True, slots=True)
class LogSource:
    """A file with lines of one log; may be sent to another process.

    Attributes:
        log: Which log.
        path: Where it was found. A file that is rotated is found again under its new name.
        identity: Device and inode.
        size: How many of its bytes count: those it had, or those that were claimed.
        is_live: Whether it was the live file, whose last line may be half written.
        archived_at: When the cleanup began that made the archive. None for other files.
    """

    log: Log
    path: Path
    identity: Identity
    size: int
    is_live: bool = False
    archived_at: dt.datetime | None = None

    @property
    def is_archive(self) -> bool:
        """Whether it is a tar.gz with files inside."""
        return self.archived_at is not None

    @property
    def no_line_after(self) -> dt.datetime | None:
        """A moment that no line of an archive is newer than; None when none is known."""
        return self.archived_at and shifted(self.archived_at, _ARCHIVING)


@dataclass(frozen=True, slots=True)
class LogPart:
    """One file of a source: itself, or a file inside an archive.

    Attributes:
        name: What to call it in a message.
        stream: Its bytes; those of an archive can be read once and in order only.
        size: How many bytes to read.
    """

    name: str
    stream: LogStream
    size: int


def shifted(moment: dt.datetime, by: dt.timedelta) -> dt.datetime | None:
    """Return a moment that much later; None, that is no bound, beyond all years."""
    try:
        return moment + by
    except OverflowError:
        return None


def sources(log_dir: Path, archive_dir: Path) -> list[LogSource]:
    """List the files with lines, log by log and each log's oldest first.

    Args:
        log_dir: Folder of the logs.
        archive_dir: Folder of the archives; may be missing.

    Raises:
        LogFolderError: A folder is not there or cannot be read.
    """
    try:
        in_folder = {log: _plain_sources(log_dir, log) for log in Log}
        archived = [
            LogSource(
                each.log,
                each.path,
                _identity(each.path.stat()),
                each.size,
                archived_at=each.time,
            )
            for each in archives(archive_dir)
        ]
    except OSError as error:
        raise _folder_error(log_dir, error) from error
    safe = {source.path.name.removesuffix(_ARCHIVE_SUFFIX) for source in archived}
    found = []
    for log, plain in in_folder.items():
        found += [source for source in archived if source.log == log]
        found += [source for source in plain if source.path.parent.name not in safe]
    return found


def require_log_folder(log_dir: Path) -> None:
    """Look whether the folder of the logs is one that can be read.

    Raises:
        LogFolderError: It is not.
    """
    try:
        os.scandir(log_dir).close()
    except OSError as error:
        raise _folder_error(log_dir, error) from error


def _folder_error(log_dir: Path, error: OSError) -> LogFolderError:
    is_no_folder = isinstance(error, FileNotFoundError | NotADirectoryError)
    hint = _NO_FOLDER if is_no_folder else ""
    return LogFolderError(f"{error.filename or log_dir}: {error.strerror}{hint}")


def parts(source: LogSource, *, start: int = 0) -> Iterator[LogPart]:
    """Open a source and give its files, oldest first; each is read before the next is asked for.

    Args:
        source: Any source.
        start: Offset at which the stream of one that is no archive begins.

    Raises:
        ArchiveDamagedError: An archive cannot be read on, here or while a part is read, or has a
            file in it that does not belong there.
        OSError: The file cannot be read, or is gone.
    """
    if source.is_archive:
        yield from _archive_parts(source)
        return
    with open_plain(source) as raw:
        raw.seek(start)
        name = source.path.name.rpartition("@")[0] or source.path.name
        yield LogPart(name, raw, source.size)


def _plain_sources(log_dir: Path, log: Log) -> list[LogSource]:
    """List the files of one log, oldest first; met first is the live file."""
    live = log_dir / f"{log.value}.log"
    met: dict[Identity, LogSource] = {}
    for path in _names(live):
        _meet(met, log, path, is_live=path == live)
    for claim in reversed(claims(log_dir, log)):
        with suppress(FileNotFoundError):  # archived a moment ago
            for member in reversed(claimed_members(claim)):
                _meet(met, log, member.path, size=member.length)
    return list(reversed(met.values()))


def _names(live: Path) -> Iterator[Path]:
    """Give the names of a log's files, newest first, until no file has a higher number.

    Names that no file has are among them: a rotation may move one there meanwhile. Whoever left
    them out would pass by a file, or meet it after older ones.
    """
    number = 0
    while higher := [each for each in log_numbers(live) if each >= number]:
        for each in higher:
            start = number if each - number < _WIDEST_GAP else each
            yield from (log_file(live, between) for between in range(start, each + 1))
            number = each + 1


def _meet(
    met: dict[Identity, LogSource],
    log: Log,
    path: Path,
    *,
    size: int | None = None,
    is_live: bool = False,
) -> None:
    try:
        found = path.stat()
    except FileNotFoundError:  # moved on: it is met again further down
        return
    identity = _identity(found)
    source = LogSource(log, path, identity, found.st_size if size is None else size, is_live)
    # Met again it has moved on: it is older than all that was met in between.
    met[identity] = met.pop(identity, source)


def _identity(found: os.stat_result) -> Identity:
    return found.st_dev, found.st_ino


def open_plain(source: LogSource) -> io.FileIO:
    """Open a file that is no archive, wherever a rotation or a cleanup has moved it.

    Raises:
        OSError: It cannot be read, or is gone.
    """
    folder = source.path.parent
    log_dir = folder.parent.parent if "@" in source.path.name else folder
    path: Path | None = source.path
    for _ in range(_LOOKS):
        if path is None:
            break
        with suppress(FileNotFoundError):
            raw = io.FileIO(path)
            if _identity(os.fstat(raw.fileno())) == source.identity:
                return raw
            raw.close()
        path = next(
            (found.path for found in _plain_sources(log_dir, source.log) if _same(found, source)),
            None,
        )
    raise FileNotFoundError(errno.ENOENT, "moved into an archive, or removed", str(source.path))


def _same(found: LogSource, source: LogSource) -> bool:
    return found.identity == source.identity


class _ArchiveStream:
    """A file in an archive; what goes wrong is told as damage."""

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


class _Entry(tarfile.TarInfo):
    """An entry that is a plain file, or small: tarfile reads the others into memory, whole."""

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
    stem, _, number = name.partition(".log")
    return stem == log.value and (not number or number[1:].isdecimal())


def _damaged(path: Path, error: BaseException) -> ArchiveDamagedError:
    return ArchiveDamagedError(f"{path.name} is damaged: {error}")
