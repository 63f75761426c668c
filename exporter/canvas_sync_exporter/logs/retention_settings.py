"""The cleanup's retention settings, and which archives are too old."""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import dataclass
from pathlib import Path

from canvas_sync_exporter.settings import Configuration, configuration

from .archive import Archive, archives

__all__ = ["RetentionSettings", "make_retention_settings", "old_archives"]


@dataclass(frozen=True, slots=True)
class RetentionSettings:
    """The cleanup's retention settings.

    Attributes:
        log_dir: Folder of the logs.
        archive_dir: Folder of the archives.
        control_dir: Folder of the logs' control pages, as used by the writers.
        archive_days: Age in days after which archives are deleted.
        keep_lines: Number of newest lines that stay in a live log.
        max_live_bytes: A live log up to this size is left as it is.
        zone: Time zone of the times in human-readable lines.
    """

    log_dir: Path
    archive_dir: Path
    control_dir: Path
    archive_days: int = 30
    keep_lines: int = 10_000
    max_live_bytes: int = 10 * 1024 * 1024
    zone: dt.tzinfo = dt.UTC


def make_retention_settings(config: Configuration | None = None) -> RetentionSettings:
    """Return the retention settings.

    Args:
        config: The settings; by default from the environment.

    Raises:
        SettingsError: A setting of the environment cannot be used.
    """
    config = config or configuration(os.environ)
    return RetentionSettings(
        log_dir=config.app.log_dir,
        archive_dir=config.archive_folder,
        control_dir=config.app.control_folder,
        archive_days=config.exporter.archive_days,
        keep_lines=config.exporter.keep_lines,
        max_live_bytes=config.exporter.max_live_bytes,
        zone=config.app.timezone,
    )


def old_archives(settings: RetentionSettings, now: dt.datetime) -> list[Archive]:
    """List the archives that are too old, oldest first."""
    oldest = now - dt.timedelta(days=settings.archive_days)
    return [archive for archive in archives(settings.archive_dir) if archive.time < oldest]
