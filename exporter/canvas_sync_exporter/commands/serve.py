"""``canvas-sync-monitor serve``: the exporter."""

from __future__ import annotations

import argparse
import os
from typing import Any

from canvas_sync_exporter.serve import serve
from canvas_sync_exporter.settings import full_configuration

from .options import add_command, port
from .storage_failures import storage_failures

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Any) -> None:
    """Add the command to a command line."""
    parser = add_command(subparsers, "serve", run)
    parser.add_argument("--host", help="address to listen on (CANVAS_SYNC_EXPORTER_HOST)")
    parser.add_argument("--port", type=port, help="port to listen on (CANVAS_SYNC_EXPORTER_PORT)")


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C or SIGTERM; SIGHUP reloads tokens and settings.

    Returns:
        The exit code.

    Raises:
        CanvasSyncMonitorError: A setting is wrong, or the database cannot be used.
        OSError: The address cannot be used.
    """
    given = {"host": arguments.host, "port": arguments.port}
    with storage_failures():
        serve(lambda: full_configuration(os.environ, **given))
    return 0
