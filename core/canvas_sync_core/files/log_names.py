"""The names of a log's files. All code that lists a log folder uses this definition.

======================================  ======================================================
``operations.log``                      the live file
``operations.log.1``                    a backup: rotated by us, 1 is the newest
``operations.log.1.gz``,                rotated or compressed by another program, as logrotate
``operations.1.log.gz``,                does with ``compress``, ``extension`` and ``dateext``, or
``operations.log-20251222``,            Python's ``TimedRotatingFileHandler``; read, but never
``operations-20251222.log.gz``,         changed
``operations.log.2025-12-22``
``operations-20251222T020000Z.tar.gz``  an archive of the cleanup
======================================  ======================================================

Only a regular file counts, or a link to one: opening a FIFO would block forever. A link counts only
if it cannot lead us to a file that the user who made it may not read.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import stat
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Final

import msgspec

from canvas_sync_core.names import Log

__all__ = [
    "ARCHIVE_SUFFIX",
    "ARCHIVE_TIME",
    "COMPRESSIONS",
    "FileKind",
    "LogFileName",
    "live_name",
    "may_follow",
    "parse_name",
    "reason_to_skip",
    "regular_names",
]

ARCHIVE_SUFFIX: Final = ".tar.gz"
ARCHIVE_TIME: Final = "%Y%m%dT%H%M%SZ"
COMPRESSIONS: Final = (".gz", ".bz2", ".xz")
"""Endings of compressed files that can be read."""

_OTHER_COMPRESSIONS: Final = (".zst", ".Z", ".lz4", ".lzma", ".zip")
_DATE: Final = r"(?:-[0-9]{4}[0-9-]{2,18}|\.[0-9]{4}-[0-9_-]{2,15})"
"""logrotate's ``dateformat`` is "-%Y%m%d" unless it is set; Python's handler has a dot."""
_EXTENSION: Final = "|".join(map(re.escape, (*COMPRESSIONS, *_OTHER_COMPRESSIONS)))


class FileKind(StrEnum):
    """The role of a file in its log."""

    LIVE = "live"
    BACKUP = "backup"
    ROTATED = "rotated"
    ARCHIVE = "archive"


class LogFileName(msgspec.Struct, frozen=True):
    """A parsed name of a log's file.

    Attributes:
        name: The name.
        kind: What the file is.
        number: Number of a backup, even if another program compressed it; 0 for others.
        time: When an archive was started.
        compression: Ending of a compressed file that is not an archive, such as ``.gz``.
    """

    name: str
    kind: FileKind
    number: int = 0
    time: dt.datetime | None = None
    compression: str = ""

    @property
    def is_readable(self) -> bool:
        """Whether it is uncompressed, or compressed in a format that we can read."""
        return not self.compression or self.compression in COMPRESSIONS


def live_name(log: Log) -> str:
    """Return the name of the live file of a log, such as ``operations.log``."""
    return f"{log.value}.log"


def parse_name(log_name: str, name: str) -> LogFileName | None:
    """Parse the name of a file; None if the file does not belong to the log.

    Args:
        log_name: Name of the live file, such as ``operations.log``.
        name: Any name.
    """
    if name == log_name:
        return LogFileName(name, FileKind.LIVE)
    stem = _stem(log_name)
    if not name.startswith(stem):  # nearly all names of a large folder end here
        return None
    if name.startswith(f"{stem}-") and name.endswith(ARCHIVE_SUFFIX):
        moment = _archive_time(name[len(stem) + 1 : -len(ARCHIVE_SUFFIX)])
        return LogFileName(name, FileKind.ARCHIVE, time=moment) if moment else None
    if match := _backup_pattern(log_name).fullmatch(name):
        return LogFileName(name, FileKind.BACKUP, int(match[1]))
    rotated = _rotated_pattern(log_name).fullmatch(name)
    if rotated is None:
        return None
    number, compression = (
        int(rotated["number"] or rotated["inner"] or 0),
        rotated["compression"] or "",
    )
    return LogFileName(name, FileKind.ROTATED, number, compression=compression)


@lru_cache(maxsize=64)
def _stem(log_name: str) -> str:
    return Path(log_name).stem


@lru_cache(maxsize=64)
def _backup_pattern(log_name: str) -> re.Pattern[str]:
    return re.compile(rf"{re.escape(log_name)}\.([1-9][0-9]*)")


@lru_cache(maxsize=64)
def _rotated_pattern(log_name: str) -> re.Pattern[str]:
    path = Path(log_name)
    name, stem, ending = map(re.escape, (log_name, path.stem, path.suffix))
    return re.compile(
        rf"(?:{name}\.(?P<number>[1-9][0-9]*)(?={_EXTENSION})"
        rf"|{stem}\.(?P<inner>[1-9][0-9]*){ending}"
        rf"|{name}{_DATE}|{stem}{_DATE}{ending})"
        rf"(?P<compression>{_EXTENSION})?"
    )


def _archive_time(text: str) -> dt.datetime | None:
    try:
        moment = dt.datetime.strptime(text, ARCHIVE_TIME).replace(tzinfo=dt.UTC)
    except ValueError:  # also a 13th month
        return None
    return moment if moment.strftime(ARCHIVE_TIME) == text else None  # strptime takes "1" for "01"


def regular_names(log_name: str, folder: Path) -> list[LogFileName]:
    """List the regular files of a log in a folder, as of a single point in time.

    A compressed file next to its original is left out: it is still being written.

    Raises:
        OSError: The folder cannot be read.
    """
    with os.scandir(folder) as entries:
        names = {entry.name for entry in entries if reason_to_skip(entry) is None}
    parsed = (parse_name(log_name, name) for name in sorted(names))
    return [
        each
        for each in parsed
        if each and not (each.compression and each.name.removesuffix(each.compression) in names)
    ]


def reason_to_skip(entry: os.DirEntry[str]) -> str | None:
    """Return why an entry of a folder cannot be a file of a log; None if it can."""
    try:
        is_file = entry.is_file()
    except OSError:  # a link to itself
        is_file = False
    if not is_file:
        return "it is not a regular file"
    if entry.is_symlink() and not may_follow(Path(entry.path)):
        return "it is another user's link to a file that does not belong to that user"
    return None


def may_follow(path: Path) -> bool:
    """Return whether a path is no symbolic link, or one that may be followed.

    Who may write to a log folder could otherwise have files archived that only we may read. So the
    link must have been made by root, by the user of this process, or by the owner of its target.
    """
    try:
        link = path.lstat()
        if not stat.S_ISLNK(link.st_mode):
            return True
        target = path.stat()
    except OSError:  # gone, or a link to itself
        return False
    return link.st_uid in {0, os.geteuid(), target.st_uid}
