"""Checks of folders and files: whether they are writable, where they are, who can read them."""

from __future__ import annotations

import shutil
import stat
import tempfile
from pathlib import Path
from typing import Final

from canvas_sync_core.files.regular_file import read_regular_file
from canvas_sync_core.logs.filesystem import network_filesystem_warning
from canvas_sync_core.wording import counted
from canvas_sync_exporter.formatting import format_size
from canvas_sync_exporter.logs.irregular_files import irregular_files
from canvas_sync_exporter.reasons import reason
from canvas_sync_exporter.web.auth import parse_tokens

from .finding import Finding

__all__ = [
    "disk_space",
    "local_disk",
    "log_files",
    "private_file",
    "tokens",
    "waiting_files",
    "writable",
]

_LITTLE_DISK: Final = 200 * 1024 * 1024
_NO_DISK: Final = 20 * 1024 * 1024
_MANY_FILES: Final = 1000
"""With this many metric files, a scrape takes seconds."""

_SAME_USER: Final = "run the syncs, the exporter and this command as the same user"


def writable(folder: Path) -> Finding:
    """Check whether files can be created in a folder, or the folder itself if it is missing."""
    place = _existing(folder)
    if not place.is_dir():
        return Finding.failed(
            f"{place} is not a folder.", f"Remove it, or choose another than {folder}."
        )
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        return Finding.failed(
            f"{place} cannot be written: {reason(error)}.", f"Make it writable, or {_SAME_USER}."
        )
    if place != folder.absolute():
        return Finding.ok(f"{folder.absolute()} will be created by the first sync.")
    return Finding.ok(f"{folder.absolute()} can be written.")


def log_files(folder: Path, archives: Path) -> Finding:
    """Check whether everything that is named like a log or an archive is read as one."""
    skipped = irregular_files(folder, archives)
    if skipped:
        return Finding.warning(f"{'; '.join(skipped)}.", "Move it elsewhere.")
    return Finding.ok(f"No log file in {folder.absolute()} is skipped.")


def local_disk(folder: Path) -> Finding:
    """Check whether a folder is on a local file system."""
    if warning := network_filesystem_warning(folder):
        message, _, remedy = warning.rpartition(" Point ")
        return Finding.warning(message, f"Point {remedy}")
    return Finding.ok(f"{folder.absolute()} is on a local file system.")


def disk_space(folder: Path) -> Finding:
    """Check the free space on the disk of a folder."""
    free = shutil.disk_usage(_existing(folder)).free
    message = f"{format_size(free)} are free for {folder.absolute()}."
    if free >= _LITTLE_DISK:
        return Finding.ok(message)
    remedy = "Free space: run `canvas-sync-monitor cleanup`, or lower CANVAS_SYNC_ARCHIVE_DAYS."
    return (Finding.failed if free < _NO_DISK else Finding.warning)(message, remedy)


def waiting_files(folder: Path) -> Finding:
    """Check whether an exporter folds the metric files of dead processes."""
    count = sum(1 for _ in folder.glob("*.db")) if folder.is_dir() else 0
    verb = "is" if count == 1 else "are"
    message = f"There {verb} {counted(count, 'metric file')} in {folder.absolute()}."
    if count <= _MANY_FILES:
        return Finding.ok(message)
    return Finding.warning(
        message, "Run one exporter with the same settings: `canvas-sync-monitor serve`."
    )


def tokens(file: Path) -> Finding:
    """Check whether the file with the access tokens is usable, and readable only by its owner."""
    found = private_file(file)
    try:
        count = len(parse_tokens(read_regular_file(file).text))
    except (OSError, ValueError) as error:
        return Finding.failed(
            f"{file} cannot be used: {reason(error)}.",
            "Create a token: `canvas-sync-monitor token new --name NAME --scope SCOPE --file "
            f"{file}`.",
        )
    if found.remedy:
        return found
    return Finding.ok(
        f"{file} holds {counted(count, 'access token')}, and only its owner can read it."
    )


def private_file(file: Path) -> Finding:
    """Check whether only the owner can read a file with a secret."""
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
    except OSError as error:
        return Finding.failed(
            f"{file} cannot be read: {reason(error)}.", f"Create it, or {_SAME_USER}."
        )
    remedy = f"chmod 600 {file}"
    if mode & 0o026:  # to write for the group and others, to read for others
        return Finding.failed(f"{file} is open to others (mode {mode:04o}).", remedy)
    if mode & 0o040:
        return Finding.warning(f"{file} can be read by its group (mode {mode:04o}).", remedy)
    return Finding.ok(f"{file} can be read by its owner alone.")


def _existing(folder: Path) -> Path:
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    return place
