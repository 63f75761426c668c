"""``canvas-sync-monitor doctor``: checks the set-up of syncs and exporter."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, TextIO

import msgspec

from canvas_sync_core.logs import escape_controls
from canvas_sync_exporter.doctor import Finding, Status, examine

from . import FAILED
from .options import add_command
from .output import Painter, stop_if_output_closes

__all__ = ["add_parser", "run"]

_COLOURS: Final = {Status.OK: "\x1b[32m", Status.WARNING: "\x1b[33m", Status.FAILED: "\x1b[31m"}
_STATUS_WIDTH: Final = max(map(len, Status))
_NARROWEST: Final = 20


def add_parser(subparsers: Any) -> None:
    """Add the command to a command line."""
    parser = add_command(
        subparsers,
        "doctor",
        run,
        more="Run it as the user of the syncs, with the same environment. It changes nothing.",
        epilog="Warnings alone exit with 0.",
    )
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument(
        "--prometheus",
        metavar="URL",
        help="also check this Prometheus, such as http://127.0.0.1:9090",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the command.

    Returns:
        The exit code.
    """
    findings = examine(os.environ, arguments.prometheus)
    with stop_if_output_closes():
        if arguments.json:
            sys.stdout.write(_json(findings))
        else:
            _print(findings, sys.stdout)
    return FAILED if _worst(findings) is Status.FAILED else 0


def _worst(findings: Mapping[str, Finding]) -> Status:
    return max((finding.status for finding in findings.values()), key=list(Status).index)


def _json(findings: Mapping[str, Finding]) -> str:
    report = {"status": _worst(findings), "checks": findings}
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n"


def _print(findings: Mapping[str, Finding], out: TextIO) -> None:
    painter = Painter(out)
    name_width = max(map(len, findings))
    indent = " " * (_STATUS_WIDTH + name_width + 4)
    next_line = f"\n{indent}"
    columns = shutil.get_terminal_size().columns if out.isatty() else 0
    for name, finding in findings.items():
        status = painter.paint(finding.status.ljust(_STATUS_WIDTH), _COLOURS[finding.status])
        lines = _wrapped(finding.message, columns - len(indent))
        if finding.remedy:
            lines += [
                painter.bold(line) for line in _wrapped(finding.remedy, columns - len(indent))
            ]
        print(f"{status}  {name.ljust(name_width)}  {next_line.join(lines)}", file=out)
    counts = Counter(finding.status for finding in findings.values())
    counted = ", ".join(
        f"{counts[status]} {status}" for status in reversed(Status) if counts[status]
    )
    print(f"\n{painter.paint(counted, _COLOURS[_worst(findings)])}", file=out)


def _wrapped(text: str, width: int) -> list[str]:
    safe = escape_controls(text)
    if width < _NARROWEST:
        return [safe]
    return textwrap.wrap(safe, width, break_on_hyphens=False, break_long_words=False)
