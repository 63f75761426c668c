"""What the demo prints: plain aligned text, in colour only on a terminal that wants it."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from canvas_sync_core.names import TABLE

from .cast import Part
from .processes import Stage

__all__ = ["DemoOutput", "SyncResult"]

_COLOURS = {
    "success": "32",
    "partial": "33",
    "failed": "31",
    "interrupted": "35",
    "cancelled": "33",
    "running": "36",
}
_BOLD, _FAINT = "1", "2"
_HEADINGS = ("user", "story", "status", "time", "API", "throttled", "retried", "created", "updated")


@dataclass(frozen=True, slots=True)
class SyncResult:
    """One sync of a round: its user, and its run as the REST API returns it."""

    part: Part
    run: dict[str, Any]

    @property
    def cells(self) -> tuple[str, ...]:
        """One row of the table."""
        run, items = self.run, self.run["items"].values()
        return (
            str(self.part.user_id),
            self.part.story,
            run["sync_status"],
            f"{run['duration']:.1f} s",
            str(run["api_calls"]),
            str(run["api_throttled"]),
            str(run["api_retried"]),
            str(sum(item["created"] for item in items)),
            str(sum(item["updated"] for item in items)),
        )


class DemoOutput:
    """Prints what happens in the demo.

    Args:
        out: Where to.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._has_colour = out.isatty() and not os.environ.get("NO_COLOR")

    def title(self, canvas_url: str, *, is_simulated: bool, stage: Stage) -> None:
        """Announce what is about to run."""
        kind = "simulated, seeded" if is_simulated else "real"
        self._line(self._paint("canvas-sync-monitor demo", _BOLD))
        self._line(f"  Canvas    {canvas_url} ({kind})")
        self._line(f"  exporter  {stage.url}")
        self._line(f"  files     {stage.folder}")
        self._line()

    def round(self, number: int, results: Sequence[SyncResult]) -> None:
        """Show what a round did."""
        self._line(self._paint(f"Round {number}", _BOLD))
        rows = [result.cells for result in results]
        widths = [max(map(len, column)) for column in zip(_HEADINGS, *rows, strict=True)]
        self._line("  " + self._paint(_aligned(_HEADINGS, widths), _FAINT))
        for result, row in zip(results, rows, strict=True):
            line = _aligned(row, widths)
            status = row[2].ljust(widths[2])
            self._line("  " + line.replace(status, self._paint(status, _COLOURS[row[2]]), 1))
            if result.run["error_message"]:
                self._line("        " + self._paint(result.run["error_message"], _FAINT))
        self._line()

    def where_to_look(self, stage: Stage, cast: Sequence[Part]) -> None:
        """Print commands that show the same elsewhere."""
        self._line(self._paint("Where to look", _BOLD))
        self._line(f"  {self._paint('# everything at a glance, in a browser', _FAINT)}")
        self._line(f"  {stage.url}/")
        for subject, command in _commands(stage, cast):
            self._line(f"  {self._paint('# ' + subject, _FAINT)}")
            self._line(f"  {command}")
        self._line(f"  {self._paint('# the REST API, documented, in a browser', _FAINT)}")
        self._line(f"  {stage.url}/api/canvas/docs")
        self._line()

    def waiting(self) -> None:
        """Announce another round."""
        self._line(self._paint("The next round follows shortly; Ctrl-C ends the demo.", _FAINT))
        self._line()

    def goodbye(self, folder: Path) -> None:
        """Print what remains afterwards."""
        self._line(f"The demo has ended; its files stay in {folder}.")

    def _paint(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._has_colour else text

    def _line(self, text: str = "") -> None:
        print(text, file=self._out, flush=True)


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Words to the left, numbers (from the fourth column on) to the right."""
    padded = [
        cell.ljust(width) if index < 3 else cell.rjust(width)
        for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(padded).rstrip()


def _commands(stage: Stage, cast: Sequence[Part]) -> list[tuple[str, str]]:
    """Subjects and commands that work on this machine as they are printed."""
    user_id = cast[0].user_id
    columns = "user_id, sync_status, duration"
    runs = f"SELECT {columns} FROM {TABLE} ORDER BY id DESC LIMIT 10"  # noqa: S608 - constants
    return [
        ("metrics, of live and dead sync processes together", _get(f"{stage.url}/metrics")),
        ("the newest runs", _get(f"{stage.api}/recent?limit=3")),
        ("runs that did not go well, and why", _get(f"{stage.api}/failed?days=1")),
        ("one user's totals", _get(f"{stage.api}/user/{user_id}/summary?days=7")),
        ("API latency, run durations", _get(f"{stage.api}/performance?days=1")),
        ("is everything well?", _get(f"{stage.api}/health")),
        *(
            (f"the {name} log", f"tail -n 3 {shlex.quote(str(stage.logs / f'{name}.log'))}")
            for name in ("operations", "api_calls", "database", "errors")
        ),
        ("the table of runs", _query(stage.metrics_database, runs)),
        ("what the sync app copied", _query(stage.app_database, "SELECT count(*) FROM grades")),
    ]


def _get(url: str) -> str:
    if shutil.which("curl"):
        return f"curl -s {shlex.quote(url)}"
    code = f"from urllib.request import urlopen; print(urlopen('{url}').read().decode())"
    return f"{shlex.quote(sys.executable)} -c {shlex.quote(code)}"


def _query(database: Path, statement: str) -> str:
    if shutil.which("sqlite3"):
        return f"sqlite3 {shlex.quote(str(database))} {shlex.quote(statement)}"
    rows = f"sqlite3.connect({str(database)!r}).execute({statement!r})"
    code = f"import sqlite3; print(*{rows}, sep='\\n')"
    return f"{shlex.quote(sys.executable)} -c {shlex.quote(code)}"
