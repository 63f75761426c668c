"""``canvas-sync-monitor export``: writes parts of the stack into a folder."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from canvas_sync_core.errors import SettingsError
from canvas_sync_exporter.export.customizing import Customization
from canvas_sync_exporter.export.parts import PARTS, Part
from canvas_sync_exporter.export.writing import write

from .export_options import EXPORT_OPTIONS, Pair
from .options import add_command, add_group

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Any) -> None:
    """Add the commands to a command line."""
    group = add_group(subparsers, "export")
    for name, part in PARTS.items():
        parser = add_command(group, name, run, f"write {part.text}")
        parser.set_defaults(part=part)
        parser.add_argument(
            "folder", type=_folder, metavar="DIR", help="where to write; created if missing"
        )
        parser.add_argument(
            "--force", action="store_true", help="overwrite files with different content"
        )
        for option in part.options:
            words, arguments = EXPORT_OPTIONS[option]
            parser.add_argument(words, dest=option, default=argparse.SUPPRESS, **arguments)


def _folder(raw: str) -> Path:
    """Read the name of a folder; an empty one is probably a variable that is not set."""
    if not raw:
        raise argparse.ArgumentTypeError("name a folder; . is the current one")
    return Path(raw)


def run(arguments: argparse.Namespace) -> int:
    """Write a part of the stack.

    Returns:
        The exit code.

    Raises:
        SettingsError: Two options contradict each other.
        ExportError: Files that the user has changed would be overwritten.
        OSError: A file cannot be written.
    """
    part: Part = arguments.part
    chosen = {name: getattr(arguments, name) for name in part.options if name in arguments}
    for name in ("alert_labels", "datasources", "object_labels"):
        if name in chosen:
            chosen[name] = _mapping(EXPORT_OPTIONS[name][0], chosen[name])
    outcomes = write(arguments.folder, part.files(Customization(**chosen)), force=arguments.force)
    for outcome in outcomes:
        print(f"{'wrote' if outcome.is_written else 'unchanged'} {outcome.path}")
    return 0


def _mapping(option: str, pairs: list[Pair]) -> dict[str, str]:
    """Collect the pairs of a repeated option.

    Raises:
        SettingsError: A name has two values.
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        raise SettingsError(f"{option} gives the same name twice. Give each name one value.")
    return found
