"""``canvas-sync-monitor demo``: a simulated Canvas and real syncs."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path
from typing import Any

from canvas_sync_core.errors import CanvasSyncMonitorError

from .options import add_command, port

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Any) -> None:
    """Add the command to a command line."""
    parser = add_command(subparsers, "demo", run)
    parser.add_argument("--once", action="store_true", help="end after the first round")
    parser.add_argument(
        "--data-dir", type=Path, metavar="FOLDER", help="folder for everything that the demo writes"
    )
    parser.add_argument("--port", type=port, metavar="PORT", help="port of the exporter")
    parser.add_argument("--seed", type=int, metavar="N", help="seed of the simulated Canvas")
    parser.add_argument(
        "--canvas-url", metavar="URL", help="a real Canvas instead of the simulated one"
    )
    parser.add_argument(
        "--token-file", type=Path, metavar="FILE", help="file with the token for that Canvas"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the demo.

    Returns:
        The exit code.

    Raises:
        CanvasSyncMonitorError: The demo is not installed, or cannot be run.
    """
    try:
        from canvas_sync_demo.run import DemoOptions, run_demo  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise CanvasSyncMonitorError(
            f"the demo needs {error.name}: pip install 'canvas-sync-monitor[demo]'"
        ) from error
    chosen = {field.name: getattr(arguments, field.name) for field in fields(DemoOptions)}
    return run_demo(DemoOptions(**{name: v for name, v in chosen.items() if v is not None}))
