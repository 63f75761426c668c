"""Options that several commands have."""

from __future__ import annotations

import argparse
import datetime as dt
import os
from pathlib import Path

from canvas_sync_exporter.logs.moments import parse_moment
from canvas_sync_exporter.settings import configuration

__all__ = ["add_log_dir", "log_folders", "moment"]


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


def moment(raw: str) -> dt.datetime:
    """Read a moment or an age, as the type of an argument.

    Raises:
        argparse.ArgumentTypeError: It is neither; the message says what would be.
    """
    try:
        return parse_moment(raw)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
