"""Runs the analyzer as a user does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from .command_line import run_here
from .markdown import ROOT

__all__ = ["COMMAND", "ROOT", "SCRIPT", "analyzed", "environment", "printed_by", "run"]

SCRIPT = [sys.executable, str(ROOT / "analyze_canvas_logs.py")]


COMMAND = [sys.executable, "-m", "canvas_sync_exporter.cli", "analyze"]


def environment(**settings: str) -> dict[str, str]:
    plain = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("CANVAS_SYNC_") and name != "NO_COLOR"
    }
    return {**plain, "PYTHONUTF8": "1", **settings}


def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments,
        env=environment(**settings),
        capture_output=True,
        encoding="utf-8",
        timeout=600,
        check=False,
    )


def printed_by(*arguments: str, **settings: str) -> str:
    """Return what a process prints; use :func:`analyzed` unless a test needs a process."""
    done = run(*arguments, **settings)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def analyzed(folder: Path, *arguments: str) -> str:
    """What the command says about logs, in this process."""
    done = run_here(["analyze", *arguments, "--log-dir", str(folder)], folder)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout
