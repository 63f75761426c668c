"""Starts a real exporter for a benchmark."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from child_processes import child_process

__all__ = ["cpu_seconds", "exporter", "exporter_process", "peak_memory"]

_ADDRESS = re.compile(r"http://[^/\s]+")


@contextmanager
def exporter(log_dir: Path, **settings: str) -> Iterator[str]:
    """Start an exporter on a free port; gives its address, as its log tells it.

    Args:
        log_dir: Its ``CANVAS_SYNC_LOG_DIR``.
        settings: Other settings by their names.
    """
    with exporter_process(log_dir, **settings) as (address, _):
        yield address


@contextmanager
def exporter_process(log_dir: Path, **settings: str) -> Iterator[tuple[str, int]]:
    """Do the same; gives its process id too."""
    command = [sys.executable, "-m", "canvas_sync_exporter.cli", "serve", "--port", "0"]
    environment = {**os.environ, "CANVAS_SYNC_LOG_DIR": str(log_dir), **settings}
    log_dir.mkdir(parents=True, exist_ok=True)
    log = log_dir / "exporter.out"
    with (
        log.open("w") as file,
        child_process(command, stdout=None, stderr=file, env=environment) as process,
    ):
        while (found := _ADDRESS.search(log.read_text())) is None and process.poll() is None:
            time.sleep(0.1)
        if found is None:
            sys.exit(log.read_text())
        yield found[0], process.pid


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used, with threads that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_memory(pid: int) -> int:
    """Return the most bytes of memory that a process has had."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) * 1024
