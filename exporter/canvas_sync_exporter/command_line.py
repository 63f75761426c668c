"""The command line: parse, call, print.

Exit codes: 0 success, 1 failure, 2 wrong usage or settings, 130 interrupted by Ctrl-C. For
``serve``, Ctrl-C and SIGTERM are the normal way to stop, so it returns 0.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from importlib import import_module

from canvas_sync_core.errors import CanvasSyncMonitorError, SettingsError
from canvas_sync_core.names import DISTRIBUTION
from canvas_sync_core.version import VERSION

from .commands import COMMANDS, EXIT_CODES, FAILED, INTERRUPTED, USAGE
from .reasons import reason

__all__ = ["execute", "make_parser", "missing_package", "parse"]

_SAME_USER = "Run it as the user of the syncs: it reads and writes the files that they write."


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Read the arguments.

    Raises:
        SystemExit: They are invalid, or ask for help; the message has been printed.
        ImportError: A package that the command needs is not installed.
    """
    parser = make_parser(words[:1])
    arguments, unknown = parser.parse_known_args(words)
    if unknown:
        refuse = getattr(arguments, "refuse", parser.error)  # a command has its own exit code
        refuse(f"unrecognized arguments: {' '.join(unknown)}")
    return arguments


def execute(arguments: argparse.Namespace) -> int:
    """Run the command.

    Returns:
        The exit code.

    Raises:
        ImportError: A package that the command needs is not installed.
    """
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL)  # jobs log failures once
    try:
        code: int = arguments.run(arguments)
    except SettingsError as error:
        return _complain(str(error), USAGE)
    except CanvasSyncMonitorError as error:
        return _complain(str(error) + _hint(error.__cause__), FAILED)
    except OSError as error:
        return _complain(reason(error) + _hint(error), FAILED)
    except KeyboardInterrupt:
        return INTERRUPTED
    return code


def missing_package(words: Sequence[str], error: ImportError) -> int:
    """Print which extra installs a package that cannot be imported.

    Args:
        words: The command and its arguments.
        error: What the import raised.

    Returns:
        The exit code.

    Raises:
        ImportError: The module is our own, which no extra installs.
    """
    package = (error.name or "").partition(".")[0]
    if package.startswith("canvas_sync_"):
        raise error
    extra = "demo" if words[:1] == ["demo"] else "exporter"
    return _complain(
        f"{' '.join(words[:1])} needs the package {package}, which cannot be imported: {error}. "
        f"Install what belongs to it: pip install '{DISTRIBUTION}[{extra}]'",
        FAILED,
    )


def _hint(error: BaseException | None) -> str:
    is_of_a_file = isinstance(error, PermissionError) and error.filename
    return f". {_SAME_USER}" if is_of_a_file else ""


def _complain(message: str, code: int) -> int:
    print(f"{DISTRIBUTION}: {message}", file=sys.stderr)
    return code


def make_parser(wanted: Sequence[str] = tuple(COMMANDS)) -> argparse.ArgumentParser:
    """Build the parser of the command line.

    Args:
        wanted: The commands to parse. If there are any, it knows no others; if there are none, it
            knows the names of all.
    """
    parser = argparse.ArgumentParser(
        DISTRIBUTION, description="Makes every Canvas sync visible.", epilog=EXIT_CODES
    )
    parser.add_argument("--version", action="version", version=VERSION)
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    commands = [name for name in wanted if name in COMMANDS]
    for name in commands:
        import_module(f".commands.{name}", __package__).add_parser(subparsers)
    if not commands:
        for name, text in COMMANDS.items():
            subparsers.add_parser(name, help=text)
    return parser
