"""Cleanups of small logs, and what is left of the lines then."""

from __future__ import annotations

import datetime as dt
import tarfile
from collections import Counter
from pathlib import Path

from canvas_sync_exporter.logs.archive import archives
from canvas_sync_exporter.logs.cleanup import RetentionSettings
from support.log_processes import line_of, lines_left

__all__ = ["LINE", "LOG", "NOW", "archived", "everywhere", "settings_for"]

NOW = dt.datetime(2025, 12, 22, 2, 0, 0, tzinfo=dt.UTC)
LOG = "errors.log"
LINE = len(line_of("a", 10))


def settings_for(folder: Path, *, keep_lines: int = 5) -> RetentionSettings:
    return RetentionSettings(
        log_dir=folder,
        archive_dir=folder / "archive",
        control_dir=folder / "control",
        keep_lines=keep_lines,
        max_live_bytes=8 * LINE,
    )


def archived(settings: RetentionSettings) -> Counter[bytes]:
    """Count each line in the archives, as the standard library reads them."""
    found: Counter[bytes] = Counter()
    for archive in archives(settings.archive_dir):
        with tarfile.open(archive.path, "r:gz") as tar:
            for entry in tar:
                content = tar.extractfile(entry)
                assert content is not None
                found.update(line for line in content.readlines() if line.strip())
    return found


def everywhere(settings: RetentionSettings) -> Counter[bytes]:
    return archived(settings) + lines_left(settings.log_dir, LOG)
