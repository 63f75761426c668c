"""Files with the name of a log or an archive that cannot be read as one."""

from __future__ import annotations

import os
from pathlib import Path

from canvas_sync_core.files.log_names import live_name, parse_name, reason_to_skip
from canvas_sync_core.names import Log

__all__ = ["irregular_files"]


def irregular_files(log_dir: Path, archive_dir: Path) -> list[str]:
    """Report what has the name of a log file but is skipped when lines are read.

    These are folders, FIFOs, devices, dangling links, links to files of other users, and files
    compressed in a way that we cannot read.

    Args:
        log_dir: Folder of the logs.
        archive_dir: Folder of the archives; may be missing.

    Raises:
        OSError: A folder cannot be read.
    """
    return [
        f"{name} is skipped: {reason}"
        for folder in dict.fromkeys((log_dir, archive_dir))
        if folder.is_dir()
        for name, reason in _skipped(folder)
    ]


def _skipped(folder: Path) -> list[tuple[str, str]]:
    with os.scandir(folder) as entries:
        return sorted(
            (entry.name, reason) for entry in entries if (reason := _reason_to_skip(entry))
        )


def _reason_to_skip(entry: os.DirEntry[str]) -> str | None:
    parsed = (parse_name(live_name(log), entry.name) for log in Log)
    file = next((each for each in parsed if each), None)
    if file is None:
        return None
    is_unreadable = None if file.is_readable else f"{file.compression} cannot be read"
    return reason_to_skip(entry) or is_unreadable
