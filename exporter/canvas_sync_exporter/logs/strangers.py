"""What has the name of a log or an archive, but is no file that could be one."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from canvas_sync_instrumentation.logfile.rotation import is_regular
from canvas_sync_instrumentation.names import Log

__all__ = ["strangers"]

_NAMES: Final = re.compile(
    r"({logs})(\.log(\.[0-9]+)?|-[0-9TZ]+\.tar\.gz)".format(logs="|".join(Log))
)


def strangers(log_dir: Path, archive_dir: Path) -> list[str]:
    """Tell of folders, FIFOs, devices and dangling links with the name of a log or an archive.

    They are passed over wherever lines are read or archived.

    Args:
        log_dir: Folder of the logs.
        archive_dir: Folder of the archives; may be missing.

    Raises:
        OSError: A folder cannot be read.
    """
    return [
        f"{name} is passed over: it is no regular file"
        for folder in dict.fromkeys((log_dir, archive_dir))
        if folder.is_dir()
        for name in _irregular(folder)
        if _NAMES.fullmatch(name)
    ]


def _irregular(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if not is_regular(entry))
