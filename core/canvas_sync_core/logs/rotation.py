"""The files of one log: the live ``x.log``, and its backups, of which ``x.log.1`` is the newest."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from canvas_sync_core.files.log_names import FileKind, regular_names

from .control import ControlPage

__all__ = ["control_path", "log_file", "log_files", "log_numbers", "rotate"]


def control_path(control_dir: Path, log_path: Path) -> Path:
    """Return the control file of a log."""
    return control_dir / f"{log_path.name}.control"


def log_files(path: Path) -> list[Path]:
    """List the live file of a log and its backups, newest first.

    The names are from a single directory listing, so a file that is rotated meanwhile is listed
    under its old or its new name. Checking names one after the other could find it under neither.
    """
    return [log_file(path, number) for number in log_numbers(path)]


def log_numbers(path: Path) -> list[int]:
    """List the numbers of the files that :func:`log_files` lists; 0 is that of the log itself."""
    return sorted(
        file.number
        for file in regular_names(path.name, path.parent)
        if file.kind in (FileKind.LIVE, FileKind.BACKUP)
    )


def log_file(path: Path, number: int) -> Path:
    """Return the path of a backup; number 0 is the log itself."""
    return path.with_name(f"{path.name}.{number}") if number else path


def rotate(path: Path, backups: int, control: ControlPage) -> None:
    """Rename ``x.log`` to the first backup; the next writer creates a new ``x.log``.

    Call it under the control page's lock. Backups move up only as far as the first free number, so
    the next rotation fills a gap left by a killed one, and no backup is lost.

    A number is skipped if a folder has that name.

    Args:
        path: The log.
        backups: How many backups are kept; if all numbers are taken, the oldest backup is removed.
        control: The log's control page.

    Raises:
        OSError: A file cannot be renamed or removed, or folders have all the names.
    """
    backup_files = [log_file(path, number) for number in range(1, backups + 1)]
    backup_files = [file for file in backup_files if not file.is_dir()]
    if not backup_files:
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(log_file(path, 1)))
    control.next_generation()
    free = next((index for index, file in enumerate(backup_files) if not file.exists()), None)
    if free is None:
        free = len(backup_files) - 1
        backup_files[free].unlink()
    for index in range(free, 0, -1):
        backup_files[index - 1].rename(backup_files[index])
    path.rename(backup_files[0])
