"""The option that says where the logs are."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from canvas_sync_exporter.settings import configuration

__all__ = ["add_log_dir", "log_folders"]


def add_log_dir(parser: argparse.ArgumentParser) -> None:
    """Add ``--log-dir`` to a command."""
    parser.add_argument(
        "--log-dir",
        type=Path,
        metavar="FOLDER",
        help="folder of the logs, its archives in archive/ (CANVAS_SYNC_LOG_DIR)",
    )


def log_folders(arguments: argparse.Namespace) -> tuple[Path, Path]:
    """Return the folders of the logs and of the archives.

    Raises:
        SettingsError: A setting of the environment cannot be used.
    """
    if arguments.log_dir is not None:
        return arguments.log_dir, arguments.log_dir / "archive"
    config = configuration(os.environ)
    return config.app.log_dir, config.archive_folder
