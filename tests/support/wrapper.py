"""``canvas-sync-monitor run`` as a process, and what it recorded."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from canvas_sync_core.settings import Settings, read
from support.forked_programs import run_command_forked
from support.log_lines import records_in

__all__ = [
    "PROGRAM",
    "TIMEOUT",
    "end_processes_with",
    "last_error",
    "last_run",
    "logged",
    "run",
    "running",
]

PROGRAM = [sys.executable, "-m", "canvas_sync_exporter.cli", "run"]
TIMEOUT = 600  # for a test that hangs; all waits end by what they wait for


def run(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a wrapper to its end; it is forked, which saves most of its start."""
    return run_command_forked(["run", *words], {**os.environ, **environ}, Path.cwd())


@contextmanager
def running(*words: str, stdin: int | None = None) -> Iterator[subprocess.Popen[str]]:
    """A wrapper whose command has said ``ready``."""
    process = subprocess.Popen([*PROGRAM, *words], stdin=stdin, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        if process.stdin is not None:
            process.stdin.close()


def end_processes_with(argument: str) -> None:
    """End the processes that go on after their wrapper, by an argument that only they have."""
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if argument.encode() in line.read_bytes():
                os.kill(int(line.parent.name), signal.SIGKILL)


def logged(log: str) -> list[dict[str, Any]]:
    return records_in(read(Settings, os.environ).log_dir / f"{log}.log")


def last_run() -> dict[str, Any]:
    return [record for record in logged("operations") if record["event"] == "run_ended"][-1]


def last_error() -> tuple[str, str]:
    record = logged("errors")[-1]
    return record["error_type"], record["message"].partition("ERROR: ")[2].partition(" - ")[0]
