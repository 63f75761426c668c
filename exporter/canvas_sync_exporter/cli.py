"""The command line ``canvas-sync-monitor``: parse, call, print.

Exit codes: 0 done, 1 failed, 2 wrong usage or settings, 130 interrupted by Ctrl-C. ``serve`` is
ended by Ctrl-C or SIGTERM as a matter of course and answers 0.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from canvas_sync_instrumentation.errors import CanvasSyncMonitorError, SettingsError
from canvas_sync_instrumentation.names import DISTRIBUTION, TABLE
from canvas_sync_instrumentation.storage.database import SCHEMA_VERSION, open_engine, upgrade

from .commands import analyze, search, tail
from .commands.progress_bar import ProgressBar
from .logs import CleanupPlan, plan_cleanup, retention_settings
from .serve import serve
from .settings import configuration
from .upkeep import Upkeep, reason
from .web.auth import Scope, append_token, new_token

__all__ = ["main"]

_FAILED, _USAGE, _INTERRUPTED = 1, 2, 130
_SAME_USER = "Run it as the user of the syncs: it reads and writes the files that they write."
_EPILOG = "exit codes: 0 done, 1 failed, 2 wrong usage or settings, 130 interrupted by Ctrl-C"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: The arguments without the program's name; those of this process when None.

    Returns:
        The exit code.
    """
    arguments = _parser().parse_args(argv)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL)  # jobs tell of failures once
    try:
        code: int = arguments.run(arguments)
    except SettingsError as error:
        return _complain(str(error), _USAGE)
    except CanvasSyncMonitorError as error:
        return _complain(str(error), _FAILED)
    except PermissionError as error:
        hint = f". {_SAME_USER}" if error.filename else ""  # a port has none
        return _complain(reason(error) + hint, _FAILED)
    except (OSError, SQLAlchemyError) as error:
        return _complain(reason(error), _FAILED)
    except KeyboardInterrupt:
        return _INTERRUPTED
    return code


def _complain(message: str, code: int) -> int:
    print(f"{DISTRIBUTION}: {message}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        DISTRIBUTION, description="Makes every Canvas sync visible.", epilog=_EPILOG
    )
    parser.add_argument("--version", action="version", version=version(DISTRIBUTION))
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_serve(commands)
    _add_cleanup(commands)
    database = _add_group(commands, "db", "the table")
    _add(database, "upgrade", _upgrade, f"create the table {TABLE}, or bring it to this version")
    _add_token(_add_group(commands, "token", "access tokens of the exporter"))
    analyze.add_parser(commands)
    search.add_parser(commands)
    tail.add_parser(commands)
    _add_demo(commands)
    return parser


def _add(commands: Any, name: str, run: Any, help_text: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(
        name, help=help_text, description=f"{help_text[0].upper()}{help_text[1:]}.", epilog=_EPILOG
    )
    command.set_defaults(run=run)
    return command


def _add_group(commands: Any, name: str, help_text: str) -> Any:
    group = commands.add_parser(name, help=help_text, epilog=_EPILOG)
    return group.add_subparsers(required=True, metavar="COMMAND")


def _add_serve(commands: Any) -> None:
    command = _add(commands, "serve", _serve, "serve /metrics and the REST API")
    command.add_argument("--host", help="address to listen on (CANVAS_SYNC_EXPORTER_HOST)")
    command.add_argument("--port", type=_port, help="its port (CANVAS_SYNC_EXPORTER_PORT)")


def _add_cleanup(commands: Any) -> None:
    command = _add(commands, "cleanup", _cleanup, "archive what the logs have rotated out, now")
    command.add_argument(
        "--dry-run", action="store_true", help="only tell what would be archived and deleted"
    )


def _add_token(commands: Any) -> None:
    command = _add(commands, "new", _new_token, "make an access token and show it, once")
    command.add_argument("--name", required=True, help="who will use it, such as prometheus")
    command.add_argument("--scope", required=True, choices=list(Scope), help="what it may do")
    command.add_argument("--file", type=Path, help="add its line to this tokens file")


def _add_demo(commands: Any) -> None:
    command = _add(commands, "demo", _demo, "run a simulated Canvas and real syncs, and show them")
    command.add_argument("--once", action="store_true", help="end after the first round")
    command.add_argument("--data-dir", type=Path, help="folder of everything the demo writes")
    command.add_argument("--port", type=_port, help="port of the exporter")
    command.add_argument("--seed", type=int, help="seed of the simulated Canvas")
    command.add_argument("--canvas-url", help="a real Canvas instead of the simulated one")
    command.add_argument("--token-file", type=Path, help="file with the token for that Canvas")


def _port(raw: str) -> int:
    if not raw.isdecimal() or not 0 <= int(raw) <= 65535:
        raise argparse.ArgumentTypeError("say a number from 0 to 65535")
    return int(raw)


def _serve(arguments: argparse.Namespace) -> int:
    serve(configuration(os.environ, host=arguments.host, port=arguments.port))
    return 0


def _upgrade(_arguments: argparse.Namespace) -> int:
    engine = open_engine(configuration(os.environ).app.resolved_database_url)
    upgrade(engine)
    print(f"The table {TABLE} has version {SCHEMA_VERSION} in {engine.url!r}.")
    return 0


def _new_token(arguments: argparse.Namespace) -> int:
    try:
        secret, token = new_token(arguments.name, Scope(arguments.scope))
        if arguments.file is not None:
            append_token(arguments.file, token)
    except ValueError as error:
        return _complain(str(error), _USAGE)
    print(f"Token, shown this once: {secret}")
    where = f"Added to {arguments.file}" if arguments.file else "Line for the tokens file"
    print(f"{where}: {token.line()}")
    return 0


def _cleanup(arguments: argparse.Namespace) -> int:
    config = configuration(os.environ)
    if arguments.dry_run:
        return _show_plan(plan_cleanup(retention_settings(config)))
    upkeep = Upkeep(config, open_engine(config.app.resolved_database_url))
    with ProgressBar(sys.stderr, "archiving") as bar:
        report = upkeep.clean_logs(bar.show)
    for log in report.logs:
        archives = ", ".join(log.archives) or ("nothing" if log.error else "nothing to archive")
        print(f"{log.log}: {archives} ({log.files} files, {log.bytes} bytes)")
        if log.error:
            print(f"{log.log}: not all could be archived: {log.error}")
    print(f"Deleted {len(report.archives_deleted)} old archives.")
    print(f"Freed {report.reclaimed_bytes} bytes.")
    return _FAILED if report.errors else 0


def _show_plan(plan: CleanupPlan) -> int:
    for log, files in plan.files.items():
        listed = ", ".join(f"{file.name} ({file.bytes} bytes)" for file in files)
        print(f"{log}: would archive {listed or 'nothing'}")
    for archive in plan.archives:
        print(f"Would delete {archive.name} ({archive.bytes} bytes).")
    print("Nothing was changed.")
    return 0


def _demo(arguments: argparse.Namespace) -> int:
    try:
        from canvas_sync_demo.run import DemoOptions, run_demo  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        return _complain(
            f"the demo needs {error.name}: pip install 'canvas-sync-monitor[demo]'", _FAILED
        )
    chosen = {field.name: getattr(arguments, field.name) for field in fields(DemoOptions)}
    return run_demo(DemoOptions(**{name: v for name, v in chosen.items() if v is not None}))


if __name__ == "__main__":
    sys.exit(main())
