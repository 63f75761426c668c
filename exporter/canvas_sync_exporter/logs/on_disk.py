"""The files of a log that are not in an archive, from directory entries only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from canvas_sync_core.files.identity import Identity, status_identity
from canvas_sync_core.files.log_names import FileKind, live_name, regular_names
from canvas_sync_core.names import Log

from .staging import staged_members, staging_folders

__all__ = ["FileOnDisk", "files_on_disk"]


@dataclass(frozen=True, slots=True)
class FileOnDisk:
    """A file of a log.

    Attributes:
        path: Where it is.
        bytes: Its size.
        is_live: Whether it is the live file.
        is_compressed: Whether it has to be decompressed.
    """

    path: Path
    bytes: int
    is_live: bool
    is_compressed: bool


def files_on_disk(log_dir: Path, log: Log) -> list[FileOnDisk]:
    """List the live file, backups, files rotated by other programs, and files being archived.

    A file with two names, such as a link, is listed once; a file moved meanwhile may be missed.

    Args:
        log_dir: Folder of the logs; may be missing.
        log: Which log.

    Raises:
        OSError: The folder exists but cannot be read.
    """
    if not log_dir.is_dir():
        return []
    found: dict[Identity, FileOnDisk] = {}
    for path, is_live, is_compressed in _paths(log_dir, log):
        with suppress(FileNotFoundError):
            status = path.stat()
            file = FileOnDisk(path, status.st_size, is_live, is_compressed)
            found.setdefault(status_identity(status), file)
    return list(found.values())


def _paths(log_dir: Path, log: Log) -> Iterator[tuple[Path, bool, bool]]:
    for file in regular_names(live_name(log), log_dir):
        if file.kind is not FileKind.ARCHIVE:
            is_live = file.kind is FileKind.LIVE
            yield log_dir / file.name, is_live, bool(file.compression)
    for folder in staging_folders(log_dir, log):
        with suppress(FileNotFoundError):  # just archived
            for member in staged_members(folder):
                yield member.path, False, False
