"""Lists the files that contain log lines: live files, backups, staged files, archives.

Other processes write, rotate and archive meanwhile. But a line only ever moves in one direction:
from the live file through the backups and ``archiving/`` into an archive. Files are listed in the
same direction, and a file that was seen before is not listed again. So none is missed and none is
listed twice. Files that another program rotated or compressed are sorted in by the time at which
they were last written.
"""

from __future__ import annotations

import datetime as dt
import errno
import io
import math
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from heapq import merge
from itertools import accumulate
from operator import itemgetter
from pathlib import Path
from typing import Final

from canvas_sync_core.errors import CanvasSyncMonitorError
from canvas_sync_core.files.identity import Identity, status_identity
from canvas_sync_core.files.log_names import (
    ARCHIVE_SUFFIX,
    FileKind,
    live_name,
    may_follow,
    regular_names,
)
from canvas_sync_core.logs.rotation import log_file, log_numbers
from canvas_sync_core.names import Log

from .archive import Archive, archives
from .staging import staged_members, staging_folders

__all__ = [
    "LogFolderError",
    "LogSource",
    "archive_source",
    "open_plain",
    "require_log_folder",
    "shifted",
    "sources",
]

_ARCHIVING: Final = dt.timedelta(
    hours=1
)  # from the start of a cleanup until it stages its last log
_NO_FOLDER: Final = ". Name the folder that the syncs log to, with --log-dir or CANVAS_SYNC_LOG_DIR"
_WIDEST_GAP: Final = 1000  # a number after a wider gap is not ours, but perhaps a date
_ATTEMPTS: Final = 100  # one is enough unless files are rotated as fast as they are opened


class LogFolderError(CanvasSyncMonitorError):
    """The folder of the logs is missing or cannot be read."""


@dataclass(frozen=True, slots=True)
class LogSource:
    """A file with lines of one log; it can be pickled for another process.

    Attributes:
        log: Which log.
        path: Where it was found; :func:`open_plain` finds it again if it has moved since.
        identity: Device and inode.
        size: How many of its bytes count: its size when it was listed, or the staged length.
        is_live: Whether it was the live file, whose last line may be incomplete.
        archived_at: For an archive, when its cleanup began; for a file that another program
            compressed, when it was last written. None for other files.
        modified_at: When it was last written, in seconds since the Unix epoch.
    """

    log: Log
    path: Path
    identity: Identity
    size: int
    is_live: bool = False
    archived_at: dt.datetime | None = None
    modified_at: float = 0.0

    @property
    def is_archive(self) -> bool:
        """Whether it has to be unpacked, from its beginning: an archive or a compressed file."""
        return self.archived_at is not None

    @property
    def has_members(self) -> bool:
        """Whether it is an archive of the cleanup, with files inside."""
        return self.is_archive and self.path.name.endswith(ARCHIVE_SUFFIX)

    @property
    def no_line_after(self) -> dt.datetime | None:
        """A time after which no line of an archive was written; None if unknown."""
        return self.archived_at and shifted(self.archived_at, _ARCHIVING)


def shifted(moment: dt.datetime, by: dt.timedelta) -> dt.datetime | None:
    """Return a time that much later; None, which means no bound, if that is after year 9999."""
    try:
        return moment + by
    except OverflowError:
        return None


def sources(log_dir: Path, archive_dir: Path) -> list[LogSource]:
    """List the files with lines, log by log, the oldest of each log first.

    Args:
        log_dir: Folder of the logs.
        archive_dir: Folder of the archives; may be missing.

    Raises:
        LogFolderError: A folder is missing or cannot be read.
    """
    try:
        in_folder = {log: _plain_sources(log_dir, log) for log in Log}
        archived = [archive_source(each) for each in archives(archive_dir)]
    except OSError as error:
        raise _folder_error(log_dir, error) from error
    safe = {source.path.name.removesuffix(ARCHIVE_SUFFIX) for source in archived}
    found = []
    for log, plain in in_folder.items():
        ours = [source for source in archived if source.log == log]
        ours += [source for source in plain if source.path.parent.name not in safe]
        found += _in_order(ours, _rotated_sources(log_dir, log, ours))
    return found


def archive_source(archive: Archive) -> LogSource:
    """Return an archive as a file with lines.

    Raises:
        OSError: It is gone.
    """
    identity = status_identity(archive.path.stat())
    return LogSource(archive.log, archive.path, identity, archive.size, archived_at=archive.time)


def _in_order(ours: list[LogSource], rotated: list[LogSource]) -> list[LogSource]:
    """Put what another program rotated where it belongs among our own files, oldest first.

    Ours are in order; among them only the others go by the time at which they were last written.
    """
    newest = accumulate((_moment(source) for source in ours), max)
    keyed = zip(newest, ours, strict=True)
    others = [(source.modified_at, source) for source in rotated]
    return [source for _, source in merge(keyed, others, key=itemgetter(0))]


