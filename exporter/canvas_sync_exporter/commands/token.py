"""``canvas-sync-monitor token``: access tokens of the exporter."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from canvas_sync_core.errors import SettingsError
from canvas_sync_exporter.web.auth import Scope, append_token, new_token

from .options import add_command, add_group

__all__ = ["add_parser", "run_new"]


def add_parser(subparsers: Any) -> None:
    """Add the commands to a command line."""
    group = add_group(subparsers, "token")
    parser = add_command(group, "new", run_new, "create an access token and show it once")
    parser.add_argument("--name", required=True, help="who will use it, such as prometheus")
    parser.add_argument(
        "--scope", required=True, choices=[each.value for each in Scope], help="what it may do"
    )
    parser.add_argument("--file", type=Path, help="add its line to this tokens file")


def run_new(arguments: argparse.Namespace) -> int:
    """Create a token.

    Returns:
        The exit code.

    Raises:
        SettingsError: The name cannot be used, or is taken.
        OSError: The file cannot be written.
    """
    try:
        secret, token = new_token(arguments.name, Scope(arguments.scope))
        if arguments.file is not None:
            append_token(arguments.file, token)
    except ValueError as error:
        raise SettingsError(str(error)) from error
    print(f"Token, shown this once: {secret}")
    where = f"Added to {arguments.file}" if arguments.file else "Line for the tokens file"
    print(f"{where}: {token.line()}")
    return 0
