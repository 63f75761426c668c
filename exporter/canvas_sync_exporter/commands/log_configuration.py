"""The settings of a command with the option ``--log-dir``."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping

from canvas_sync_exporter.settings import Configuration, configuration

__all__ = ["log_configuration"]


def log_configuration(
    arguments: argparse.Namespace,
    read: Callable[[Mapping[str, str]], Configuration] = configuration,
) -> Configuration:
    """Read the settings, with the folder of ``--log-dir`` and its archives if that was given.

    Args:
        arguments: Those of the command.
        read: Reads them from the environment.

    Raises:
        SettingsError: A setting of the environment cannot be used.
    """
    environ = dict(os.environ)
    if arguments.log_dir is not None:
        environ["CANVAS_SYNC_LOG_DIR"] = str(arguments.log_dir)
        environ.pop("CANVAS_SYNC_ARCHIVE_DIR", None)
    return read(environ)
