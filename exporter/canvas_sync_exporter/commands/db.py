"""``canvas-sync-monitor db``: creates, upgrades and downgrades the database tables."""

from __future__ import annotations

import argparse
import os
from typing import Any

from canvas_sync_core.names import TABLE
from canvas_sync_core.store.database import downgrade, open_engine, upgrade
from canvas_sync_core.store.schema_version import SCHEMA_VERSION
from canvas_sync_exporter.settings import configuration

from .options import add_command, add_group
from .storage_failures import storage_failures

__all__ = ["add_parser", "run_downgrade", "run_upgrade"]


def add_parser(subparsers: Any) -> None:
    """Add the commands to a command line."""
    group = add_group(subparsers, "db")
    text = f"create the table {TABLE}, or upgrade it to this version"
    add_command(group, "upgrade", run_upgrade, text)
    text = "undo newer migrations, so that an older canvas-sync-monitor can use the tables"
    parser = add_command(group, "downgrade", run_downgrade, text)
    parser.add_argument("version", metavar="VERSION", help="version to go back to, such as 0009")


def run_upgrade(_arguments: argparse.Namespace) -> int:
    """Create the table, or upgrade it to this version.

    Returns:
        The exit code.

    Raises:
        CanvasSyncMonitorError: A setting is wrong, or the database cannot be used.
    """
    engine = open_engine(configuration(os.environ).app.resolved_database_url)
    with storage_failures():
        upgrade(engine)
    print(f"The table {TABLE} has version {SCHEMA_VERSION} in {engine.url!r}.")
    return 0


def run_downgrade(arguments: argparse.Namespace) -> int:
    """Undo the migrations after a version.

    Returns:
        The exit code.

    Raises:
        CanvasSyncMonitorError: A setting is wrong, or the database cannot be used or downgraded.
    """
    engine = open_engine(configuration(os.environ).app.resolved_database_url)
    with storage_failures():
        downgrade(engine, arguments.version)
    print(
        f"The table {TABLE} has version {arguments.version} in {engine.url!r}. Install the older "
        "canvas-sync-monitor before a sync or the exporter starts; this one would upgrade it again."
    )
    return 0
