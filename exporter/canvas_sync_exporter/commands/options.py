"""What several commands share: how to add them, and common options."""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from canvas_sync_core.settings import time_zone

from . import COMMANDS, EXIT_CODES

__all__ = [
    "TIMES",
    "add_command",
    "add_group",
    "add_limit",
    "add_log_dir",
    "add_period",
    "add_time_zone",
    "moment",
    "number",
    "port",
    "user_id",
]

TIMES: Final = (
    "TIME is a date or a time in UTC (2025-12-22 or 2025-12-22T10:15:30Z), a time of day (03:00"
    " means the last one that has passed), or an age (24h or 7d)."
)
"""Explains the values of ``--since`` and ``--until``, for the end of a help text."""

CommandFunction = Callable[[argparse.Namespace], int]


def add_command(
    subparsers: Any,
    name: str,
    run: CommandFunction,
    text: str | None = None,
    *,
    more: str = "",
    epilog: str = "",
    exit_codes: str = EXIT_CODES,
) -> argparse.ArgumentParser:
    """Add a command to a command line or a group.

    Args:
        subparsers: Those of the command line or the group.
        name: The command.
        run: Runs it and returns the exit code.
        text: A one-line description, for a command of a group.
        more: Further sentences of its help.
        epilog: The end of its help, before the exit codes.
        exit_codes: The command's exit codes, if it has its own.
    """
    text = text or COMMANDS[name]
    parser: argparse.ArgumentParser = subparsers.add_parser(
        name,
        help=text,
        description=f"{text[0].upper()}{text[1:]}. {more}".rstrip(),
        epilog=f"{epilog} {exit_codes}".lstrip(),
    )
    parser.set_defaults(run=run)
    return parser


def add_group(subparsers: Any, name: str) -> Any:
    """Add a group of commands, and return what they are added to."""
    group = subparsers.add_parser(name, help=COMMANDS[name], epilog=EXIT_CODES)
    return group.add_subparsers(required=True, metavar="COMMAND")


def number(least: int, most: int) -> Callable[[str], int]:
    """Return an argument type for an integer within bounds.

    Returns:
        A function that raises argparse.ArgumentTypeError, with the bounds in its message.
    """

    def read(raw: str) -> int:
        if not raw.isdecimal() or not least <= int(raw) <= most:
            raise argparse.ArgumentTypeError(f"use a number from {least} to {most}")
        return int(raw)

    return read


user_id: Final = number(0, 2**63 - 1)
"""Argument type: the Canvas id of a user or a course."""

port: Final = number(0, 65535)
"""Argument type: a port; 0 means any free one."""


def add_limit(parser: argparse.ArgumentParser, things: str, *, default: int, most: int) -> None:
    """Add ``--limit`` to a command that lists things."""
    parser.add_argument(
        "--limit",
        type=number(1, most),
        default=default,
        metavar="N",
        help=f"maximum number of {things} ({default})",
    )


def add_time_zone(parser: argparse.ArgumentParser) -> None:
    """Add ``--tz`` to a command."""
    parser.add_argument(
        "--tz",
        type=_zone,
        metavar="ZONE",
        help="show times in this zone (CANVAS_SYNC_TIMEZONE)",
    )


def _zone(raw: str) -> dt.tzinfo:
    """Read an argument that is the name of a time zone.

    Raises:
        argparse.ArgumentTypeError: There is no such zone.
    """
    try:
        return time_zone(raw)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def add_log_dir(parser: argparse.ArgumentParser) -> None:
    """Add ``--log-dir`` to a command."""
    parser.add_argument(
        "--log-dir",
        type=Path,
        metavar="FOLDER",
        help="folder of the logs, with its archives in archive/ (CANVAS_SYNC_LOG_DIR)",
    )


def add_period(parser: argparse.ArgumentParser, *, since: str, until: str) -> None:
    """Add ``--since`` and ``--until`` to a command.

    Args:
        parser: The command's parser.
        since: Help text of ``--since``.
        until: Help text of ``--until``.
    """
    for option, text in (("--since", since), ("--until", until)):
        parser.add_argument(option, type=moment, action=_Bound, metavar="TIME", help=text)


class _Bound(argparse.Action):
    """Stores a bound of a period, after checking that the period is not empty."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        from canvas_sync_exporter.logs.time_parsing import check_period  # noqa: PLC0415 - needs the exporter extra

        setattr(namespace, self.dest, values)
        try:
            check_period(namespace.since, namespace.until)
        except ValueError as error:
            parser.error(f"argument --until: {error}")


def moment(raw: str) -> dt.datetime:
    """Argument type: a time or an age."""
    from canvas_sync_exporter.logs.time_parsing import parse_moment  # noqa: PLC0415 - needs the exporter extra

    try:
        return parse_moment(raw)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