def _moment(source: LogSource) -> float:
    if source.archived_at is not None:
        return source.archived_at.timestamp()
    return math.inf if source.is_live else source.modified_at


def _rotated_sources(log_dir: Path, log: Log, met: Sequence[LogSource]) -> list[LogSource]:
    """List what another program rotated, and we have not met under another name, oldest first."""
    identities = {source.identity for source in met}
    found = []
    files = regular_names(live_name(log), log_dir)
    for file in sorted(files, key=lambda each: -each.number):  # in case of equal times
        if file.kind is FileKind.ROTATED and file.is_readable:
            path = log_dir / file.name
            with suppress(FileNotFoundError):  # moved on, or compressed, just now
                status = path.stat()
                if status_identity(status) not in identities:
                    is_packed = bool(file.compression)
                    found.append(_rotated_source(log, path, status, is_packed=is_packed))
    return sorted(found, key=lambda source: source.modified_at)


def _rotated_source(log: Log, path: Path, status: os.stat_result, *, is_packed: bool) -> LogSource:
    written = status.st_mtime
    return LogSource(
        log,
        path,
        status_identity(status),
        status.st_size,
        archived_at=dt.datetime.fromtimestamp(written, dt.UTC) if is_packed else None,
        modified_at=written,
    )


def require_log_folder(log_dir: Path) -> None:
    """Check that the folder of the logs can be read.

    Raises:
        LogFolderError: It cannot.
    """
    try:
        os.scandir(log_dir).close()
    except OSError as error:
        raise _folder_error(log_dir, error) from error


def _folder_error(log_dir: Path, error: OSError) -> LogFolderError:
    is_no_folder = isinstance(error, FileNotFoundError | NotADirectoryError)
    hint = _NO_FOLDER if is_no_folder else ""
    return LogFolderError(f"{error.filename or log_dir}: {error.strerror}{hint}")


def _plain_sources(log_dir: Path, log: Log) -> list[LogSource]:
    """List the files of one log, oldest first. They are looked up newest first: see the module."""
    live = log_dir / live_name(log)
    met: dict[Identity, LogSource] = {}
    for path in _names(live):
        _add_source(met, log, path, is_live=path == live)
    for folder in reversed(staging_folders(log_dir, log)):
        with suppress(FileNotFoundError):  # archived a moment ago
            for member in reversed(staged_members(folder)):
                _add_source(met, log, member.path, size=member.length)
    return list(reversed(met.values()))


def _names(live: Path) -> Iterator[Path]:
    """Yield the names of a log's files, newest first, until no file has a higher number.

    Names between them that are free at the moment are yielded too, because a rotation may move a
    file there meanwhile. Without them, a file could be missed, or seen after older ones.
    """
    number = 0
    while higher := [each for each in log_numbers(live) if each >= number]:
        for each in higher:
            start = number if each - number < _WIDEST_GAP else each
            yield from (log_file(live, between) for between in range(start, each + 1))
            number = each + 1


def _add_source(
    met: dict[Identity, LogSource],
    log: Log,
    path: Path,
    *,
    size: int | None = None,
    is_live: bool = False,
) -> None:
    try:
        found = path.stat()
    except FileNotFoundError:  # it has moved: it is seen again under its next name
        return
    except OSError as error:
        if error.errno != errno.ELOOP:  # a link to itself is not a file
            raise
        return
    if not stat.S_ISREG(found.st_mode) or not may_follow(path):
        return  # the name of a hole between two backups
    identity = status_identity(found)
    source = LogSource(
        log,
        path,
        identity,
        found.st_size if size is None else size,
        is_live,
        modified_at=found.st_mtime,
    )
    # A file that is seen again has moved, so it is older than all that were seen in between.
    met[identity] = met.pop(identity, source)


def open_plain(source: LogSource) -> io.FileIO:
    """Open a file that is not an archive, wherever a rotation or a cleanup has moved it.

    Raises:
        OSError: It cannot be read, or is gone.
    """
    folder = source.path.parent
    log_dir = folder.parent.parent if "@" in source.path.name else folder
    path: Path | None = source.path
    for _ in range(_ATTEMPTS):
        if path is None:
            break
        with suppress(FileNotFoundError):
            raw = io.FileIO(path)
            if status_identity(os.fstat(raw.fileno())) == source.identity:
                return raw
            raw.close()
        path = next(
            (found.path for found in _all_plain(log_dir, source.log) if _same(found, source)),
            None,
        )
    raise FileNotFoundError(errno.ENOENT, "moved into an archive, or removed", str(source.path))


def _all_plain(log_dir: Path, log: Log) -> list[LogSource]:
    ours = _plain_sources(log_dir, log)
    return ours + [each for each in _rotated_sources(log_dir, log, ours) if not each.is_archive]


def _same(found: LogSource, source: LogSource) -> bool:
    return found.identity == source.identity
