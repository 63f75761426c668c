"""``canvas-sync-monitor pause``: expect no runs for a while."""

from __future__ import annotations

import argparse
import os
import pwd
import sys
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

from sqlalchemy import Engine

from canvas_sync_core.errors import SettingsError
from canvas_sync_core.files.sanitizing import escape_controls
from canvas_sync_core.store.database import check_schema, open_engine, upgrade
from canvas_sync_core.store.sync_types import known_sync_types
from canvas_sync_exporter.config_file.problems import did_you_mean
from canvas_sync_exporter.judge.pauses import active_pauses, add_pause, end_pause, new_pause
from canvas_sync_exporter.schedules.durations import parse_duration
from canvas_sync_exporter.settings import Configuration, configuration, full_configuration

from . import FAILED
from .expectation_text import describe_pause
from .options import add_command, number
from .storage_failures import storage_failures

__all__ = ["add_parser", "author", "run"]

_TIMES: Final = (
    "TIME is a date, which means midnight at its start, or a time, such as 2027-01-07 or "
    "2027-01-07T06:00, in the time zone CANVAS_SYNC_TIMEZONE, or a duration from now, such as 2h "
    "or 3d."
)


def add_parser(subparsers: Any) -> None:
    """Add the command to a command line."""
    parser = add_command(subparsers, "pause", run, epilog=_TIMES)
    parser.add_argument("sync_types", nargs="*", metavar="TYPE", help="sync types to pause")
    parser.add_argument("--all", action="store_true", help="pause all sync types")
    parser.add_argument("--until", metavar="TIME", help="when the pause ends")
    parser.add_argument("--from", dest="start", metavar="TIME", help="when it begins; default: now")
    parser.add_argument("--reason", help="why you pause, for anyone who asks later")
    parser.add_argument("--list", action="store_true", help="list active and upcoming pauses")
    parser.add_argument(
        "--end", type=number(1, 2**63 - 1), metavar="NUMBER", help="end the pause with this number"
    )


def run(arguments: argparse.Namespace) -> int:
    """Set, show or end pauses.

    Returns:
        The exit code.

    Raises:
        SettingsError: An argument or a setting is invalid.
        StorageError: The database cannot be used.
    """
    _check(arguments)
    now = datetime.now(UTC)
    config = (full_configuration if arguments.list else configuration)(os.environ)
    engine = open_engine(config.app.resolved_database_url)
    try:
        with storage_failures():
            (upgrade if config.embedded_database else check_schema)(engine)
            if arguments.list:
                return _list(config, engine, now)
            if arguments.end is not None:
                return _end(arguments.end, config, engine, now)
            return _set_pause(arguments, config, engine, now)
    finally:
        engine.dispose()


def author() -> str:
    """Return the user name; under sudo, that of the user who called it."""
    try:
        name = os.environ.get("SUDO_USER") or pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = f"uid {os.getuid()}"
    return escape_controls(name)


def _check(arguments: argparse.Namespace) -> None:
    others = arguments.sync_types or arguments.all or arguments.until or arguments.reason
    if arguments.list or arguments.end is not None:
        if others or arguments.start or (arguments.list and arguments.end is not None):
            raise SettingsError("Use --list or --end without other arguments.")
        return
    if bool(arguments.sync_types) == arguments.all:
        raise SettingsError("Name the sync types to pause, or write --all for all of them.")
    for option, value in (("--until", arguments.until), ("--reason", arguments.reason)):
        if not value:
            raise SettingsError(f"{option} is missing. {_TIMES if option == '--until' else ''}")


def _set_pause(
    arguments: argparse.Namespace, config: Configuration, engine: Engine, now: datetime
) -> int:
    zone = config.app.timezone
    end = _time("--until", arguments.until, zone, now)
    start = _time("--from", arguments.start, zone, now) if arguments.start else now
    try:
        pause = new_pause(arguments.sync_types, start, end, arguments.reason, author(), now=now)
    except ValueError as error:
        raise SettingsError(f"--{error}.".replace("--sync_types", "TYPE")) from None
    known = sorted(known_sync_types(engine))
    for name in sorted(pause.sync_types - set(known)):
        suggestion = did_you_mean(name, known)
        print(f"warning: There is no run of `{name}` so far{suggestion}", file=sys.stderr)
    print(f"Paused {describe_pause(add_pause(engine, pause, now=now), zone)}.")
    return 0


def _list(config: Configuration, engine: Engine, now: datetime) -> int:
    planned = [pause for pause in config.file.pauses if pause.end > now]
    pauses = sorted([*planned, *active_pauses(engine, now)], key=lambda pause: pause.start)
    for pause in pauses:
        print(describe_pause(pause, config.app.timezone))
    if not pauses:
        print("There are no active or upcoming pauses.")
    return 0


def _end(pause_id: int, config: Configuration, engine: Engine, now: datetime) -> int:
    pause = end_pause(engine, pause_id, author(), now=now)
    if pause is None:
        print(f"There is no active or upcoming pause {pause_id}: see --list.", file=sys.stderr)
        return FAILED
    print(f"Ended {describe_pause(pause, config.app.timezone)}.")
    return 0


def _time(option: str, text: str, zone: tzinfo, now: datetime) -> datetime:
    try:
        return now + parse_duration(text)
    except (ValueError, OverflowError):
        pass
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise SettingsError(f"{option}: {text!r} is not a time. {_TIMES}") from None
